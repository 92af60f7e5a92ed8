/** Data sets put on an engine, and the steps over them compiled. */
import { checkOptions, checkWhole } from "../checks.ts";
import { checkData, type Dataset } from "../data/dataset.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { ResidentDataset } from "./resident.ts";
import { type BatchSource, batches, bytesPerSample, type Data, streamedRows } from "./source.ts";

export interface OpenOptions {
  readonly batchSize: number;
  /** Bytes of the engine's memory that the data set may take (default: as much as fits). */
  readonly dataMemory?: number;
}

/** What a stream takes unless told otherwise: enough that filling its slots goes unnoticed. */
const STREAM_BYTES = 64 * 2 ** 20;

/**
 * How many samples a batch can have: any number where the data set lies on the engine as a whole, else half of what may lie
 * there at once.
 */
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

/** Puts a data set on an engine as a whole where it may be and fits, and streams it otherwise. */
export async function openData(engine: Engine, data: Data, options: OpenOptions): Promise<BatchSource> {
  checkEngine("openData", engine);
  checkData("openData", "the data", data);
  checkOptions("openData", options, { batchSize: "number", dataMemory: "number" });
  const { batchSize, dataMemory } = options;
  checkWhole("openData: batchSize", batchSize);
  if (dataMemory !== undefined && !(dataMemory > 0)) {
    throw new RangeError(`dataMemory is ${dataMemory}; give a number of bytes, or leave it out`);
  }
  if (fitsWhole(engine, data, dataMemory)) return new ResidentDataset(engine, data, batchSize);
  // Loaded by those who stream only.
  const { StreamedDataset } = await import("./streamed.ts");
  return new StreamedDataset(engine, data, batchSize, streamBytes(engine, dataMemory));
}

/** A step for full batches, and one for what is left over: exact, whatever the layers do with a batch. */
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
