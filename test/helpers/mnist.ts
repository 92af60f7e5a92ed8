/** MNIST's real files, where the environment names a folder with them, and training on them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, mnist } from "../../src/data/index.ts";
import * as wgrad from "../../src/index.ts";

const { MNIST_DIR } = process.env;

/** Trains a model on the suite's engine. @returns its test accuracy after the last epoch */
type Train = (model: wgrad.Model, options: wgrad.FitOptions) => Promise<number>;

/** A suite that runs where MNIST_DIR is set, and says so where it is not. */
export function describeOnMnist(
  name: string,
  open: () => wgrad.Engine | Promise<wgrad.Engine>,
  suite: (train: Train) => void,
): void {
  describe.runIf(MNIST_DIR)(name, () => {
    let engine: wgrad.Engine;
    let data: { train: Dataset; test: Dataset };
    beforeAll(async () => {
      engine = await open();
      data = await mnist({ dir: MNIST_DIR });
    });
    afterAll(() => engine.destroy());

    suite(async (model, options) => {
      const run = wgrad.fit(engine, model, data.train, options);
      for await (const _ of run) {
        // Only the end counts.
      }
      const { accuracy } = await wgrad.evaluate(run.trainer, data.test, { loss: options.loss });
      run.trainer.release();
      console.log(`test accuracy ${accuracy}`);
      return accuracy as number;
    });
  });

  describe.skipIf(MNIST_DIR)(name, () => {
    it("did not run: MNIST_DIR names no folder with the four files", () => {
      expect(MNIST_DIR).toBeUndefined();
    });
  });
}
