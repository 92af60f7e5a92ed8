/** Exponential functions of vectors; `shaders/scalar.wgsl` has the same approximations. NaN arrives by itself. */
import { f32x4, i32, i32x4, type V128 } from "../assembler/instructions.ts";
import { madd, nmadd, number, polynomial, type VectorContext } from "./arithmetic.ts";

/** exp(r) = 1 + r + r² p(r), by `scripts/polynomials.mjs`. */
const EXP = [0.00019817844, 0.001395097, 0.0083335005, 0.041666307, 0.16666666, 0.5];
/** log 2 in two parts (Cody & Waite 1980): 355 / 512, whose products with small integers are exact, and the rest. */
const LOG2_HIGH = 0.693359375;
const LOG2_LOW = -2.1219444e-4;
/** A number that small numbers added to it become integers in its last bits, on top of twice the exponents' offset. */
const ROUNDER = 1.5 * 2 ** 23 + 254;

/** x = n log 2 + r. */
interface Reduced {
  readonly n: V128;
  /** n + 254 in the low bits. */
  readonly word: V128;
  readonly r: V128;
}

/** Takes multiples of log 2 out of x + `more`, for an |x| below 1000. x is a local. */
function reduce(context: VectorContext, x: V128, more?: V128): Reduced {
  const { f } = context;
  const rounder = number(context, ROUNDER);
  const word = f.keep(madd(context, x, number(context, Math.LOG2E), rounder));
  const n = f.keep(f32x4.sub(word, rounder));
  const near = nmadd(context, n, number(context, LOG2_HIGH), x);
  const low = number(context, LOG2_LOW);
  const r = more ? f32x4.add(near, nmadd(context, n, low, more)) : nmadd(context, n, low, near);
  return { n, word, r: f.keep(r) };
}

/** exp(r) - 1 for |r| up to 0.41, and r a local. */
function expm1Near0(context: VectorContext, r: V128): V128 {
  return madd(context, f32x4.mul(r, r), polynomial(context, r, EXP), r);
}

/** x · 2^n, in two steps: 2^n alone may be no number. */
function scaled({ f }: VectorContext, x: V128, { word }: Reduced): V128 {
  const half = f.keep(i32x4.shr_u(word, i32.const(1)));
  const power = (exponent: V128) => i32x4.shl(exponent, i32.const(23));
  return f32x4.mul(f32x4.mul(x, power(half)), power(i32x4.sub(word, half)));
}

/** exp(x), for an x of which exp(x) is 0 or infinite where it lies outside of -105 … 90. */
export function exponential(context: VectorContext, x: V128): V128 {
  const bounded = f32x4.pmin(f32x4.pmax(x, number(context, -105)), number(context, 90));
  const reduced = reduce(context, context.f.keep(bounded));
  return scaled(context, f32x4.add(expm1Near0(context, reduced.r), number(context, 1)), reduced);
}
