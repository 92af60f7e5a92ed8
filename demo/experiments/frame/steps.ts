/** Training counted in steps instead of epochs: a step that reads its batches from a data set in the engine's memory. */
import {
  type CompiledStep,
  type DType,
  dataSource,
  type Engine,
  type EngineBuffer,
  gather,
  type Loss,
  mul,
  stepWindow,
  type Tensor,
  type Trainer,
} from "wgrad";
import { type Dataset, epochOrder, type Field } from "wgrad/data";

/** The most steps in one submit. */
const AT_ONCE = 50;

export class Steps {
  #taken = 0;

  private constructor(
    readonly step: CompiledStep,
    readonly memory: Readonly<Record<"inputs" | "targets" | "order", EngineBuffer>>,
    readonly count: number,
    readonly batchSize: number,
  ) {}

  /** Compiles the training step of `trainer` on batches of `data`, which come in a new order every epoch. */
  static async compile(
    trainer: Trainer,
    data: Dataset,
    { loss, batchSize }: { readonly loss: Loss; readonly batchSize: number },
  ): Promise<Steps> {
    const { engine } = trainer;
    const memory = {
      inputs: upload(engine, "inputs", data.inputs),
      targets: upload(engine, "targets", data.targets),
      order: engine.buffer("order", "i32", data.count, new Int32Array(data.count)),
    };
    const body = (_inputs: object, model: (x: Tensor) => Tensor) => {
      const batch = stepWindow(dataSource("order", [data.count], "i32"), "batchStart", batchSize);
      const outputs = model(rows("inputs", data.inputs, data.count, batch));
      return { minimize: loss.apply(outputs, rows("targets", data.targets, data.count, batch)) };
    };
    const step = await trainer.compile(body, { name: "train", data: memory, maxSteps: AT_ONCE });
    return new Steps(step, memory, data.count, batchSize);
  }

  /** Takes some steps. @returns the loss of each one's batch, before the step */
  async run(count: number): Promise<number[]> {
    const perEpoch = Math.floor(this.count / this.batchSize);
    const losses: number[] = [];
    while (losses.length < count) {
      const position = this.#taken % perEpoch;
      if (position === 0) this.#shuffle(this.#taken / perEpoch);
      const now = Math.min(AT_ONCE, count - losses.length, perEpoch - position);
      const { loss } = await this.step.runMany(now, (i) => ({ batchStart: (position + i) * this.batchSize }));
      losses.push(...loss);
      this.#taken += now;
    }
    return losses;
  }

  #shuffle(epoch: number): void {
    this.memory.order.write(Int32Array.from(epochOrder(this.count, this.step.trainer.seed, epoch)));
  }

  release(): void {
    this.step.release();
    for (const buffer of Object.values(this.memory)) buffer.release();
  }
}

function upload(engine: Engine, name: string, { data }: Field): EngineBuffer {
  return engine.buffer(name, typeOf(data), data.length, data);
}

function rows(name: string, { data, shape, scale }: Field, count: number, indices: Tensor): Tensor {
  return mul(gather(dataSource(name, [count, ...shape], typeOf(data)), indices), scale);
}

function typeOf(data: Field["data"]): DType {
  return data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u8";
}
