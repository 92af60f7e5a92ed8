/** What the README claims of MNIST, on the real files: dense and convolutional networks. */
import { expect, it } from "vitest";
import {
  adam,
  connect,
  conv2d,
  dense,
  type FitOptions,
  maxPool2d,
  oneCycle,
  relu,
  sequential,
} from "../../src/index.ts";
import { describeOnMnist } from "../helpers/mnist.ts";

const MINUTES = 60_000;

describeOnMnist("MNIST on the GPU engine", connect, (train) => {
  it.each([1, 2, 3])(
    "784-256-128-10 with Adam, 5 epochs, seed %i: at least 97.5 %",
    async (seed) => {
      const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
      const accuracy = await train(model, { optimizer: adam(), epochs: 5, batchSize: 128, seed });
      expect(accuracy).toBeGreaterThanOrEqual(0.975);
    },
    5 * MINUTES,
  );

  it(
    "a ConvNet in one epoch, seed 1: at least 98.7 %",
    async () => {
      const stage = (filters: number, kernel: number) => [conv2d(filters, kernel), maxPool2d(2), relu()];
      const model = sequential(...stage(24, 5), ...stage(32, 3), dense(256), relu(), dense(10));
      const options: FitOptions = {
        optimizer: adam({ learningRate: 0.01, beta1: 0.7, beta2: 0.9 }),
        schedule: oneCycle(),
        batchSize: 256,
        epochs: 1,
        seed: 1,
      };
      expect(await train(model, options)).toBeGreaterThanOrEqual(0.987);
    },
    10 * MINUTES,
  );
});
