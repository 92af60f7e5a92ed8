/** Every optimizer, with each of its options. */
import { rows } from "../samples.mjs";
import { training } from "./helpers.mjs";

/** @typedef {import("../record.mjs").Build} Build */

function by(
  /** @type {string} */ name,
  /** @type {(build: Build) => any} */ optimizerOf,
  /** @type {any} */ others = {},
) {
  const modelOf = (/** @type {Build} */ { wgrad: { dense, relu, sequential } }) =>
    sequential(dense(9), relu(), dense(3));
  // Four steps at least: what an optimizer remembers must come to matter.
  const optionsOf = (/** @type {Build} */ build) => ({ epochs: 3, optimizer: optimizerOf(build), ...others });
  return training(name, modelOf, rows, optionsOf);
}

export const optimizers = [
  by("sgd", ({ wgrad }) => wgrad.sgd({ learningRate: 0.1 })),
  by("sgd with weight decay", ({ wgrad }) => wgrad.sgd({ learningRate: 0.1, weightDecay: 0.05 })),
  by("momentum", ({ wgrad }) => wgrad.sgd({ learningRate: 0.05, momentum: 0.9 })),
  by("momentum with decay of all", ({ wgrad }) =>
    wgrad.sgd({ learningRate: 0.05, momentum: 0.8, weightDecay: 0.1, decayBiases: true }),
  ),
  by("nesterov", ({ wgrad }) =>
    wgrad.sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  ),
  by("adam", ({ wgrad }) => wgrad.adam({ learningRate: 0.01 })),
  by("adam with options", ({ wgrad }) =>
    wgrad.adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1 }),
  ),
  by("adamw", ({ wgrad }) => wgrad.adamw({ learningRate: 0.01 })),
  by("adamw with decay of all", ({ wgrad }) =>
    wgrad.adamw({ learningRate: 0.02, weightDecay: 0.2, decayBiases: true }),
  ),
  by("rmsprop", ({ wgrad }) => wgrad.rmsprop({ learningRate: 0.01 })),
  by("rmsprop with options", ({ wgrad }) =>
    wgrad.rmsprop({ learningRate: 0.01, decay: 0.9, momentum: 0.5, epsilon: 1e-3, weightDecay: 0.05 }),
  ),
  by("adagrad", ({ wgrad }) => wgrad.adagrad({ learningRate: 0.05 })),
  by("adagrad with options", ({ wgrad }) =>
    wgrad.adagrad({ learningRate: 0.05, lrDecay: 0.1, epsilon: 1e-5, weightDecay: 0.05 }),
  ),
  by("groups", ({ wgrad }) =>
    wgrad.adam({
      learningRate: 0.01,
      weightDecay: 0.1,
      groups: [
        { match: "0.weight", learningRate: 0.002 },
        { match: /bias$/, weightDecay: 0.3 },
      ],
    }),
  ),
  by("a frozen group", ({ wgrad }) =>
    wgrad.adamw({ learningRate: 0.01, groups: [{ match: "0", frozen: true }] }),
  ),
  by(
    "all that changes an update",
    ({ wgrad }) =>
      wgrad.adamw({ learningRate: 0.02, weightDecay: 0.1, groups: [{ match: "2", learningRate: 0.01 }] }),
    { clip: { norm: 0.2, value: 0.1 }, penalty: { l2: 0.01 }, accumulate: 2 },
  ),
  by("a learning rate of 0", ({ wgrad }) => wgrad.adam({ learningRate: 0 })),
];
