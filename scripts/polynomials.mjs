/**
 * Computes the polynomials in shaders/scalar.wgsl and src/wasm/vectors/, and prints them, lowest power first, with their
 * largest error.
 *
 *     node scripts/polynomials.mjs
 *
 * Each is the best approximation on its interval in the largest relative error of what it is for, found by Lawson's
 * iteration (1961): least squares, in which a point weighs the more, the further off the last fit was there.
 */
import { normalCdf, tailRatio } from "./normal.mjs";

/** Points at which an approximation is fitted, dense towards the ends. */
const POINTS = 600;
const ROUNDS = 80;

/**
 * The task: find the polynomial p of `degree` with p(variable(x)) close to wanted(x), for x from `low` to `high`.
 * `weight` is the factor of an error of p in the result, relative to the result.
 * @typedef {object} Polynomial
 * @property {string} name
 * @property {number} low
 * @property {number} high
 * @property {number} degree
 * @property {(x: number) => number} variable
 * @property {(x: number) => number} wanted
 * @property {(x: number) => number} weight
 */

/** @type {readonly Polynomial[]} */
const polynomials = [
  {
    name: "exp(r) = 1 + r + r² p(r)",
    low: -0.41,
    high: 0.41,
    degree: 5,
    variable: (r) => r,
    wanted: (r) => series(r, (k) => 1 / factorial(k + 2)),
    weight: (r) => (r * r) / Math.max(Math.abs(Math.expm1(r)), 1e-9),
  },
  {
    name: "log(1 + f) = f - f² / 2 + f³ p(f)",
    low: Math.SQRT1_2 - 1,
    high: Math.SQRT2 - 1,
    degree: 8,
    variable: (f) => f,
    wanted: (f) => series(f, (k) => (k % 2 === 0 ? 1 : -1) / (k + 3), 120),
    weight: (f) => Math.abs(f ** 3 / Math.log1p(f)) || 1e-9,
  },
  {
    name: "sin(r) = r + r³ p(r²)",
    low: 0,
    high: 0.8,
    degree: 2,
    variable: (r) => r * r,
    wanted: (r) => series(r * r, (k) => (k % 2 === 0 ? -1 : 1) / factorial(2 * k + 3)),
    weight: (r) => r ** 3 / Math.sin(r) || 1e-9,
  },
  {
    name: "cos(r) = 1 - r² / 2 + r⁴ p(r²)",
    low: 0,
    high: 0.8,
    degree: 2,
    variable: (r) => r * r,
    wanted: (r) => series(r * r, (k) => (k % 2 === 0 ? 1 : -1) / factorial(2 * k + 4)),
    weight: (r) => r ** 4 / Math.cos(r),
  },
  {
    name: "tanh(x) = x + x³ p(x²)",
    low: 0,
    high: 0.63,
    degree: 4,
    variable: (x) => x * x,
    // Near 0 the difference cancels; there the first terms of the series are exact.
    wanted: (x) => (x < 0.02 ? -1 / 3 + (2 / 15) * x * x - (17 / 315) * x ** 4 : (Math.tanh(x) - x) / x ** 3),
    weight: (x) => x ** 3 / Math.tanh(x) || 1e-9,
  },
  // Of the shader, and of vectors.
  normalNear0(0.71),
  normalNear0(0.91),
  {
    name: "Φ(-x) = exp(-x² / 2) p((x - 3.125) / (x + 3.125)) / (x + 3.125)",
    low: 0,
    high: 14.5,
    degree: 10,
    variable: (x) => (x - 3.125) / (x + 3.125),
    wanted: (x) => tailRatio(x) * (x + 3.125),
    weight: (x) => 1 / (tailRatio(x) * (x + 3.125)),
  },
];

/** @param {number} high @returns {Polynomial} */
function normalNear0(high) {
  return {
    name: "Φ(x) = 1/2 + x p(x²)",
    low: 0,
    high,
    degree: 4,
    variable: (x) => x * x,
    wanted: (x) =>
      series(x * x, (k) => (-1) ** k / (2 ** k * factorial(k) * (2 * k + 1))) / Math.sqrt(2 * Math.PI),
    weight: (x) => x / normalCdf(-x),
  };
}

/** @param {number} n @returns {number} */
function factorial(n) {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

/** @param {number} x @param {(k: number) => number} term */
function series(x, term, terms = 20) {
  let sum = 0;
  for (let k = terms - 1; k >= 0; k--) sum = sum * x + term(k);
  return sum;
}

/**
 * The polynomial's coefficients, each rounded to 32 bits, and its error. The lowest is rounded first; those above are fitted
 * anew to what that leaves.
 * @param {Polynomial} polynomial
 */
function fit({ low, high, degree, variable, wanted, weight }) {
  const xs = Array.from({ length: POINTS }, (_, i) => {
    const u = (1 - Math.cos((Math.PI * (i + 0.5)) / POINTS)) / 2;
    return low + (high - low) * u;
  });
  const scale = Math.max(...xs.map((x) => Math.abs(variable(x))));
  const column = (/** @type {number} */ k) => xs.map((x) => (variable(x) / scale) ** k * weight(x));
  let columns = Array.from({ length: degree + 1 }, (_, k) => column(k));
  let goals = xs.map((x) => wanted(x) * weight(x));
  /** @type {number[]} */
  const coefficients = [];
  while (columns.length > 0) {
    const coefficient = Math.fround(lawson(columns, goals)[0] / scale ** coefficients.length);
    const used = coefficient * scale ** coefficients.length;
    goals = goals.map((goal, i) => goal - used * columns[0][i]);
    columns = columns.slice(1);
    coefficients.push(coefficient);
  }
  return { coefficients, error: Math.max(...goals.map(Math.abs)) };
}

/**
 * The combination of columns that is closest to the goals where it is furthest off.
 * @param {number[][]} columns
 * @param {number[]} goals
 */
function lawson(columns, goals) {
  let importance = goals.map(() => 1 / goals.length);
  let best = { error: Number.POSITIVE_INFINITY, solution: /** @type {number[]} */ ([]) };
  for (let round = 0; round < ROUNDS; round++) {
    const solution = leastSquares(columns, goals, importance);
    const errors = goals.map((goal, i) =>
      Math.abs(columns.reduce((sum, column, k) => sum + column[i] * solution[k], 0) - goal),
    );
    const error = Math.max(...errors);
    if (error < best.error) best = { error, solution };
    importance = importance.map((value, i) => value * errors[i]);
    const total = importance.reduce((sum, value) => sum + value, 0);
    if (!(total > 0)) break;
    importance = importance.map((value) => value / total);
  }
  return best.solution;
}

/**
 * Minimises Σ importance (Σ solution · column - goal)², by Householder's reflections.
 * @param {number[][]} given
 * @param {number[]} goals
 * @param {number[]} importance
 */
function leastSquares(given, goals, importance) {
  const a = goals.map((goal, i) =>
    [...given.map((column) => column[i]), goal].map((value) => value * Math.sqrt(importance[i])),
  );
  const columns = given.length;
  for (let c = 0; c < columns; c++) {
    let norm = 0;
    for (let i = c; i < a.length; i++) norm += a[i][c] ** 2;
    norm = Math.sqrt(norm) * (a[c][c] > 0 ? -1 : 1);
    const v = a.map((row, i) => (i < c ? 0 : row[c] - (i === c ? norm : 0)));
    const length = v.reduce((sum, value) => sum + value ** 2, 0);
    if (length === 0) continue;
    for (let k = c; k <= columns; k++) {
      let dot = 0;
      for (let i = c; i < a.length; i++) dot += v[i] * a[i][k];
      for (let i = c; i < a.length; i++) a[i][k] -= (2 * dot * v[i]) / length;
    }
  }
  /** @type {number[]} */
  const solution = new Array(columns).fill(0);
  for (let c = columns - 1; c >= 0; c--) {
    let value = a[c][columns];
    for (let k = c + 1; k < columns; k++) value -= a[c][k] * solution[k];
    solution[c] = value / a[c][c];
  }
  return solution;
}

/** The shortest decimal that is this number in 32 bits. @param {number} value */
function shortest(value) {
  for (let digits = 1; ; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
}

for (const polynomial of polynomials) {
  const { coefficients, error } = fit(polynomial);
  console.log(`${polynomial.name}, ${polynomial.low} to ${polynomial.high}: ${error.toExponential(1)}`);
  console.log(`  ${coefficients.map(shortest).join(", ")}`);
}
