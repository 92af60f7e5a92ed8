/** What an engine cannot run, found out before anything of it is made. */
import { launchGrid } from "../kernels/launch.ts";
import { aligned, type BufferSpec, byteLength, launchesOf, type Program } from "../program.ts";
import { EngineError } from "./engine.ts";

/**
 * Something is larger than the device can hold in one piece. Whoever chose its size may choose a smaller one: all is as it
 * was before.
 */
export class MemoryLimitError extends EngineError {
  override readonly name = "MemoryLimitError";
  /** @param what names what is too large; @param remedy says what to do */
  constructor(
    what: string,
    /** How many bytes it takes. */
    readonly bytes: number,
    /** How many it may take. */
    readonly limit: number,
    remedy: string,
  ) {
    super(`${what} takes ${bytes} bytes, and this device holds at most ${limit} in one piece; ${remedy}`);
  }
}

/** @throws MemoryLimitError where `bytes` are more than `limit` */
export function checkSize(what: string, bytes: number, limit: number, remedy: string): void {
  if (bytes > limit) throw new MemoryLimitError(what, bytes, limit, remedy);
}

const REMEDIES: Readonly<Record<BufferSpec["kind"], string>> = {
  state: "use a smaller model",
  data: "give dataMemory, so that the data is streamed, or less data",
  constant: "use a smaller tensor",
  input: "use a smaller batch",
  temporary: "use a smaller batch or, where the step trains, accumulate it in more parts",
  output: "use a smaller batch, or return less from the step",
};

/** Bytes: of what a kernel can use at once, and of a buffer, which may hold the outputs of many steps. */
export interface MemoryLimits {
  readonly binding: number;
  readonly buffer: number;
}

/**
 * Holds a program against what a device can run.
 * @throws MemoryLimitError naming the largest buffer where it is too large; EngineError for more workgroups than there are
 */
export function checkLimits(program: Program, { binding, buffer }: MemoryLimits, maxSteps = 1): void {
  const at = `program ${program.name}`;
  const largest = largestBuffer(program);
  if (largest) {
    const { name, kind } = largest;
    checkSize(`${at}: ${kind} "${name}"`, byteLength(largest), binding, REMEDIES[kind]);
  }
  const outputs = program.buffers.filter(({ kind }) => kind === "output");
  const rows = outputs.reduce((sum, { length }) => sum + aligned(length) * 4, 0) * maxSteps;
  checkSize(`${at}: what ${maxSteps} steps return`, rows, buffer, "give a smaller maxSteps, or return less");
  for (const launch of launchesOf(program)) {
    try {
      launchGrid(launch);
    } catch (cause) {
      throw new EngineError(`${at}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** What a program needs in one piece: the largest of its buffers, by {@link byteLength}. */
export function largestBuffer({ buffers }: Pick<Program, "buffers">): BufferSpec | undefined {
  return buffers.reduce<BufferSpec | undefined>(
    (largest, buffer) => (!largest || byteLength(buffer) > byteLength(largest) ? buffer : largest),
    undefined,
  );
}
