/** Data sets put on an engine. */
import { checkOptions, checkWhole } from "../checks.ts";
import { checkData } from "../data/dataset.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import type { BatchSource, Data } from "./source.ts";

export interface OpenOptions {
  readonly batchSize: number;
  /** Bytes of the engine's memory that the data set may take (default: as much as fits). */
  readonly dataMemory?: number;
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
  const { opened } = await import("./opened.ts");
  return opened(engine, data, options);
}
