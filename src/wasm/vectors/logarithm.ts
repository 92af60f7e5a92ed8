/** Logarithms of vectors. */
import { f32x4, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { bits, madd, number, polynomial, type VectorContext } from "./arithmetic.ts";
import { exponential, LOG2_HIGH, LOG2_LOW } from "./exponential.ts";

/** log(1 + f) = f - f² / 2 + f³ p(f), by `scripts/polynomials.mjs`. */
const LOG = [
  0.067495406, -0.116701834, 0.11883471, -0.12406208, 0.14220363, -0.1666799, 0.20002072, -0.2500001,
  0.33333313,
];
const SQRT_HALF_BITS = 0x3f3504f3;
const SMALLEST_NORMAL = 2 ** -126;

/** The bits of 2^k in x = 2^k m, less those of 1, with m between √½ and √2; for a normal x. */
function exponentBits(context: VectorContext, x: V128): V128 {
  const above = i32x4.sub(x, bits(context, SQRT_HALF_BITS));
  return context.f.keep(v128.and(above, bits(context, 0xff800000)));
}

const asNumber = (exponent: V128) => f32x4.convert_i32x4_s(i32x4.shr_s(exponent, i32.const(23)));

/** log(2^k (1 + f)), for 1 + f between √½ and √2. */
function logOfParts(context: VectorContext, k: V128, f: V128): V128 {
  const square = context.f.keep(f32x4.mul(f, f));
  const cube = f32x4.mul(f, square);
  const small = madd(
    context,
    cube,
    polynomial(context, f, LOG, square),
    f32x4.mul(k, number(context, LOG2_LOW)),
  );
  const tail = madd(context, square, number(context, -0.5), small);
  return madd(context, k, number(context, LOG2_HIGH), f32x4.add(f, tail));
}

/** `value` as log x, but what belongs where x is 0, negative, infinite or NaN. */
function asLogarithm(context: VectorContext, x: V128, value: V128): V128 {
  const { f } = context;
  const zero = number(context, 0);
  const found = f.variable("v128", value);
  const finite = f.keep(f32x4.lt(x, number(context, Number.POSITIVE_INFINITY)));
  const usual = v128.and(f32x4.gt(x, zero), finite);
  f.if(v128.any_true(v128.not(usual)), () => {
    f.set(found, v128.bitselect(found, x, finite));
    const least = number(context, Number.NEGATIVE_INFINITY);
    f.set(found, v128.bitselect(least, found, f32x4.eq(x, zero)));
    // A mask's bits are a NaN.
    f.set(found, v128.or(found, f32x4.lt(x, zero)));
  });
  return found;
}

export function logarithm(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const subnormal = f.keep(f32x4.lt(x, number(context, SMALLEST_NORMAL)));
  const normal = f.keep(v128.bitselect(f32x4.mul(x, number(context, 2 ** 23)), x, subnormal));
  const exponent = exponentBits(context, normal);
  const k = f.keep(f32x4.sub(asNumber(exponent), v128.and(subnormal, number(context, 23))));
  const part = f.keep(f32x4.sub(i32x4.sub(normal, exponent), number(context, 1)));
  return asLogarithm(context, x, logOfParts(context, k, part));
}

/** log(1 + x), for -1 < x < ∞. */
function log1pOfFinite(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const one = number(context, 1);
  const quarter = number(context, 0.25);
  const exponent = exponentBits(context, f32x4.add(x, one));
  // (1 + x) / 2^k - 1 = x / 2^k + (1 / 2^k - 1) is rounded once. By 4 / 2^k: 1 / 2^128 is no normal number.
  const inverse = f.keep(i32x4.sub(number(context, 4), exponent));
  const offset = f32x4.sub(f32x4.mul(inverse, quarter), one);
  const part = f.keep(madd(context, f32x4.mul(x, inverse), quarter, offset));
  return logOfParts(context, f.keep(asNumber(exponent)), part);
}

export function log1p(context: VectorContext, x: V128): V128 {
  const sum = context.f.keep(f32x4.add(x, number(context, 1)));
  return asLogarithm(context, sum, log1pOfFinite(context, x));
}

/** log(1 + exp(x)). */
export function softplus(context: VectorContext, x: V128): V128 {
  const power = context.f.keep(exponential(context, f32x4.neg(f32x4.abs(x))));
  return f32x4.add(f32x4.pmax(x, number(context, 0)), log1pOfFinite(context, power));
}
