/** A whole set of images in the engine's memory, and the step that marks a network on it: as often as one likes. */
import { type CompiledStep, correctCount, type Loss, openData, type Trainer } from "wgrad";
import type { Dataset } from "wgrad/data";
import type { Marks } from "./settings.ts";

export class Exam {
  private constructor(
    readonly step: CompiledStep,
    readonly count: number,
    readonly release: () => void,
  ) {}

  static async compile(trainer: Trainer, images: Dataset, loss: Loss): Promise<Exam> {
    const { count } = images;
    const source = await openData(trainer.engine, images, { batchSize: count });
    // Puts the images in their order, which is all that is to be read.
    for await (const _part of source.read({ epoch: 0, seed: 0, shuffle: false }));
    const step = await trainer.compile(
      (_inputs, model) => {
        const { x, y } = source.batch(count);
        const outputs = model(x);
        return { cost: loss.apply(outputs, y), correct: correctCount(outputs, y) };
      },
      { name: "exam", training: false, data: source.data },
    );
    return new Exam(step, count, () => {
      step.release();
      source.release();
    });
  }

  async run(): Promise<Marks> {
    const { cost, correct } = await this.step.run({}, { batchStart: 0 });
    return { accuracy: correct[0] / this.count, cost: cost[0] };
  }
}
