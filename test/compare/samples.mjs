/** Made-up samples for the compared programs: the same in every build, for they come from no build. */

/** A number in [0, 1) for each position: a hash (Wellons' lowbias32) of the position and `stream`. */
export function unit(/** @type {number} */ position, stream = 0) {
  let x = (Math.imul(position + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

/** Numbers in [low, high). */
export function numbers(/** @type {number} */ count, stream = 0, low = -1, high = 1) {
  return Float32Array.from({ length: count }, (_, i) => low + (high - low) * unit(i, stream));
}

/** Whole numbers from 0 up to, not including, `below`. */
export function wholes(/** @type {number} */ count, /** @type {number} */ below, stream = 0) {
  return Int32Array.from({ length: count }, (_, i) => Math.floor(unit(i, stream) * below));
}

/** @typedef {import("./record.mjs").Build} Build */

/** Rows of numbers, each of a class. */
export function rows(/** @type {Build} */ { data }, { count = 8, features = 5, classes = 3 } = {}) {
  return data.dataset({
    inputs: { data: numbers(count * features, 1), shape: [features] },
    targets: { data: wholes(count, classes, 2) },
    classes,
  });
}

/** Rows of numbers, and numbers in [0, 1) to be predicted; `total` 1 makes them probabilities. */
export function quantities(
  /** @type {Build} */ { data },
  { count = 8, features = 5, outputs = 2, probabilities = false } = {},
) {
  const targets = numbers(count * outputs, 3, 0, 1);
  for (let start = 0; probabilities && start < targets.length; start += outputs) {
    const row = targets.subarray(start, start + outputs);
    const total = row.reduce((sum, part) => sum + part, 0);
    row.forEach((part, i) => {
      row[i] = part / total;
    });
  }
  return data.dataset({
    inputs: { data: numbers(count * features, 1), shape: [features] },
    targets: { data: targets, shape: [outputs] },
  });
}

/** Images as floats, or as the bytes that they are often stored in. */
export function images(
  /** @type {Build} */ { data },
  { count = 4, shape = [2, 7, 6], classes = 3, bytes = false } = {},
) {
  const length = count * shape.reduce((product, size) => product * size, 1);
  const inputs = bytes
    ? { data: Uint8Array.from(wholes(length, 256, 4)), shape, scale: 1 / 255 }
    : { data: numbers(length, 4), shape };
  return data.dataset({ inputs, targets: { data: wholes(count, classes, 5) }, classes });
}

/** Sequences of indices, each of a class. */
export function sequences(
  /** @type {Build} */ { data },
  { count = 6, length = 5, vocabulary = 7, classes = 3 } = {},
) {
  return data.dataset({
    inputs: { data: wholes(count * length, vocabulary, 6), shape: [length] },
    targets: { data: wholes(count, classes, 7) },
    classes,
  });
}
