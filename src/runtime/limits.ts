/** Limits of an engine, checked before anything is allocated. */
import { launchGrid } from "../kernels/launch.ts";
import { aligned, type BufferSpec, byteLength, launchesOf, type Program } from "../program.ts";
import { EngineError } from "./engine.ts";

/**
 * An object exceeds the device's limit for one piece of memory or, where the whole memory is known, what is free. The state before is unchanged; a smaller size may
 * succeed.
 */
export class MemoryLimitError extends EngineError {
  override readonly name = "MemoryLimitError";
  constructor(
    /** The object that is too large. */
    readonly what: string,
    /** Size in bytes. */
    readonly bytes: number,
    /** Limit in bytes. */
    readonly limit: number,
    /** The advice that ends the message. */
    readonly remedy: string,
    /** Says what there is. */
    readonly there = `holds at most ${limit} in one piece`,
  ) {
    super(`${what} takes ${bytes} bytes, and this device ${there}; ${remedy}`);
  }
}

/** @throws MemoryLimitError where `bytes` exceeds `limit` */
export function checkSize(what: string, bytes: number, limit: number, remedy: string): void {
  if (bytes > limit) throw new MemoryLimitError(what, bytes, limit, remedy);
}

const REMEDIES: Readonly<Record<BufferSpec["kind"], string>> = {
  state: "use a smaller model",
  data: "give dataMemory, so that the data is streamed, or less data",
  constant: "use a smaller tensor",
  input: "use a smaller batch",
  temporary: "use a smaller batch or, in training, accumulate over more parts",
  output: "use a smaller batch, or return fewer outputs from the step",
};

/** Bytes: the limit of one binding, and of a buffer, which may hold the outputs of many steps. */
export interface MemoryLimits {
  readonly binding: number;
  readonly buffer: number;
}

/**
 * Checks a program against the device's limits.
 * @throws MemoryLimitError naming the largest buffer, where it is too large; EngineError where a launch has too many
 *   workgroups
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
  checkSize(
    `${at}: the output of ${maxSteps} steps`,
    rows,
    buffer,
    "give a smaller maxSteps, or return fewer outputs",
  );
  for (const launch of launchesOf(program)) {
    try {
      launchGrid(launch);
    } catch (cause) {
      throw new EngineError(`${at}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** The largest buffer that a program needs in one piece, by {@link byteLength}. */
export function largestBuffer({ buffers }: Pick<Program, "buffers">): BufferSpec | undefined {
  return buffers.reduce<BufferSpec | undefined>(
    (largest, buffer) => (!largest || byteLength(buffer) > byteLength(largest) ? buffer : largest),
    undefined,
  );
}
