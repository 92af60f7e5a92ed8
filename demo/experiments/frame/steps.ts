/** Training counted in steps instead of epochs: a step that reads its batches from a data set in the engine's memory. */
import { type BatchSource, type CompiledStep, type Loss, openData, type Trainer } from "wgrad";
import type { Dataset } from "wgrad/data";
import { Batches } from "../../batches.ts";

/** The most steps in one submit. */
const AT_ONCE = 50;

export class Steps {
  readonly #batches: Batches;

  private constructor(
    readonly step: CompiledStep,
    readonly source: BatchSource,
    size: number,
  ) {
    this.#batches = new Batches(source, { size, seed: step.owner.seed, firstEpoch: 0 });
  }

  /** Compiles the training step of `trainer` on full batches of `data`, which come in a new order every epoch. */
  static async compile(
    trainer: Trainer,
    data: Dataset,
    { loss, batchSize }: { readonly loss: Loss; readonly batchSize: number },
  ): Promise<Steps> {
    const source = await openData(trainer.engine, data, { batchSize });
    const step = await trainer.compile(
      (_inputs, model) => {
        const { x, y } = source.batch(batchSize);
        return { minimize: loss.apply(model(x), y) };
      },
      { name: "train", data: source.data, maxSteps: AT_ONCE },
    );
    return new Steps(step, source, batchSize);
  }

  /** Takes some steps. @returns the loss of each one's batch, before the step */
  async run(count: number): Promise<number[]> {
    const losses: number[] = [];
    while (losses.length < count) {
      const { starts } = await this.#batches.take(Math.min(AT_ONCE, count - losses.length));
      const { loss } = await this.step.runMany(starts.length, (i) => ({ batchStart: starts[i] }));
      losses.push(...loss);
    }
    return losses;
  }

  release(): void {
    this.step.release();
    this.source.release();
  }
}
