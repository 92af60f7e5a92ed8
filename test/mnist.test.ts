/** What the README claims of MNIST, on the real files. They run where MNIST_DIR is set. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, mnist } from "../src/data/index.ts";
import * as wgrad from "../src/index.ts";

const { MNIST_DIR } = process.env;
const MINUTES = 60_000;

describe.runIf(MNIST_DIR)("MNIST", () => {
  let gpu: Awaited<ReturnType<typeof wgrad.connect>>;
  let data: { train: Dataset; test: Dataset };
  beforeAll(async () => {
    gpu = await wgrad.connect();
    data = await mnist({ dir: MNIST_DIR });
  });
  afterAll(() => gpu.destroy());

  /** Test accuracy after the last epoch. */
  async function accuracy(model: wgrad.Model, options: wgrad.FitOptions): Promise<number> {
    const run = wgrad.fit(gpu, model, data.train, options);
    for await (const _ of run) {
      // Only the end counts.
    }
    const { accuracy } = await wgrad.evaluate(run.trainer, data.test, { loss: options.loss });
    run.trainer.release();
    console.log(`test accuracy ${accuracy}`);
    return accuracy as number;
  }

  it.each([1, 2, 3])(
    "784-256-128-10 with Adam, 5 epochs, seed %i: at least 97.5 %",
    async (seed) => {
      const { dense, relu, sequential } = wgrad;
      const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
      expect(
        await accuracy(model, { optimizer: wgrad.adam(), epochs: 5, batchSize: 128, seed }),
      ).toBeGreaterThanOrEqual(0.975);
    },
    3 * MINUTES,
  );

  it(
    "a ConvNet in one epoch, seed 1: at least 98.7 %",
    async () => {
      const { conv2d, dense, maxPool2d, relu, sequential } = wgrad;
      const stage = (filters: number, kernel: number) => [conv2d(filters, kernel), maxPool2d(2), relu()];
      const model = sequential(...stage(24, 5), ...stage(32, 3), dense(256), relu(), dense(10));
      const options: wgrad.FitOptions = {
        optimizer: wgrad.adam({ lr: 0.01, beta1: 0.7, beta2: 0.9 }),
        schedule: wgrad.oneCycle(),
        batchSize: 256,
        epochs: 1,
        seed: 1,
      };
      expect(await accuracy(model, options)).toBeGreaterThanOrEqual(0.987);
    },
    10 * MINUTES,
  );

  const textbook = { batchSize: 10, epochs: 30, seed: 1 };

  it(
    "the textbook's 784-30-10 with sigmoid and quadratic cost, learning rate 3: at least 95 %",
    async () => {
      const { dense, sigmoid, sequential } = wgrad;
      const model = sequential(dense(30), sigmoid(), dense(10), sigmoid());
      const options = { ...textbook, loss: wgrad.quadratic(), optimizer: wgrad.sgd({ lr: 3 }) };
      expect(await accuracy(model, options)).toBeGreaterThanOrEqual(0.95);
    },
    5 * MINUTES,
  );

  it(
    "the same with cross-entropy, learning rate 0.5: at least 95.2 %",
    async () => {
      const { dense, sigmoid, sequential } = wgrad;
      const model = sequential(dense(30), sigmoid(), dense(10));
      const options = { ...textbook, loss: wgrad.crossEntropy(), optimizer: wgrad.sgd({ lr: 0.5 }) };
      expect(await accuracy(model, options)).toBeGreaterThanOrEqual(0.952);
    },
    5 * MINUTES,
  );
});

describe.skipIf(MNIST_DIR)("MNIST", () => {
  it("did not run: MNIST_DIR names no folder with the four files", () => {
    expect(MNIST_DIR).toBeUndefined();
  });
});
