/**
 * The scalar functions of hooks on the CPU. `shaders/scalar.wgsl` has their twins of the same names; a test compares
 * the two tables.
 */

/** The shader's polynomials, highest power first: of (Φ(x) − 1/2) / x in x², and of the lower tail. */
const NORMAL_ODD = [0.000097381155, -0.0011746034, 0.009969644, -0.06648988, 0.39894226];
const NORMAL_TAIL = [
  0.000039386003, 0.00016480686, -0.0000517494, -0.0011495787, -0.00004371435, 0.008003073, -0.0053307624,
  -0.06382678, 0.2526617, -0.524963, 0.73345363,
];

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient);
}

function normalCdf(x: number): number {
  if (Math.abs(x) < 0.7) return 0.5 + x * polynomial(NORMAL_ODD, x * x);
  // Beyond, Φ(−x) is 0 in 32 bits.
  const size = Math.min(Math.abs(x), 15);
  const ratio = polynomial(NORMAL_TAIL, (size - 3.125) / (size + 3.125)) / (size + 3.125);
  const tail = ratio * Math.exp(-0.5 * size * size);
  return x > 0 ? 1 - tail : tail;
}

/** Whether a ranks above b, with NaN above all numbers: for kernels that search a maximum. */
export function exceeds(a: number, b: number): boolean {
  return !Number.isNaN(b) && (Number.isNaN(a) || a > b);
}

function elu(x: number, alpha: number): number {
  return x > 0 ? x : alpha * Math.expm1(x);
}

export const scalarFunctions = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  maximum: (a: number, b: number) => Math.max(a, b),
  minimum: (a: number, b: number) => Math.min(a, b),
  greater: (a: number, b: number) => (a > b ? 1 : 0),
  equal: (a: number, b: number) => (a === b ? 1 : 0),
  choose: (condition: number, a: number, b: number) => (condition !== 0 ? a : b),
  neg: (x: number) => -x,
  square: (x: number) => x * x,
  squareRoot: (x: number) => Math.sqrt(x),
  absolute: (x: number) => Math.abs(x),
  signum: (x: number) => Math.sign(x),
  floorOf: (x: number) => Math.floor(x),
  finite: (x: number) => (Number.isFinite(Math.fround(x)) ? 1 : 0),
  exponential: (x: number) => Math.exp(x),
  expm1: (x: number) => Math.expm1(x),
  logarithm: (x: number) => Math.log(x),
  log1p: (x: number) => Math.log1p(x),
  sine: (x: number) => Math.sin(x),
  cosine: (x: number) => Math.cos(x),
  hyperbolicTangent: (x: number) => Math.tanh(x),
  relu: (x: number) => Math.max(x, 0),
  leakyRelu: (x: number, slope: number) => (x > 0 ? x : slope * x),
  elu,
  selu: (x: number) => 1.0507009873554805 * elu(x, 1.6732632423543772),
  sigmoid: (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  softplus: (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  normalCdf,
  normalPdf: (x: number) => 0.3989422804014327 * Math.exp(-0.5 * x * x),
} satisfies Record<string, (...args: number[]) => number>;

export type ScalarFunction = keyof typeof scalarFunctions;

/**
 * Functions that cost about one instruction. The fusion pass recomputes short chains of these in every consumer rather
 * than write them to memory.
 */
export const cheapFunctions: ReadonlySet<string> = new Set<ScalarFunction>([
  "add",
  "sub",
  "mul",
  "maximum",
  "minimum",
  "greater",
  "equal",
  "choose",
  "neg",
  "square",
  "absolute",
  "signum",
  "floorOf",
  "finite",
  "relu",
  "leakyRelu",
]);
