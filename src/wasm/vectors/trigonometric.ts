/** Sine and cosine of vectors. */
import { f32x4, f64x2, i8x16, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { bits, madd, number, polynomial, type VectorContext } from "./arithmetic.ts";
import { bytesOf, halvesExchanged } from "./lanes.ts";

/** sin(r) = r + r³ p(r²), and cos(r) = 1 - r² / 2 + r⁴ p(r²): by `scripts/polynomials.mjs`. */
const SINE = [-0.0001950554, 0.008332095, -0.16666654];
const COSINE = [0.000024412086, -0.001388713, 0.04166664];

/** Angles up to this are reduced in 64 bits. */
const LARGE = 2 ** 25;
/** π / 2 in two parts (Cody & Waite 1980): its first 25 digits in binary, whose products with integers are exact, and the rest. */
const QUARTER_HIGH = Math.floor((Math.PI / 2) * 2 ** 24) / 2 ** 24;
const QUARTER_LOW = 1.5893254773528196e-8;
/** A sum with it is rounded to an integer, which its last bits hold. */
const ROUNDER = 1.5 * 2 ** 52;
/** The first 196 digits of 2 / π in binary, in pieces of 28. */
const PIECES = [0xa2f9836, 0xe4e4415, 0x29fc275, 0x7d1f534, 0xddc0db6, 0x295993c, 0x439041f];

/** An angle as quarter turns, and a rest of at most π / 4 either way. */
interface Turned {
  /** In the last two bits. */
  readonly turn: V128;
  readonly rest: V128;
}

/** Of two angles below `LARGE`, in 64 bits. */
function turnedInDoubles({ f }: VectorContext, x: V128): Turned {
  const constant = (value: number) => f.constant(f64x2.const(value));
  const angle = f.keep(f64x2.promote_low_f32x4(x));
  const rounder = constant(ROUNDER);
  const turn = f.keep(f64x2.add(f64x2.mul(angle, constant(2 / Math.PI)), rounder));
  const turns = f.keep(f64x2.sub(turn, rounder));
  const near = f64x2.sub(angle, f64x2.mul(turns, constant(QUARTER_HIGH)));
  const rest = f64x2.sub(near, f64x2.mul(turns, constant(QUARTER_LOW)));
  return { turn, rest: f.keep(f32x4.demote_f64x2_zero(rest)) };
}

/**
 * Of two angles from `LARGE` on, in 64 bits (Payne & Hanek 1983): an angle's 24 digits times a piece of 2 / π are exact,
 * and so is what they leave of whole turns.
 */
function turnedByPieces({ f }: VectorContext, x: V128): Turned {
  const angle = f.keep(f64x2.promote_low_f32x4(x));
  const turn = f.variable("v128", f64x2.const(ROUNDER));
  const rest = f.variable("v128", f64x2.const(0));
  PIECES.forEach((piece, i) => {
    const turns = f.keep(f64x2.mul(angle, f64x2.const(piece * 2 ** (-28 * (i + 1) - 2))));
    const part = f64x2.mul(f64x2.sub(turns, f64x2.nearest(turns)), f64x2.const(4));
    const sum = f.keep(f64x2.add(rest, part));
    const whole = f.keep(f64x2.nearest(sum));
    f.set(turn, f64x2.add(turn, whole));
    f.set(rest, f64x2.sub(sum, whole));
  });
  return { turn, rest: f.keep(f32x4.demote_f64x2_zero(f64x2.mul(rest, f64x2.const(Math.PI / 2)))) };
}

/** Four angles, by two halves. */
function turned(context: VectorContext, x: V128, half: typeof turnedInDoubles): Turned {
  const [low, high] = [x, halvesExchanged(x)].map((two) => half(context, two));
  return {
    turn: i8x16.shuffle(low.turn, high.turn, bytesOf(0, 2, 4, 6)),
    rest: i8x16.shuffle(low.rest, high.rest, bytesOf(0, 1, 4, 5)),
  };
}

/** The sine of |x| + `quarters` · π / 2. NaN where x is infinite: then the rest is. */
function sineOfSize(context: VectorContext, x: V128, quarters: number): V128 {
  const { f } = context;
  const size = f.keep(f32x4.abs(x));
  const near = turned(context, size, turnedInDoubles);
  const turn = f.variable("v128", near.turn);
  const rest = f.variable("v128", near.rest);
  const large = f.keep(f32x4.ge(size, number(context, LARGE)));
  f.if(v128.any_true(large), () => {
    const far = turned(context, size, turnedByPieces);
    f.set(turn, v128.bitselect(far.turn, turn, large));
    f.set(rest, v128.bitselect(far.rest, rest, large));
  });
  const square = f.keep(f32x4.mul(rest, rest));
  const fourth = f.keep(f32x4.mul(square, square));
  const odd = madd(context, f32x4.mul(rest, square), polynomial(context, square, SINE, fourth), rest);
  const half = madd(context, square, number(context, -0.5), number(context, 1));
  const even = madd(context, fourth, polynomial(context, square, COSINE, fourth), half);
  const quarter = f.keep(quarters === 0 ? turn : i32x4.add(turn, bits(context, quarters)));
  const isEven = i32x4.shl(quarter, i32.const(31));
  const negative = i32x4.shl(i32x4.shr_u(quarter, i32.const(1)), i32.const(31));
  return v128.xor(v128.bitselect(even, odd, i32x4.shr_s(isEven, i32.const(31))), negative);
}

export function sine(context: VectorContext, x: V128): V128 {
  return v128.xor(sineOfSize(context, x, 0), v128.and(x, bits(context, 0x80000000)));
}

export function cosine(context: VectorContext, x: V128): V128 {
  return sineOfSize(context, x, 1);
}
