/** Layer and batch normalisation. */
import { gradients, mul, type Tensor } from "../../../../src/index.ts";
import { batchNorm, layerNorm } from "../../../../src/nn/graph/ops/norms.ts";
import type { DifferentiableFunction } from "../../../helpers/finite-differences.ts";
import { uniform } from "../../../helpers/samples.ts";

type Normalise = (inputs: Readonly<Record<string, Tensor>>) => Tensor;

/** Sums over few elements are far from linear: an epsilon of the variance's size keeps differences near derivatives. */
const EPSILON = 0.1;
const rows: Normalise = ({ x, w, b }) => layerNorm(x, w, b, { epsilon: EPSILON });
const channels: Normalise = ({ x, w, b }) => batchNorm(x, w, b, EPSILON).y;

const inputs = (shape: number[], size: number) => ({
  x: uniform(shape, -2, 2),
  w: uniform([size], 0.5, 1.5),
  b: uniform([size]),
});

/** The gradient with respect to one input, as a function of all and of the gradient that arrives. */
function gradientOf(normalise: Normalise, name: "x" | "w" | "b", shape: number[], size: number) {
  return {
    inputs: { ...inputs(shape, size), dy: uniform(shape, 0.2, 1.2) },
    body: ({ dy, ...others }: Readonly<Record<string, Tensor>>) =>
      gradients(normalise(others), [others[name]], dy)[0],
  };
}

/** x normalised, with x itself as the gradient that arrives. */
function withItself(normalise: Normalise, shape: number[], size: number): DifferentiableFunction {
  return {
    inputs: inputs(shape, size),
    body: (all) => gradients(normalise(all), [all.x], all.x)[0],
  };
}

const statistic = (which: "mean" | "variance", shape: number[], size: number): DifferentiableFunction => ({
  inputs: inputs(shape, size),
  // Not linear, so that gradients of gradients have something to find.
  body: ({ x, w, b }) => {
    const value = batchNorm(x, w, b, EPSILON)[which];
    return mul(value, value);
  },
});

export const normCases: Record<string, Record<string, DifferentiableFunction>> = {
  layerNorm: {
    rows: { inputs: inputs([5, 7], 7), body: rows },
    sequences: { inputs: inputs([2, 3, 8], 8), body: rows },
    "one row": { inputs: inputs([6], 6), body: rows },
  },
  layerNormGradient: {
    rows: gradientOf(rows, "x", [5, 7], 7),
    "by itself": withItself(rows, [3, 5], 5),
  },
  layerNormWeightGradient: { rows: gradientOf(rows, "w", [5, 7], 7) },
  layerNormBiasGradient: { rows: gradientOf(rows, "b", [5, 7], 7) },
  batchNorm: {
    features: { inputs: inputs([7, 3], 3), body: channels },
    images: { inputs: inputs([2, 3, 2, 4], 3), body: channels },
  },
  batchNormGradient: {
    features: gradientOf(channels, "x", [7, 3], 3),
    images: gradientOf(channels, "x", [2, 3, 3, 2], 3),
    "by itself": withItself(channels, [5, 3], 3),
  },
  batchNormWeightGradient: { images: gradientOf(channels, "w", [2, 3, 3, 2], 3) },
  batchNormBiasGradient: { images: gradientOf(channels, "b", [2, 3, 3, 2], 3) },
  batchNormMean: { images: statistic("mean", [2, 3, 3, 2], 3) },
  batchNormVariance: { images: statistic("variance", [2, 3, 3, 2], 3) },
};
