/** Data sets on an engine, and the batches that steps read out of them. */
import type { Dataset, Field } from "../data/dataset.ts";
import { gather } from "../nn/ops/gather.ts";
import { mul } from "../nn/ops/scalar.ts";
import { slice } from "../nn/ops/slice.ts";
import { dataSource, stepWindow } from "../nn/ops/source.ts";
import type { Tensor } from "../nn/tensor.ts";
import type { DType, Program } from "../program.ts";
import { checkIndices, type Engine, type EngineBuffer } from "../runtime/engine.ts";

/** The step scalar that says where in the order a batch begins. */
export const BATCH_START = "batchStart";

/** A data set in an engine's memory, in its own type, with the order in which its samples are read. */
export class ResidentDataset {
  /** Memory for the data sources of {@link batch}, by name. */
  readonly data: Readonly<Record<string, EngineBuffer>>;

  constructor(
    engine: Engine,
    readonly dataset: Dataset,
  ) {
    const { name, inputs, targets, count } = dataset;
    this.data = {
      inputs: engine.buffer(`${name} inputs`, typeOf(inputs), inputs.data.length, inputs.data),
      targets: engine.buffer(`${name} targets`, typeOf(targets), targets.data.length, targets.data),
      order: engine.buffer(
        `${name} order`,
        "i32",
        count,
        Int32Array.from({ length: count }, (_, i) => i),
      ),
    };
  }

  /** Sets the order of samples for the steps enqueued from now on. */
  setOrder(order: Uint32Array): void {
    this.data.order.write(new Int32Array(order.buffer as ArrayBuffer, order.byteOffset, order.length));
  }

  /** Traces a batch of `size` samples: those of the order from step scalar `batchStart` on, plus `offset`. */
  batch(size: number, offset = 0): { x: Tensor; y: Tensor } {
    const { inputs, targets, count } = this.dataset;
    const order = dataSource("order", [count], "i32");
    const indices = slice(stepWindow(order, BATCH_START, offset + size), offset);
    return { x: rows("inputs", inputs, count, indices), y: rows("targets", targets, count, indices) };
  }

  /**
   * Holds the data against what a program does with it.
   * @throws EngineError naming the first class or index that the model has no place for.
   */
  check(program: Program): void {
    const { name, inputs, targets } = this.dataset;
    for (const [buffer, { data }] of Object.entries({ inputs, targets })) {
      const spec = program.buffers.find((found) => found.kind === "data" && found.name === buffer);
      if (spec?.indices) checkIndices(`${name} ${buffer}`, data, spec.indices);
    }
  }

  release(): void {
    for (const buffer of Object.values(this.data)) buffer.release();
  }
}

function rows(name: string, field: Field, count: number, indices: Tensor): Tensor {
  return mul(gather(dataSource(name, [count, ...field.shape], typeOf(field)), indices), field.scale);
}

function typeOf({ data }: Field): DType {
  return data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u8";
}
