/** Training counted in steps instead of epochs: a step that reads its batches from a data set in the engine's memory. */
import { type BatchSource, type CompiledStep, type Loss, openData, type Trainer } from "wgrad";
import type { Dataset } from "wgrad/data";

/** The most steps in one submit. */
const AT_ONCE = 50;

export class Steps {
  /** Where the batches of the epoch begin that are still to come. */
  #starts: readonly number[] = [];
  #epoch = 0;

  private constructor(
    readonly step: CompiledStep,
    readonly source: BatchSource,
  ) {}

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
    return new Steps(step, source);
  }

  /** Takes some steps. @returns the loss of each one's batch, before the step */
  async run(count: number): Promise<number[]> {
    const losses: number[] = [];
    while (losses.length < count) {
      if (this.#starts.length === 0) await this.#shuffle();
      const now = this.#starts.slice(0, Math.min(AT_ONCE, count - losses.length));
      this.#starts = this.#starts.slice(now.length);
      const { loss } = await this.step.runMany(now.length, (i) => ({ batchStart: now[i] }));
      losses.push(...loss);
    }
    return losses;
  }

  async #shuffle(): Promise<void> {
    const { seed } = this.step.trainer;
    // Resident data come in one part: full batches, and perhaps a smaller last one.
    for await (const [full] of this.source.read({ epoch: this.#epoch, seed, shuffle: true }))
      this.#starts = full.starts;
    this.#epoch++;
  }

  release(): void {
    this.step.release();
    this.source.release();
  }
}
