/** Data sets resident on an engine, in their own type. */
import type { Dataset } from "../data/dataset.ts";
import type { Batch } from "../nn/training/batch.ts";
import type { Program } from "../program.ts";
import { epochOrder } from "../random.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import {
  type Batches,
  type BatchSource,
  batches,
  type Reading,
  SourceMemory,
  tracedBatch,
  typeOf,
} from "./source.ts";

/** A data set in an engine's memory, with the order of its samples. */
export class ResidentDataset implements BatchSource {
  /** Sample indices in reading order. */
  readonly order: EngineBuffer;
  readonly batchesAtOnce: number;
  readonly #memory: SourceMemory;

  constructor(
    engine: Engine,
    readonly dataset: Dataset,
    readonly batchSize: number,
  ) {
    const { name, inputs, targets, count } = dataset;
    this.batchesAtOnce = Math.ceil(count / batchSize);
    this.#memory = new SourceMemory(engine, name);
    this.#memory.add("inputs", typeOf(inputs), inputs.data.length, inputs.data);
    this.#memory.add("targets", typeOf(targets), targets.data.length, targets.data);
    this.order = this.#memory.add("order", "i32", count);
  }

  get data(): Readonly<Record<string, EngineBuffer>> {
    return this.#memory.data;
  }

  batch(size: number, offset = 0): Batch {
    return tracedBatch(this.dataset, this.#memory.nameOf, this.dataset.count, size, offset, false);
  }

  check(program: Program): void {
    const { inputs, targets } = this.dataset;
    this.#memory.check(program, { inputs: inputs.data, targets: targets.data }, this.dataset.classes);
  }

  async *read({ epoch, seed, shuffle }: Reading): AsyncGenerator<readonly Batches[]> {
    const { count } = this.dataset;
    const order = epochOrder(count, seed, epoch, shuffle);
    this.order.write(new Int32Array(order.buffer));
    yield batches(count, this.batchSize);
  }

  release(): void {
    this.#memory.release();
  }
}
