/** Data sets on an engine, and the compiled steps over them. This module is loaded on the first use. */
import type { Dataset } from "../data/dataset.ts";
import type { Engine } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import type { OpenOptions } from "./open.ts";
import { ResidentDataset } from "./resident.ts";
import { type BatchSource, batches, bytesPerSample, type Data, streamedRows } from "./source.ts";

export { ResidentDataset };

/** Default memory of a stream in bytes: large enough to hide the filling of its slots. */
const STREAM_BYTES = 64 * 2 ** 20;

/** Most samples of a batch: unlimited for a resident data set, otherwise half of the samples that fit at once. */
export function mostPerBatch(engine: Engine, data: Data, dataMemory: number | undefined): number {
  if (fitsWhole(engine, data, dataMemory)) return Number.POSITIVE_INFINITY;
  return streamedRows(data, streamBytes(engine, dataMemory));
}

function fitsWhole(engine: Engine, data: Data, dataMemory = Number.POSITIVE_INFINITY): data is Dataset {
  if ("open" in data) return false;
  const largest = Math.max(data.inputs.data.byteLength, data.targets.data.byteLength);
  return data.count * bytesPerSample(data) <= dataMemory && largest <= engine.info.maxBufferBytes;
}

function streamBytes(engine: Engine, dataMemory = STREAM_BYTES): number {
  return Math.min(dataMemory, engine.info.maxBufferBytes);
}

/** A data set on an engine: resident where possible, otherwise streamed. */
export async function opened(
  engine: Engine,
  data: Data,
  { batchSize, dataMemory }: OpenOptions,
): Promise<BatchSource> {
  if (fitsWhole(engine, data, dataMemory)) return new ResidentDataset(engine, data, batchSize);
  // Loaded for streams only.
  const { StreamedDataset } = await import("./streamed.ts");
  return new StreamedDataset(engine, data, batchSize, streamBytes(engine, dataMemory));
}

/** One step for full batches, and one for the remainder: exact, whatever layers do with a batch. */
export async function compileSteps(
  source: BatchSource,
  count: number,
  batchSize: number,
  compile: (size: number) => Promise<CompiledStep>,
): Promise<Map<number, CompiledStep>> {
  const steps = new Map<number, CompiledStep>();
  const compiling = batches(count, batchSize).map(async ({ size }) => {
    const step = await compile(size);
    steps.set(size, step);
    source.check(step.program);
  });
  const failed = (await Promise.allSettled(compiling)).find(({ status }) => status === "rejected");
  if (failed?.status !== "rejected") return steps;
  for (const step of steps.values()) step.release();
  throw failed.reason;
}
