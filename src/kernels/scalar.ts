/**
 * The scalar functions that hooks call, on the CPU. Each has its twin of the same name in
 * `shaders/scalar.wgsl`; a test holds the two tables against each other.
 */

/** erf by Abramowitz and Stegun 7.1.26, the same polynomial as the shader's. */
function normalCdf(x: number): number {
  const z = Math.min(Math.abs(x) * Math.SQRT1_2, 9);
  const t = 1 / (1 + 0.3275911 * z);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-z * z);
  return x >= 0 ? 1 - tail : tail;
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
  exponential: (x: number) => Math.exp(x),
  logarithm: (x: number) => Math.log(x),
  squareRoot: (x: number) => Math.sqrt(x),
  absolute: (x: number) => Math.abs(x),
  signum: (x: number) => Math.sign(x),
  floorOf: (x: number) => Math.floor(x),
  sine: (x: number) => Math.sin(x),
  cosine: (x: number) => Math.cos(x),
  relu: (x: number) => Math.max(x, 0),
  leakyRelu: (x: number, slope: number) => (x > 0 ? x : slope * x),
  expm1: (x: number) => Math.expm1(x),
  elu,
  selu: (x: number) => 1.0507009873554805 * elu(x, 1.6732632423543772),
  sigmoid: (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  hyperbolicTangent: (x: number) => Math.tanh(x),
  log1p: (x: number) => Math.log1p(x),
  softplus: (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  normalCdf,
  normalPdf: (x: number) => 0.3989422804014327 * Math.exp(-0.5 * x * x),
} satisfies Record<string, (...args: number[]) => number>;

export type ScalarFunction = keyof typeof scalarFunctions;

/**
 * Functions that cost about one instruction. The fusion pass would rather compute a short chain of these
 * again in every consumer than write the result to memory.
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
  "relu",
  "leakyRelu",
]);
