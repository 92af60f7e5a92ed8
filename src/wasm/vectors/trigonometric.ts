/** Sine and cosine of vectors. */
import {
  type F32,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  type I64,
  i8x16,
  i32,
  i32x4,
  i64,
  type V128,
  v128,
} from "../assembler/instructions.ts";
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
/** The first 256 digits of 2 / π in binary. */
const DIGITS = [
  [0xa2f9836e, 0x4e441529],
  [0xfc2757d1, 0xf534ddc0],
  [0xdb629599, 0x3c439041],
  [0xfe5163ab, 0xdebbc561],
];

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
 * An angle from `LARGE` on, by its bits, reduced in integers (Payne & Hanek 1983): its 24 digits times those 96 of 2 / π
 * that matter to them leave the quarter turn and 62 digits of the rest, however large the angle is.
 */
function turnedInIntegers({ f }: VectorContext, word: I32): { turn: I32; rest: F32 } {
  const count = (n: number) => i64.const(n);
  const wide = (x: I32) => i64.extend_i32_u(x);
  const digits = DIGITS.map(([high, low]) =>
    i64.or(i64.shl(wide(i32.const(high)), count(32)), wide(i32.const(low))),
  );
  const mantissa = i32.or(i32.and(word, i32.const(0x7fffff)), i32.const(0x800000));
  const place = f.keep(i32.sub(i32.shr_u(word, i32.const(23)), i32.const(88)));
  const [first, second, third] = [0, 1, 2].map((n) =>
    f.keep(i64.select(digits[n + 1], digits[n], i32.ge_u(place, i32.const(128)))),
  );
  const shift = f.keep(wide(i32.and(place, i32.const(63))));
  const others = f.keep(i64.sub(count(63), shift));
  const from = (high: I64, low: I64) =>
    i64.or(i64.shl(high, shift), i64.shr_u(i64.shr_u(low, count(1)), others));
  const factor = f.keep(wide(mantissa));
  const carried = i64.shr_u(i64.mul(factor, i64.shr_u(from(second, third), count(32))), count(32));
  const angle = f.keep(i64.add(i64.mul(factor, from(first, second)), carried));
  const eighth = i64.shl(count(1), count(61));
  const turn = f.keep(i64.shr_u(i64.add(angle, eighth), count(62)));
  const rest = f64.convert_i64_s(i64.sub(angle, i64.shl(turn, count(62))));
  return {
    turn: i32.wrap_i64(turn),
    rest: f32.demote_f64(f64.mul(rest, f64.const(Math.PI * 2 ** -63))),
  };
}

/** The sine of |x| + `quarters` · π / 2. NaN where x is infinite: then the rest is. */
function sineOfSize(context: VectorContext, x: V128, quarters: number): V128 {
  const { f } = context;
  const size = f.keep(f32x4.abs(x));
  const low = turnedInDoubles(context, size);
  const high = turnedInDoubles(context, halvesExchanged(size));
  const rest = f.variable("v128", i8x16.shuffle(low.rest, high.rest, bytesOf(0, 1, 4, 5)));
  const turn = f.variable("v128", i8x16.shuffle(low.turn, high.turn, bytesOf(0, 2, 4, 6)));
  const large = f32x4.ge(size, number(context, LARGE));
  const finite = f32x4.lt(size, number(context, Number.POSITIVE_INFINITY));
  const mask = f.keep(v128.and(large, finite));
  f.if(v128.any_true(mask), () => {
    // Lane by lane: each of them comes to the front once, and four turns bring all back.
    const angles = f.variable("v128", v128.and(size, mask));
    f.loop(i32.const(0), i32.const(4), 1, () => {
      const word = f.keep(i32x4.extract_lane(angles, 0));
      f.if(word, () => {
        const found = turnedInIntegers(context, word);
        f.set(rest, f32x4.replace_lane(rest, 0, found.rest));
        f.set(turn, i32x4.replace_lane(turn, 0, found.turn));
      });
      for (const vector of [angles, rest, turn])
        f.set(vector, i8x16.shuffle(vector, vector, bytesOf(1, 2, 3, 0)));
    });
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
