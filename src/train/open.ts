/** Opens data sets on an engine. */
import { checkOptions, checkWhole } from "../checks.ts";
import { checkData } from "../data/dataset.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import type { BatchSource, Data } from "./source.ts";

export interface OpenOptions {
  readonly batchSize: number;
  /** Limit in bytes of the data set's memory on the engine (default: as much as fits). */
  readonly dataMemory?: number;
}

/**
 * Opens a data set on an engine: resident where it fits into `dataMemory` and the device, otherwise streamed.
 * @throws RangeError where `batchSize` is no whole number from 1, or `dataMemory` is not above 0
 * @throws TypeError where an argument is of another kind, or an option is unknown; MemoryLimitError where a batch does
 *   not fit
 */
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
