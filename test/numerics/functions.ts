/** The elementary functions, as hooks and in 64 bits, and where they are swept. */
import { normalCdf } from "../../scripts/normal.mjs";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import type { ScalarFunction } from "../../src/kernels/scalar.ts";
import { softmaxConstants } from "../../src/kernels/softmax.ts";
import type { Hook, Instruction } from "../../src/program.ts";
import { loadFrom, programRun, storeTo } from "../helpers/kernel-run.ts";
import type { ProgramRun } from "../platforms/programs.js";

export interface Swept {
  /** The calls that compute it of x; those before are `results` of x and of one another, by their place. */
  readonly calls: readonly (readonly [ScalarFunction, ...("x" | number | { readonly value: number })[]])[];
  /** In 64 bits. */
  exact(x: number): number;
  /** In words, if not all numbers. */
  readonly range?: string;
  within?(x: number): boolean;
}

function unary(fn: ScalarFunction, exact: (x: number) => number): Swept {
  return { calls: [[fn, "x"]], exact };
}

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

export type Functions = Readonly<Record<string, Swept>>;

/** By name. Products of x and a function hold where that is no subnormal number. */
export const functions: Functions = {
  exp: unary("exponential", Math.exp),
  expm1: unary("expm1", Math.expm1),
  log: { ...unary("logarithm", Math.log), range: "x > 0", within: (x) => x > 0 },
  log1p: { ...unary("log1p", Math.log1p), range: "x > -1", within: (x) => x > -1 },
  sqrt: { ...unary("squareRoot", Math.sqrt), range: "x ≥ 0", within: (x) => x >= 0 },
  sin: unary("sine", Math.sin),
  cos: unary("cosine", Math.cos),
  tanh: unary("hyperbolicTangent", Math.tanh),
  sigmoid: unary("sigmoid", sigmoid),
  softplus: unary("softplus", (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  normalCdf: unary("normalCdf", normalCdf),
  normalPdf: unary("normalPdf", (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)),
  gelu: {
    calls: [
      ["normalCdf", "x"],
      ["mul", "x", 0],
    ],
    exact: (x) => x * normalCdf(x),
    range: "x > -12.9, or the result is 0",
    within: (x) => x > -12.9 || x < -20,
  },
  silu: {
    calls: [
      ["sigmoid", "x"],
      ["mul", "x", 0],
    ],
    exact: (x) => x * sigmoid(x),
    range: "x > -87, or the result is 0",
    within: (x) => x > -87 || x < -110,
  },
  elu: {
    calls: [["elu", "x", { value: 0.75 }]],
    exact: (x) => (x > 0 ? x : 0.75 * Math.expm1(x)),
  },
  selu: unary("selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))),
};

/** A function of what `compute` makes of single calls, rounded to 32 bits each. */
export function composed<T>(
  { calls }: Swept,
  x: T,
  constant: (value: number) => T,
  compute: (fn: ScalarFunction, args: readonly T[]) => T,
): T {
  const made: T[] = [];
  for (const [fn, ...inputs] of calls) {
    const args = inputs.map((input) =>
      input === "x" ? x : typeof input === "number" ? made[input] : constant(input.value),
    );
    made.push(compute(fn, args));
  }
  return made[made.length - 1];
}

const f32 = new Float32Array(1);
const word = new Uint32Array(f32.buffer);

/** Where functions bend, overflow and underflow. */
const SPECIAL = [
  ...[0, -0, 1, -1, 2 ** -12, 0.625, 0.7, Math.SQRT1_2, Math.SQRT2],
  ...[88.722835, 88.72284, -87.33654, -103.9, 3.4e38, -3.4e38, -3e38],
];

/** Numbers of all sizes, subnormal ones excepted, and as many of those sizes where the functions bend. */
export function points(count: number): Float32Array {
  const found = new Float32Array(count);
  const words = new Uint32Array(found.buffer);
  for (let i = 0; i < count; i++) {
    // Fibonacci hashing: neighbours are far apart.
    const hash = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    const exponent = i % 2 === 0 ? 1 + (hash % 254) : 127 - 12 + (hash % 20);
    words[i] = ((hash & 0x80000000) | (exponent << 23) | ((hash >>> 7) & 0x7fffff)) >>> 0;
  }
  found.set(SPECIAL);
  return found;
}

/** The distance between 32-bit numbers of this size. */
function unitInLastPlace(x: number): number {
  f32[0] = Math.abs(x);
  return 2 ** (Math.max(word[0] >>> 23, 1) - 127 - 23);
}

const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

export interface Worst {
  /** In units in the last place, where the exact result is a normal number. */
  readonly error: number;
  readonly x: number;
  readonly got: number;
  readonly exact: number;
}

/**
 * The largest error. Results below all normal numbers may be off by one of these, except where subnormal numbers count
 * like others; those above all must be infinite.
 */
export function worstOf(
  swept: Swept,
  xs: Float32Array,
  got: ArrayLike<number>,
  { subnormal = false } = {},
): Worst {
  let worst: Worst = { error: 0, x: 0, got: 0, exact: 0 };
  for (let i = 0; i < xs.length; i++) {
    if (swept.within?.(xs[i]) === false) continue;
    const exact = swept.exact(xs[i]);
    const error = errorOf(got[i], exact, subnormal);
    if (error > worst.error) worst = { error, x: xs[i], got: got[i], exact };
  }
  return worst;
}

function errorOf(got: number, exact: number, subnormal: boolean): number {
  if (Number.isNaN(got) !== Number.isNaN(exact)) return Number.POSITIVE_INFINITY;
  if (Number.isNaN(got)) return 0;
  const size = Math.abs(exact);
  const unit = unitInLastPlace(size > LARGEST ? LARGEST : exact);
  if (size > LARGEST + 4 * unit)
    return got === Math.sign(exact) * Number.POSITIVE_INFINITY ? 0 : Number.POSITIVE_INFINITY;
  if (size > LARGEST - 4 * unit && Math.abs(got) === Number.POSITIVE_INFINITY) return 0;
  if (size < SMALLEST_NORMAL && !subnormal)
    return Math.abs(got - exact) <= SMALLEST_NORMAL ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(got - exact) / unit;
}

/** How many functions one kernel computes. */
const TOGETHER = 4;

/** A kernel that computes functions of all points. */
interface SweepRun {
  /** Of what it gives as `result0` … */
  readonly names: readonly string[];
  readonly run: ProgramRun;
  /** A function's values, out of what its result holds. */
  values(result: ArrayLike<number>): ArrayLike<number>;
}

export function functionRuns(xs: Float32Array): SweepRun[] {
  const names = Object.keys(functions);
  const groups = Array.from({ length: Math.ceil(names.length / TOGETHER) }, (_, i) =>
    names.slice(i * TOGETHER, (i + 1) * TOGETHER),
  );
  return groups.map((group) => ({
    names: group,
    run: programRun({
      kernel: "elementwise",
      constants: elementwiseConstants(xs.length),
      hooks: { element: loadFrom("operand0"), store: storeAll(group) },
      reads: { operand0: xs },
      results: Object.fromEntries(group.map((_, i) => [`result${i}`, { length: xs.length }])),
    }),
    values: (result) => Array.prototype.slice.call(result, 0, xs.length),
  }));
}

function storeAll(names: readonly string[]): Hook {
  const code: Instruction[] = [{ op: "value" }];
  const stores = names.map((name, i) => {
    const first = code.length;
    const made: number[] = [];
    for (const [fn, ...inputs] of functions[name].calls) {
      const args = inputs.map((input) => {
        if (input === "x") return 0;
        if (typeof input === "number") return made[input];
        return code.push({ op: "constant", value: input.value }) - 1;
      });
      made.push(code.push({ op: "call", fn, args }) - 1);
    }
    return { binding: `result${i}`, from: Math.max(first, code.length - 1) };
  });
  return { code, stores };
}

/** In kernels: the second column of softmax, and of its logarithm, over rows (0, x). */
export const softmaxes: Functions = {
  "softmax of (0, x)": { calls: [], exact: sigmoid },
  "log-softmax of (0, x)": {
    calls: [],
    exact: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    // Further up, 1 + exp(-x) rounds to 1 in 32 bits.
    range: "x < 0",
    within: (x) => x < 0,
  },
};

export function softmaxRuns(xs: Float32Array): SweepRun[] {
  const rows = new Float32Array(2 * xs.length);
  xs.forEach((x, i) => {
    rows[2 * i + 1] = x;
  });
  return Object.keys(softmaxes).map((name, logarithm) => ({
    names: [name],
    run: programRun({
      kernel: "softmax",
      constants: softmaxConstants(xs.length, 2, logarithm === 1),
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: { operand0: rows },
      results: { result0: { length: rows.length } },
    }),
    values: (result) => Array.from(xs, (_, i) => result[2 * i + 1]),
  }));
}
