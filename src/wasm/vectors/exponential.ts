/** Exponential functions of vectors. NaN arrives by itself: whatever it is multiplied by is NaN. */
import { f32x4, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { bits, madd, nmadd, number, polynomial, type VectorContext, withSignOf } from "./arithmetic.ts";

/** exp(r) = 1 + r + r² p(r), and tanh(x) = x + x³ p(x²): by `scripts/polynomials.mjs`. */
const EXP = [0.00019817844, 0.001395097, 0.0083335005, 0.041666307, 0.16666666, 0.5];
const TANH = [-0.005665714, 0.020604871, -0.05372953, 0.13331324, -0.33333278];

/** log 2 in two parts (Cody & Waite 1980): 355 / 512, whose products with small integers are exact, and the rest. */
export const LOG2_HIGH = 0.693359375;
export const LOG2_LOW = -2.1219444e-4;

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** A sum with it is rounded to an integer, which its last bits hold, twice the offset of exponents more. */
const ROUNDER = 1.5 * 2 ** 23 + 254;

const ROUNDER_BITS = 0x4b4000fe;

/** x = n log 2 + r. */
interface Reduced {
  /** n + 254 in the last bits. */
  readonly word: V128;
  readonly r: V128;
}

/** Takes multiples of log 2 out of an x below 1000 either way, or out of x + `more`, a far smaller number. */
function reduce(context: VectorContext, x: V128, more?: V128): Reduced {
  const { f } = context;
  const rounder = number(context, ROUNDER);
  const word = f.keep(madd(context, x, number(context, Math.LOG2E), rounder));
  const n = f.keep(f32x4.sub(word, rounder));
  const near = nmadd(context, n, number(context, LOG2_HIGH), x);
  const low = number(context, LOG2_LOW);
  const r = more ? f32x4.add(near, nmadd(context, n, low, more)) : nmadd(context, n, low, near);
  return { word, r: f.keep(r) };
}

/** exp(r) - 1 for |r| up to 0.41; of r + `change`, of which r has no digits. */
function expm1Near0(context: VectorContext, r: V128, change?: V128): V128 {
  const square = context.f.keep(f32x4.mul(r, r));
  const p = polynomial(context, r, EXP, square);
  return change ? f32x4.add(madd(context, square, p, change), r) : madd(context, square, p, r);
}

const shiftedToExponent = (word: V128) => i32x4.shl(word, i32.const(23));

/** x · 2^n, in two steps: 2^n alone may be no number. */
function scaled({ f }: VectorContext, x: V128, { word }: Reduced): V128 {
  const half = f.keep(i32x4.shr_u(word, i32.const(1)));
  return f32x4.mul(f32x4.mul(x, shiftedToExponent(half)), shiftedToExponent(i32x4.sub(word, half)));
}

/** x, but what exp(x) is 0 or infinite of is no further out than it must be. */
function bounded(context: VectorContext, x: V128): V128 {
  return context.f.keep(f32x4.pmin(f32x4.pmax(x, number(context, -105)), number(context, 90)));
}

export function exponential(context: VectorContext, x: V128): V128 {
  const reduced = reduce(context, bounded(context, x));
  return scaled(context, f32x4.add(expm1Near0(context, reduced.r), number(context, 1)), reduced);
}

/** exp(x) for |x| up to 87: of which the result is a normal number. */
function exponentialWithin(context: VectorContext, x: V128): V128 {
  const { word, r } = reduce(context, x);
  const power = shiftedToExponent(i32x4.sub(word, bits(context, 127)));
  return f32x4.mul(f32x4.add(expm1Near0(context, r), number(context, 1)), power);
}

/** exp(x) for an x below 88; what is less than 2^-126 is 0, which spares a step of scaling and processors' slow small numbers. */
export function exponentialOfSmall(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const { word, r } = reduce(context, f.keep(f32x4.pmax(x, number(context, -105))));
  // Without the bits of the rounder, and with the offset once.
  const exponent = i32x4.sub(word, f.constant(i32x4.const(ROUNDER_BITS - 127)));
  const power = shiftedToExponent(i32x4.max_s(exponent, f.constant(i32x4.const(0))));
  return f32x4.mul(f32x4.add(expm1Near0(context, r), number(context, 1)), power);
}

/** `factor` · exp(`change` - x² / 2), for a change of no more than some digits that were lost. */
export function gaussian(context: VectorContext, x: V128, factor: V128, change?: V128): V128 {
  const { f } = context;
  const size = f.keep(f32x4.pmin(f32x4.abs(x), number(context, 15)));
  // The rounding of the square would be a large error of the result: the square of its first 12 digits is exact.
  const head = f.keep(v128.and(size, bits(context, 0xfffff000)));
  const half = number(context, -0.5);
  const square = f32x4.mul(f32x4.mul(head, head), half);
  const rest = f32x4.mul(f32x4.mul(f32x4.sub(size, head), half), f32x4.add(size, head));
  const reduced = reduce(context, bounded(context, square), rest);
  const near = expm1Near0(context, reduced.r, change);
  return scaled(context, madd(context, factor, near, factor), reduced);
}

export function expm1(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const near = f.keep(f32x4.pmin(f32x4.pmax(x, number(context, -25)), number(context, 89)));
  const reduced = reduce(context, near);
  const p = f.keep(expm1Near0(context, reduced.r));
  // 2^n p + (2^n - 1), by half of 2^n and twice p: 2^128 is no number. What is nearest to 2^128 - 1 is.
  const half = f.keep(shiftedToExponent(i32x4.sub(reduced.word, bits(context, 128))));
  const power = f32x4.sub(f32x4.add(half, half), number(context, 1));
  return madd(context, half, f32x4.add(p, p), f32x4.pmin(power, number(context, LARGEST)));
}

export function hyperbolicTangent(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const one = number(context, 1);
  const two = number(context, 2);
  const size = f.keep(f32x4.abs(x));
  const square = f.keep(f32x4.mul(x, x));
  const near = madd(context, f32x4.mul(x, square), polynomial(context, square, TANH), x);
  const twice = f.keep(f32x4.pmin(f32x4.add(size, size), number(context, 20)));
  const power = exponentialWithin(context, twice);
  const far = f32x4.sub(one, f32x4.div(two, f32x4.add(power, one)));
  return v128.bitselect(near, withSignOf(context, x, far), f32x4.lt(size, number(context, 0.625)));
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(context: VectorContext, x: V128): V128 {
  const one = number(context, 1);
  const power = context.f.keep(exponential(context, f32x4.neg(f32x4.abs(x))));
  const above = v128.bitselect(power, one, f32x4.lt(x, number(context, 0)));
  return f32x4.div(above, f32x4.add(power, one));
}
