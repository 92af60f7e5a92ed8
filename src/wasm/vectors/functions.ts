/** The scalar functions of hooks, four lanes at once: each has its twin of the same name in `src/kernels/scalar.ts`. */
import type { ScalarFunction } from "../../kernels/scalar.ts";
import { f32x4, type V128, v128 } from "../assembler/instructions.ts";
import { number, type VectorContext, withSignOf } from "./arithmetic.ts";
import { expm1, exponential, hyperbolicTangent, sigmoid } from "./exponential.ts";
import { larger, smaller } from "./lanes.ts";
import { log1p, logarithm, softplus } from "./logarithm.ts";
import { normalCdf, normalPdf } from "./normal.ts";
import { cosine, sine } from "./trigonometric.ts";

/** Writes a function of vectors. The arguments are locals or constants: they can be read many times. */
export type VectorFunction = (context: VectorContext, ...args: V128[]) => V128;

const SELU_SCALE = 1.0507009873554805;

/** 1 in the lanes of a mask, 0 in the others. */
function asNumber(context: VectorContext, mask: V128): V128 {
  return v128.and(mask, number(context, 1));
}

const greaterThan0 = (context: VectorContext, x: V128) => f32x4.gt(x, number(context, 0));

/** x where it is above 0, else `alpha` · (exp(x) - 1); all times `scale`. */
function scaledElu(context: VectorContext, x: V128, alpha: V128, scale?: V128): V128 {
  const above = scale ? f32x4.mul(x, scale) : x;
  return v128.bitselect(above, f32x4.mul(alpha, expm1(context, x)), greaterThan0(context, x));
}

export const vectorFunctions: Readonly<Record<ScalarFunction, VectorFunction>> = {
  add: (_, a, b) => f32x4.add(a, b),
  sub: (_, a, b) => f32x4.sub(a, b),
  mul: (_, a, b) => f32x4.mul(a, b),
  div: (_, a, b) => f32x4.div(a, b),
  maximum: (_, a, b) => larger(a, b),
  minimum: (_, a, b) => smaller(a, b),
  greater: (context, a, b) => asNumber(context, f32x4.gt(a, b)),
  equal: (context, a, b) => asNumber(context, f32x4.eq(a, b)),
  choose: (context, condition, a, b) => v128.bitselect(a, b, f32x4.ne(condition, number(context, 0))),
  neg: (_, x) => f32x4.neg(x),
  square: (_, x) => f32x4.mul(x, x),
  squareRoot: (_, x) => f32x4.sqrt(x),
  absolute: (_, x) => f32x4.abs(x),
  signum: (context, x) =>
    v128.bitselect(withSignOf(context, x, number(context, 1)), x, greaterThan0(context, f32x4.abs(x))),
  floorOf: (_, x) => f32x4.floor(x),
  // x · 0 is 0 for a number, and NaN for NaN and the infinities.
  finite: (context, x) => asNumber(context, f32x4.eq(f32x4.mul(x, number(context, 0)), number(context, 0))),
  exponential,
  expm1,
  logarithm,
  log1p,
  sine,
  cosine,
  hyperbolicTangent,
  // Keeps a NaN of x.
  relu: (context, x) => f32x4.pmax(x, number(context, 0)),
  leakyRelu: (context, x, slope) => v128.bitselect(x, f32x4.mul(slope, x), greaterThan0(context, x)),
  elu: (context, x, alpha) => scaledElu(context, x, alpha),
  // Klambauer et al. 2017.
  selu: (context, x) =>
    scaledElu(context, x, number(context, SELU_SCALE * 1.6732632423543772), number(context, SELU_SCALE)),
  sigmoid,
  softplus,
  normalCdf,
  normalPdf,
};
