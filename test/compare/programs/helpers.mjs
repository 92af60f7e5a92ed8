/** What the compared programs have in common: they train a few steps, and tell losses and weights. */

/** @typedef {import("../record.mjs").Build} Build */
/** @typedef {import("../record.mjs").Context} Context */
/** @typedef {import("../record.mjs").Numbers} Numbers */

/** All numbers that a model has learned, by name. @returns {Promise<Record<string, Float32Array>>} */
export async function weightsOf(/** @type {any} */ trainer) {
  /** @type {Record<string, { data: Float32Array }>} */
  const weights = await trainer.weights();
  return Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]));
}

/** Numbers of an evaluation, or of a metric's value, by path. @returns {Record<string, number[]>} */
export function flattened(/** @type {any} */ value, path = "evaluation") {
  if (typeof value === "number") return { [path]: [value] };
  if (ArrayBuffer.isView(value)) return { [path]: [.../** @type {Float32Array} */ (value)] };
  if (typeof value !== "object" || value === null) return {};
  const parts = Object.entries(value).map(([key, part]) => flattened(part, `${path}.${key}`));
  return Object.assign({}, ...parts);
}

/** Trains, and gives the losses of all epochs, the accuracies where there are some, and the weights. */
export async function trained(
  /** @type {Context} */ { build, engine, seed },
  /** @type {any} */ model,
  /** @type {any} */ data,
  /** @type {any} */ options = {},
) {
  const run = build.wgrad.fit(engine, model, data, { batchSize: 4, epochs: 2, seed, ...options });
  const epochs = /** @type {any[]} */ (await run);
  const accuracies = epochs.map(({ accuracy }) => accuracy).filter((accuracy) => accuracy !== undefined);
  const numbers = {
    loss: epochs.map(({ loss }) => loss),
    ...(accuracies.length > 0 && { accuracy: accuracies }),
    ...flattened(
      epochs.map(({ validation }) => validation ?? {}),
      "validation",
    ),
    ...(await weightsOf(run.trainer)),
  };
  run.release();
  return numbers;
}

/**
 * A program that trains a model.
 * @param {string} name
 * @param {(build: Build) => any} modelOf
 * @param {(build: Build) => any} dataOf
 * @param {(build: Build) => any} [optionsOf]
 */
export function training(name, modelOf, dataOf, optionsOf = () => ({})) {
  return {
    name,
    run: (/** @type {Context} */ context) =>
      trained(context, modelOf(context.build), dataOf(context.build), optionsOf(context.build)),
  };
}
