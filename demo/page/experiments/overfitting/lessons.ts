/** Training counted in steps, so that networks with few images and with many can take turns: `fit` counts in epochs. */
import { type BatchSource, type CompiledStep, type Loss, openData, type Penalty, type Trainer } from "wgrad";
import type { Augment } from "wgrad/augment";
import type { Dataset } from "wgrad/data";
import { BATCH, TURN } from "./settings.ts";

interface Teaching {
  readonly loss: Loss;
  readonly penalty?: Penalty;
  readonly augment?: Augment;
}

export class Lessons {
  steps = 0;
  #epoch = 0;
  /** Where the batches begin that this epoch has left. */
  #starts: readonly number[] = [];

  private constructor(
    readonly step: CompiledStep,
    readonly source: BatchSource,
  ) {}

  static async compile(
    trainer: Trainer,
    images: Dataset,
    { loss, penalty, augment }: Teaching,
  ): Promise<Lessons> {
    const source = await openData(trainer.engine, images, { batchSize: BATCH });
    const step = await trainer.compile(
      (_inputs, model) => {
        const batch = source.batch(BATCH);
        const { x, y } = augment ? augment.apply(batch) : batch;
        return { minimize: loss.apply(model(x), y) };
      },
      { name: "lesson", data: source.data, maxSteps: TURN, penalty },
    );
    return new Lessons(step, source);
  }

  /** Takes some steps. @throws Error where the loss is no number any more */
  async take(count: number): Promise<void> {
    for (const end = this.steps + count; this.steps < end; ) {
      if (this.#starts.length === 0) await this.#shuffle();
      const now = this.#starts.slice(0, Math.min(TURN, end - this.steps));
      this.#starts = this.#starts.slice(now.length);
      const { loss } = await this.step.runMany(now.length, (i) => ({
        batchStart: now[i],
        epoch: this.#epoch,
      }));
      this.steps += now.length;
      if (!loss.every(Number.isFinite)) throw new Error(`the loss is no number by step ${this.steps}`);
    }
  }

  async #shuffle(): Promise<void> {
    this.#epoch++;
    const { seed } = this.step.trainer;
    // All images are in memory: they come in one part.
    for await (const [full] of this.source.read({ epoch: this.#epoch, seed, shuffle: true }))
      this.#starts = full.starts;
  }

  release(): void {
    this.step.release();
    this.source.release();
  }
}
