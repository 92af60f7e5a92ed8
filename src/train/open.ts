/** Data sets put on an engine, and the steps over them compiled. */
import type { Engine } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { ResidentDataset } from "./resident.ts";
import { type BatchSource, batches, bytesPerSample, type Data } from "./source.ts";

export interface OpenOptions {
  readonly batchSize: number;
  /** Bytes of the engine's memory that the data set may take (default: as much as fits). */
  readonly dataMemory?: number;
}

/** What a stream takes unless told otherwise: enough that filling its slots goes unnoticed. */
const STREAM_BYTES = 64 * 2 ** 20;

/** Puts a data set on an engine as a whole where it may be and fits, and streams it otherwise. */
export async function openData(
  engine: Engine,
  data: Data,
  { batchSize, dataMemory }: OpenOptions,
): Promise<BatchSource> {
  if (dataMemory !== undefined && !(dataMemory > 0)) {
    throw new RangeError(`dataMemory is ${dataMemory}; give a number of bytes, or leave it out`);
  }
  const most = engine.info.maxBufferBytes;
  if (!("open" in data)) {
    const largest = Math.max(data.inputs.data.byteLength, data.targets.data.byteLength);
    const allowed = dataMemory ?? Number.POSITIVE_INFINITY;
    if (data.count * bytesPerSample(data) <= allowed && largest <= most)
      return new ResidentDataset(engine, data, batchSize);
  }
  // Loaded by those who stream only.
  const { StreamedDataset } = await import("./streamed.ts");
  return new StreamedDataset(engine, data, batchSize, Math.min(dataMemory ?? STREAM_BYTES, most));
}

/** A step for full batches, and one for what is left over: exact, whatever the layers do with a batch. */
export async function compileSteps(
  source: BatchSource,
  count: number,
  batchSize: number,
  compile: (size: number) => Promise<CompiledStep>,
): Promise<Map<number, CompiledStep>> {
  const steps = await Promise.all(
    batches(count, batchSize).map(async ({ size }) => {
      const step = await compile(size);
      source.check(step.program);
      return [size, step] as const;
    }),
  );
  return new Map(steps);
}
