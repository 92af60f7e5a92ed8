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

/** Functions that have no finite value everywhere; test/numerics/ looks at what they have there. */
const domains: Partial<Record<ScalarFunction, (...values: number[]) => boolean>> = {
  div: (a, b) => b !== 0 && Math.abs(a / b) < 1e37,
  exponential: (x) => x < 88,
  expm1: (x) => x < 88,
  logarithm: (x) => x > 0,
  squareRoot: (x) => x >= 0,
  log1p: (x) => x > -1,
};

/** Tuples of arguments for a function of `arity` arguments. */
export function argumentsOf(name: ScalarFunction, arity: number): number[][] {
  const grid = arity === 1 ? points : fewer;
  let tuples: number[][] = [[]];
  for (let i = 0; i < arity; i++) tuples = tuples.flatMap((tuple) => grid.map((value) => [...tuple, value]));
  const domain = domains[name];
  return domain ? tuples.filter((tuple) => domain(...tuple)) : tuples;
}

/** Four units in the last place, as docs/numerics.md promises, and what a device may take for 0. */
export const TOLERANCE: Tolerance = { rtol: 4 * 2 ** -23, atol: 2 ** -126 };
