/** Where scalar functions are compared on the two sides, and how closely. */
import type { ScalarFunction } from "../../src/kernels/scalar.ts";
import type { Tolerance } from "../helpers/compare.ts";

const magnitudes = [
  1.2e-38, 1e-30, 1e-7, 1e-3, 0.01, 0.25, 0.2999, 0.3001, 0.5, 1, 1.5, 2, 3, 5.5, 9, 13, 15, 20, 50, 86, 100,
  1000, 1e4,
];
const points = [0, -0, ...magnitudes, ...magnitudes.map((x) => -x)].map(Math.fround);
/** For functions of several arguments: fewer, or their products would be too many. */
const fewer = [0, -0, 1e-30, -1e-7, 0.01, 0.25, -0.5, 1, -1, 2.5, -3, 20, -100, 1e4, -1e4].map(Math.fround);

/** Functions that are used, or defined, on a part of the line only. WGSL leaves infinities undefined. */
const domains: Partial<Record<ScalarFunction, (...values: number[]) => boolean>> = {
  div: (a, b) => b !== 0 && Math.abs(a / b) < 1e37,
  exponential: (x) => x <= 86,
  expm1: (x) => x <= 86,
  logarithm: (x) => x > 0,
  squareRoot: (x) => x >= 0,
  log1p: (e) => e >= 0 && e <= 1,
  // WGSL says nothing of the accuracy of sin and cos further out.
  sine: (x) => Math.abs(x) <= Math.PI,
  cosine: (x) => Math.abs(x) <= Math.PI,
};

/** Tuples of arguments for a function of `arity` arguments. */
export function argumentsOf(name: ScalarFunction, arity: number): number[][] {
  const grid = arity === 1 ? points : fewer;
  let tuples: number[][] = [[]];
  for (let i = 0; i < arity; i++) tuples = tuples.flatMap((tuple) => grid.map((value) => [...tuple, value]));
  const domain = domains[name];
  return domain ? tuples.filter((tuple) => domain(...tuple)) : tuples;
}

const PLAIN: Tolerance = { rtol: 1e-6, atol: 1e-30 };
/** WGSL allows exp(x) an error of 3 + 2 |x| units in the last place: 1e-5 at x = 86. */
const BY_EXP: Tolerance = { rtol: 1e-5, atol: 1e-7 };
/** WGSL allows an absolute error of 2^-11 in [-π, π]. */
const BY_ANGLE: Tolerance = { rtol: 0, atol: 2 ** -11 };
/** Logarithms, near 1: an absolute error of 2^-21. */
const BY_LOG: Tolerance = { rtol: 1e-6, atol: 2 ** -21 };

const tolerances: Partial<Record<ScalarFunction, Tolerance>> = {
  exponential: BY_EXP,
  expm1: BY_EXP,
  elu: BY_EXP,
  selu: BY_EXP,
  sigmoid: BY_EXP,
  hyperbolicTangent: { rtol: 1e-5, atol: 1e-6 },
  softplus: BY_LOG,
  normalCdf: BY_EXP,
  normalPdf: BY_EXP,
  logarithm: BY_LOG,
  log1p: BY_LOG,
  sine: BY_ANGLE,
  cosine: BY_ANGLE,
};

export function toleranceOf(name: ScalarFunction): Tolerance {
  return tolerances[name] ?? PLAIN;
}
