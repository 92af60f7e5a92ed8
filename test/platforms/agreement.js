/**
 * The same first steps of training on two engines, with the built package. Runs in Deno and in a page: an import map
 * says where `wgrad` is.
 */
import { adam, cpu, createTrainer, crossEntropy, dense, relu, sequential } from "wgrad";
import { digits } from "wgrad/data";

/** @typedef {import("wgrad").Engine} Engine */

const BATCH_SIZE = 32;

/**
 * The losses of the first steps of 784-256-128-10, by Adam, on `engine` and on the CPU engine.
 * @param {Engine} engine
 * @param {number} steps
 */
export async function firstLosses(engine, steps) {
  const { train } = digits({ train: steps * BATCH_SIZE, test: 1 });
  const reference = cpu();
  try {
    return {
      losses: await lossesOn(engine, train, steps),
      reference: await lossesOn(reference, train, steps),
    };
  } finally {
    await reference.destroy();
  }
}

/**
 * @param {Engine} engine
 * @param {import("wgrad/data").Dataset} data
 * @param {number} steps
 * @returns {Promise<number[]>}
 */
async function lossesOn(engine, { inputs, targets }, steps) {
  const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
  const trainer = createTrainer(engine, model, { inputShape: [784], optimizer: adam({ lr: 1e-3 }), seed: 1 });
  const step = await trainer.compile(({ x, y }, predict) => ({ minimize: crossEntropy(predict(x), y) }), {
    inputs: { x: [BATCH_SIZE, 784], y: { shape: [BATCH_SIZE], dtype: "i32" } },
  });
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const pixels = inputs.data.subarray(i * BATCH_SIZE * 784, (i + 1) * BATCH_SIZE * 784);
    const labels = targets.data.subarray(i * BATCH_SIZE, (i + 1) * BATCH_SIZE);
    const x = Float32Array.from(pixels, (pixel) => pixel * inputs.scale);
    const { loss } = await step.run({ x, y: Int32Array.from(labels) });
    losses.push(loss[0]);
  }
  trainer.release();
  return losses;
}
