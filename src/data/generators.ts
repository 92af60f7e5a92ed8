/**
 * Small data sets generated from a seed, for lessons and tests. The same arguments give the same data on every
 * platform.
 */
import { checkFinite, checkOptions, checkWhole } from "../checks.ts";
import { normals, permutation, uniforms } from "../random.ts";
import { type Dataset, dataset } from "./dataset.ts";

export interface RegressionOptions {
  /** Number of samples (default 200). */
  readonly count?: number;
  /** Number of inputs of a sample (default 3). */
  readonly features?: number;
  /** Standard deviation of the noise added to targets (default 0.1). */
  readonly noise?: number;
  readonly seed?: number;
}

/** A data set with the weights that generated it. */
export interface RegressionDataset extends Dataset {
  /** True weights, [features]: targets are inputs · weights + intercept + noise. */
  readonly weights: Float32Array<ArrayBuffer>;
  readonly intercept: number;
}

export interface MoonsOptions {
  /** Number of samples (default 200). */
  readonly count?: number;
  /** Standard deviation of the noise added to both coordinates (default 0.1). */
  readonly noise?: number;
  readonly seed?: number;
}

export interface BlobsOptions {
  /** Number of samples (default 200). */
  readonly count?: number;
  /** Number of blobs, one class each (default 3). */
  readonly classes?: number;
  /** Number of inputs of a sample (default 2). */
  readonly features?: number;
  /** Standard deviation of a blob (default 1); centres are uniform in −10 … 10. */
  readonly deviation?: number;
  readonly seed?: number;
}

/** Random streams of the seed: the numbers drawn for one purpose do not depend on how many another purpose draws. */
const INPUTS = 0;
const NOISE = 1;
const TRUTH = 2;

function checkSizes(operation: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) checkWhole(`${operation}: ${name}`, size);
}

/**
 * Regression data: a linear function of standard normal inputs plus noise; weights and intercept are standard normal as
 * well. Inputs are [features], targets [1].
 * @throws RangeError where `count`, `features` or `seed` is no whole number in its range, or `noise` is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function makeRegression(options: RegressionOptions = {}): RegressionDataset {
  checkOptions("makeRegression", options, {
    count: "number",
    features: "number",
    noise: "number",
    seed: "number",
  });
  const { count = 200, features = 3, noise = 0.1, seed = 0 } = options;
  checkSizes("makeRegression", { count, features });
  checkFinite("makeRegression: noise", noise, 0);
  const truth = normals(features + 1, seed, TRUTH);
  const weights = truth.slice(1);
  const intercept = truth[0];
  const inputs = normals(count * features, seed, INPUTS);
  const errors = normals(count, seed, NOISE);
  const targets = errors.map((error, sample) => {
    const row = inputs.subarray(sample * features, (sample + 1) * features);
    return row.reduce((sum, x, i) => sum + x * weights[i], intercept + noise * error);
  });
  const made = dataset({
    name: "regression",
    inputs: { data: inputs, shape: [features] },
    targets: { data: targets, shape: [1] },
  });
  return { ...made, weights, intercept };
}

/**
 * Two interleaved half circles of radius 1, one class each, in random order. Class 0 is the upper half around (0, 0),
 * class 1 the lower half around (1, 0.5). Where `count` is odd, class 0 has one sample more. Inputs are [2].
 * @throws RangeError where `count` or `seed` is no whole number in its range, or `noise` is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function makeMoons(options: MoonsOptions = {}): Dataset {
  checkOptions("makeMoons", options, { count: "number", noise: "number", seed: "number" });
  const { count = 200, noise = 0.1, seed = 0 } = options;
  checkSizes("makeMoons", { count });
  checkFinite("makeMoons: noise", noise, 0);
  const angles = uniforms(count, seed, INPUTS);
  const errors = normals(2 * count, seed, NOISE);
  return classified("moons", count, 2, seed, (sample, label) => {
    const angle = Math.PI * angles[sample];
    const circle = [Math.cos(angle), Math.sin(angle)] as const;
    const point = label === 0 ? circle : [1 - circle[0], 0.5 - circle[1]];
    return point.map((x, axis) => x + noise * errors[2 * sample + axis]);
  });
}

/**
 * Normally distributed clouds of points, one class each, in random order; class sizes differ by at most one. Inputs are
 * [features].
 * @throws RangeError where `count`, `classes`, `features` or `seed` is no whole number in its range, or `deviation` is negative or
 *   not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function makeBlobs(options: BlobsOptions = {}): Dataset {
  checkOptions("makeBlobs", options, {
    count: "number",
    classes: "number",
    features: "number",
    deviation: "number",
    seed: "number",
  });
  const { count = 200, classes = 3, features = 2, deviation = 1, seed = 0 } = options;
  checkSizes("makeBlobs", { count, classes, features });
  checkFinite("makeBlobs: deviation", deviation, 0);
  const centres = uniforms(classes * features, seed, TRUTH).map((x) => 20 * x - 10);
  const errors = normals(count * features, seed, NOISE);
  return classified("blobs", count, classes, seed, (sample, label) =>
    Array.from(
      { length: features },
      (_, i) => centres[label * features + i] + deviation * errors[sample * features + i],
    ),
  );
}

/** Samples whose classes take turns, in random order. */
function classified(
  name: string,
  count: number,
  classes: number,
  seed: number,
  pointOf: (sample: number, label: number) => readonly number[],
): Dataset {
  const order = permutation(count, seed, 0);
  const labels = Int32Array.from({ length: count }, (_, sample) => order.at(sample) % classes);
  const points = Array.from(labels, (label, sample) => pointOf(sample, label));
  const features = points[0]?.length ?? 0;
  return dataset({
    name,
    inputs: { data: Float32Array.from(points.flat()), shape: [features] },
    targets: { data: labels },
    classes,
  });
}
