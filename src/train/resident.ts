/** Data sets that lie on an engine as a whole, in their own type. */
import type { Dataset } from "../data/dataset.ts";
import type { Batch } from "../nn/batch.ts";
import type { Program } from "../program.ts";
import { epochOrder } from "../random.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import {
  type Batches,
  type BatchSource,
  batches,
  checkColumns,
  type Reading,
  tracedBatch,
  typeOf,
} from "./source.ts";

/** A data set in an engine's memory, with the order in which its samples are read. */
export class ResidentDataset implements BatchSource {
  /** Memory for the data sources of {@link batch}, by name. */
  readonly data: Readonly<Record<string, EngineBuffer>>;
  readonly batchesAtOnce: number;

  constructor(
    engine: Engine,
    readonly dataset: Dataset,
    readonly batchSize: number,
  ) {
    const { name, inputs, targets, count } = dataset;
    this.batchesAtOnce = Math.ceil(count / batchSize);
    this.data = {
      inputs: engine.buffer(`${name} inputs`, typeOf(inputs), inputs.data.length, inputs.data),
      targets: engine.buffer(`${name} targets`, typeOf(targets), targets.data.length, targets.data),
      order: engine.buffer(`${name} order`, "i32", count),
    };
  }

  batch(size: number, offset = 0): Batch {
    return tracedBatch(this.dataset, this.dataset.count, size, offset, false);
  }

  check(program: Program): void {
    const { name, inputs, targets } = this.dataset;
    checkColumns(name, program, { inputs: inputs.data, targets: targets.data });
  }

  async *read({ epoch, seed, shuffle }: Reading): AsyncGenerator<readonly Batches[]> {
    const { count } = this.dataset;
    const order = epochOrder(count, seed, epoch, shuffle);
    this.data.order.write(new Int32Array(order.buffer));
    yield batches(count, this.batchSize);
  }

  release(): void {
    for (const buffer of Object.values(this.data)) buffer.release();
  }
}
