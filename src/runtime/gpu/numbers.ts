/** The numbers of a program's launches: sizes, offsets and factors that their shaders read at run time. */
import type { MemoryRole } from "../ledger.ts";
import { alignUp, BufferUsage, OFFSET_ALIGNMENT, UNIFORM_ALIGNMENT } from "./constants.ts";
import type { PreparedProgram } from "./pipelines.ts";

/** Creates a buffer that the program owns. */
export type MakeBuffer = (role: MemoryRole, label: string, size: number, usage: number) => GPUBuffer;

/**
 * One uniform buffer that never changes, with a place for the numbers of each launch: undefined for a launch without any.
 * They are bound at fixed offsets, with the launch's memory, so that steps bind nothing more than without numbers.
 */
export function layNumbers(
  device: GPUDevice,
  { pipelines }: PreparedProgram,
  make: MakeBuffer,
): readonly (GPUBufferBinding | undefined)[] {
  const starts: number[] = [];
  let size = 0;
  for (const { numbers } of pipelines) {
    starts.push(size);
    size += alignUp(numbers.byteLength, OFFSET_ALIGNMENT);
  }
  if (size === 0) return pipelines.map(() => undefined);
  const words = new Uint32Array(size / 4);
  pipelines.forEach(({ numbers }, i) => {
    words.set(numbers, starts[i] / 4);
  });
  const buffer = make("constants", "numbers", size, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
  device.queue.writeBuffer(buffer, 0, words);
  return pipelines.map(({ numbers }, i) =>
    numbers.length > 0
      ? { buffer, offset: starts[i], size: alignUp(numbers.byteLength, UNIFORM_ALIGNMENT) }
      : undefined,
  );
}
