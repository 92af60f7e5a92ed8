/** What the README claims of MNIST, on the real files: the textbook's network. */
import { expect, it } from "vitest";
import { crossEntropy, dense, quadratic, sequential, sgd, sigmoid } from "../../src/index.ts";
import { wasm } from "../../src/wasm/index.ts";
import { describeOnMnist } from "../helpers/mnist.ts";

const MINUTES = 60_000;

describeOnMnist("MNIST with the textbook's 784-30-10, on the wasm engine", wasm, (train) => {
  const textbook = { batchSize: 10, epochs: 30, seed: 1 };

  it(
    "with sigmoid and quadratic cost, learning rate 3: at least 95 %",
    async () => {
      const model = sequential(dense(30), sigmoid(), dense(10), sigmoid());
      const options = { ...textbook, loss: quadratic(), optimizer: sgd({ learningRate: 3 }) };
      expect(await train(model, options)).toBeGreaterThanOrEqual(0.95);
    },
    10 * MINUTES,
  );

  it(
    "with cross-entropy, learning rate 0.5: at least 95.2 %",
    async () => {
      const model = sequential(dense(30), sigmoid(), dense(10));
      const options = { ...textbook, loss: crossEntropy(), optimizer: sgd({ learningRate: 0.5 }) };
      expect(await train(model, options)).toBeGreaterThanOrEqual(0.952);
    },
    10 * MINUTES,
  );
});
