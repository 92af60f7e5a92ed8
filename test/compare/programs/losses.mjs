/** Every loss, and what changes the step around it: penalties, bounds on gradients, schedules. */
import { quantities, rows } from "../samples.mjs";
import { training } from "./helpers.mjs";

/** @typedef {import("../record.mjs").Build} Build */

/** Trains a small network under a loss. */
function under(
  /** @type {string} */ name,
  /** @type {(build: Build) => any} */ lossOf,
  /** @type {(build: Build) => any} */ dataOf = rows,
  outputs = 3,
) {
  const modelOf = (/** @type {Build} */ { wgrad: { dense, sequential, tanh } }) =>
    sequential(dense(4), tanh(), dense(outputs));
  return training(name, modelOf, dataOf, (build) => ({ loss: lossOf(build) }));
}

/** Trains a small network with options of `fit`. */
function withOptions(/** @type {string} */ name, /** @type {(build: Build) => any} */ optionsOf) {
  const modelOf = (/** @type {Build} */ { wgrad: { dense, relu, sequential } }) =>
    sequential(dense(4), relu(), dense(3));
  return training(name, modelOf, rows, optionsOf);
}

export const losses = [
  under("crossEntropy, smoothed", ({ wgrad }) => wgrad.crossEntropy({ labelSmoothing: 0.1 })),
  under("crossEntropy with class weights", ({ wgrad }) =>
    wgrad.crossEntropy({ classWeights: [1, 2, 0.5], labelSmoothing: 0.1 }),
  ),
  under("crossEntropy with an ignored label", ({ wgrad }) => wgrad.crossEntropy({ ignoreIndex: 1 })),
  under(
    "crossEntropy of probabilities",
    ({ wgrad }) => wgrad.crossEntropy({ labelSmoothing: 0.2 }),
    (build) => quantities(build, { outputs: 3, probabilities: true }),
  ),
  under("meanSquaredError", ({ wgrad }) => wgrad.meanSquaredError(), quantities, 2),
  under("meanAbsoluteError", ({ wgrad }) => wgrad.meanAbsoluteError(), quantities, 2),
  under("quadratic of classes", ({ wgrad }) => wgrad.quadratic()),
  under("binaryCrossEntropy", ({ wgrad }) => wgrad.binaryCrossEntropy(), quantities, 2),
  under("sigmoidCrossEntropy of classes", ({ wgrad }) => wgrad.sigmoidCrossEntropy()),
  under("huber", ({ wgrad }) => wgrad.huber({ delta: 0.3 }), quantities, 2),
  under(
    "scaledLoss",
    ({ wgrad }) =>
      wgrad.scaledLoss({ shape: [2], offset: [0.5, 0.4], factor: [2, 4] }, wgrad.meanSquaredError()),
    quantities,
    2,
  ),
  under(
    "a loss of one's own",
    ({ ops }) =>
      function cubes(/** @type {any} */ outputs, /** @type {any} */ targets) {
        const size = ops.abs(ops.sub(outputs, targets));
        return ops.mean(ops.mul(size, ops.square(size)));
      },
    quantities,
    2,
  ),
  withOptions("penalty", () => ({ penalty: { l1: 0.01, l2: 0.02 } })),
  withOptions("clip by norm", () => ({ clip: { norm: 0.1 } })),
  withOptions("clip by value and norm", () => ({ clip: { value: 0.02, norm: 0.05 } })),
  withOptions("accumulate", () => ({ accumulate: 2 })),
  withOptions("accumulate with clipping", ({ wgrad }) => ({
    accumulate: 4,
    clip: { norm: 0.05 },
    optimizer: wgrad.sgd({ learningRate: 0.1, momentum: 0.9 }),
  })),
  withOptions("stepDecay", ({ wgrad }) => ({
    schedule: wgrad.stepDecay({ epochs: 1, gamma: 0.5 }),
    epochs: 3,
  })),
  withOptions("exponentialDecay", ({ wgrad }) => ({ schedule: wgrad.exponentialDecay({ gamma: 0.7 }) })),
  withOptions("warm-up and cosineDecay", ({ wgrad }) => ({
    schedule: wgrad.warmUp({ steps: 2, schedule: wgrad.cosineDecay({ floor: 0.1 }) }),
  })),
  withOptions("oneCycle", ({ wgrad }) => ({ schedule: wgrad.oneCycle() })),
  withOptions("reduceOnPlateau", ({ wgrad }) => ({
    schedule: wgrad.reduceOnPlateau({ patience: 0, factor: 0.5, threshold: 0.5 }),
    epochs: 3,
  })),
  withOptions("a schedule of one's own", () => ({
    schedule: (/** @type {number} */ step) => 1 / (1 + step),
  })),
];
