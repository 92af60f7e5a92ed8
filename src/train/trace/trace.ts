/**
 * Finds the first number of a training step that is not finite. This module is loaded where a loss or a weight has become
 * NaN or infinite.
 */
import type { TrainingParts } from "../settings.ts";
import type { BatchSource } from "../source.ts";
import { inBatch } from "./batch.ts";
import { Launches } from "./launches.ts";
import type { DivergenceReport } from "./report.ts";
import { inState } from "./state.ts";
import { inScalars, type TracedStep } from "./step.ts";

export { reportInWords } from "./report.ts";
export type { TracedStep } from "./step.ts";

/**
 * Takes a step again, launch by launch, and says where its first number that is not finite comes from. The trainer is in the
 * state before the step, as it is again afterwards; the source holds the step's batch. Nothing else may run on the trainer
 * meanwhile.
 * @throws EngineError as `Engine.compile` and `Executable.run`; the trainer's state is then unknown where the device was lost
 */
export async function traceNonFinite(
  parts: TrainingParts,
  source: BatchSource,
  step: TracedStep,
): Promise<DivergenceReport> {
  const tracer = new Tracer(parts, source, step.size);
  try {
    return await tracer.trace(step);
  } finally {
    tracer.release();
  }
}

/** Traces any number of steps with batches of one size: they share what is compiled. */
export class Tracer {
  readonly #launches: Launches;

  constructor(
    readonly parts: TrainingParts,
    readonly source: BatchSource,
    size: number,
  ) {
    this.#launches = new Launches(parts, source, size);
  }

  /** As {@link traceNonFinite}. */
  async trace(step: TracedStep): Promise<DivergenceReport> {
    const { trainer } = this.parts;
    const moment = { step: trainer.steps + 1, epoch: step.epoch };
    const state = await trainer.state();
    const found =
      inState(trainer, state) ??
      (await inBatch(trainer, this.source, step)) ??
      inScalars(trainer, step) ??
      (await this.#launches.find(step, state));
    return { ...moment, ...(found ?? { place: "unknown" }) };
  }

  /** Frees the memory of what was compiled. */
  release(): void {
    this.#launches.release();
  }
}
