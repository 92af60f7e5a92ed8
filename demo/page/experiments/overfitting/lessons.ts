/** Training counted in steps, so that networks with few images and with many can take turns: `fit` counts in epochs. */
import { type BatchSource, type CompiledStep, type Loss, openData, type Penalty, type Trainer } from "wgrad";
import type { Augment } from "wgrad/augment";
import type { Dataset } from "wgrad/data";
import { Batches } from "../../../batches.ts";
import { BATCH, TURN } from "./settings.ts";

interface Teaching {
  readonly loss: Loss;
  readonly penalty?: Penalty;
  readonly augment?: Augment;
}

export class Lessons {
  steps = 0;
  readonly #batches: Batches;

  private constructor(
    readonly step: CompiledStep,
    readonly source: BatchSource,
  ) {
    this.#batches = new Batches(source, { size: BATCH, seed: step.owner.seed });
  }

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
      const { epoch, starts } = await this.#batches.take(Math.min(TURN, end - this.steps));
      const { loss } = await this.step.runMany(starts.length, (i) => ({ batchStart: starts[i], epoch }));
      this.steps += starts.length;
      if (!loss.every(Number.isFinite)) throw new Error(`the loss is not finite at step ${this.steps}`);
    }
  }

  release(): void {
    this.step.release();
    this.source.release();
  }
}
