/** Which batch size would fit, once one did not. This module is loaded then. */
import type { Program } from "../program.ts";
import { byteLength } from "../program.ts";
import type { Engine, MemoryPiece } from "../runtime/engine.ts";
import { largestBuffer, MemoryLimitError } from "../runtime/limits.ts";
import { programPieces } from "../runtime/plan.ts";
import { type CompileStepOptions, type InputSpec, type StepBody, traceStep } from "./compileStep.ts";
import { pendingPieces } from "./needs.ts";
import { batches } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** A step over batches, at any size. */
export interface Sized {
  readonly trainer: Trainer;
  /** Number of samples in a pass. */
  readonly count: number;
  readonly batchSize: number;
  /** Name of the option. */
  readonly option: string;
  /** In training: into how many parts a batch is divided. */
  readonly accumulate?: number;
  step(
    size: number,
    accumulate: number,
  ): {
    readonly body: StepBody<Record<string, InputSpec>>;
    readonly options: CompileStepOptions<Record<string, InputSpec>>;
  };
}

/** Most parts of a batch that are tried. */
const MOST_PARTS = 64;

/** The error, with the largest batch size that fits, and the fewest parts into which to divide the one that did not. */
export async function advised(error: unknown, sized: Sized): Promise<unknown> {
  if (!(error instanceof MemoryLimitError)) return error;
  const { batchSize, option, accumulate } = sized;
  const advice: string[] = [];
  let [fitting, tooLarge] = [0, batchSize];
  while (tooLarge - fitting > 1) {
    const middle = (fitting + tooLarge) >> 1;
    if (await fits(sized, middle, accumulate !== undefined && middle % accumulate === 0 ? accumulate : 1))
      fitting = middle;
    else tooLarge = middle;
  }
  if (fitting > 0) advice.push(`${option} of at most ${fitting} fits`);
  if (accumulate !== undefined) {
    for (let parts = accumulate + 1; parts <= Math.min(batchSize, MOST_PARTS); parts++) {
      if (batchSize % parts > 0 || !(await fits(sized, batchSize, parts))) continue;
      advice.push(`accumulate: ${parts} with this one fits`);
      break;
    }
  }
  if (advice.length === 0)
    advice.push(`not even one sample fits: use a smaller model, or give a smaller dataMemory`);
  const { what, bytes, limit, remedy, there } = error;
  return new MemoryLimitError(what, bytes, limit, `${remedy}; ${advice.join(", and ")}`, there);
}

/** Whether all steps of a pass would find room together, with the model's memory. */
async function fits(
  { trainer, count, step }: Sized,
  batchSize: number,
  accumulate: number,
): Promise<boolean> {
  const { engine } = trainer;
  const pieces: MemoryPiece[] = pendingPieces(trainer);
  for (const { size } of batches(count, batchSize)) {
    const { body, options } = step(size, size % accumulate === 0 ? accumulate : 1);
    const { program, maxSteps } = await traceStep(trainer, body, options);
    if (!within(engine, program, maxSteps)) return false;
    if (engine.room) pieces.push(...(await engine.room.pieces(program, maxSteps)));
  }
  return engine.room?.fits(pieces) ?? true;
}

/** Whether each of a program's pieces is within the device's limit. */
function within({ info: { maxBufferBytes } }: Engine, program: Program, maxSteps: number): boolean {
  const largest = largestBuffer(program);
  const sizes = programPieces(program, maxSteps).map(({ bytes }) => bytes);
  return Math.max(...sizes, largest ? byteLength(largest) : 0) <= maxBufferBytes;
}
