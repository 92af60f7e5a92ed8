/** The four lanes of a vector together: sums, largest and smallest numbers and their positions. */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { type F32, f32x4, type I32, i8x16, i32x4, type V128, v128 } from "../assembler/instructions.ts";

/** The vector with its halves exchanged, and with neighbours exchanged. */
export const halvesExchanged = (x: V128) => i8x16.shuffle(x, x, bytesOf(2, 3, 0, 1));
const neighboursExchanged = (x: V128) => i8x16.shuffle(x, x, bytesOf(1, 0, 3, 2));

/** Bytes of lanes by their numbers, for a shuffle: those of the second vector are 4 on. */
export function bytesOf(...lanes: number[]): number[] {
  return lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
}

/** Combines all four lanes; the result is in each of them. `combine` is commutative, its arguments are locals. */
function allLanes(f: FunctionBuilder, x: V128, combine: (a: V128, b: V128) => V128): V128 {
  const whole = f.keep(x);
  const halves = f.keep(combine(whole, f.keep(halvesExchanged(whole))));
  return f.keep(combine(halves, f.keep(neighboursExchanged(halves))));
}

/** The sum of four lanes: (0 + 2) + (1 + 3). */
export function sumOfLanes(f: FunctionBuilder, x: V128): F32 {
  return f32x4.extract_lane(allLanes(f, x, f32x4.add), 0);
}

/** The larger of two, lane by lane: NaN where one of them is. Both are locals. */
export function larger(a: V128, b: V128): V128 {
  // Either keeps the NaN of its first operand, and together they have all bits of both.
  return v128.or(f32x4.pmax(a, b), f32x4.pmax(b, a));
}

/** The smaller of two, likewise. */
export function smaller(a: V128, b: V128): V128 {
  return v128.or(f32x4.pmin(a, b), f32x4.pmin(b, a));
}

/** The largest of four lanes, NaN where one of them is; in all lanes. */
export function maximumOfLanes(f: FunctionBuilder, x: V128): V128 {
  return allLanes(f, x, larger);
}

/** A mask of the first `count` lanes. */
export function firstLanes(count: number): V128 {
  const lane = (n: number) => (n < count ? -1 : 0);
  return i32x4.const(lane(0), lane(1), lane(2), lane(3));
}

/** A mask of the lanes where a ranks above b, with NaN above all numbers. b is a local. */
export function exceeds(a: V128, b: V128): V128 {
  return v128.andnot(f32x4.eq(b, b), f32x4.le(a, b));
}

/** The smallest of four integers without a sign. */
export function smallestOfLanes(f: FunctionBuilder, x: V128): I32 {
  return i32x4.extract_lane(allLanes(f, x, i32x4.min_u), 0);
}

/** The largest numbers of four lanes, NaN above all, and the first positions where they are. */
export class LaneMaximum {
  readonly #f: FunctionBuilder;
  /** Those of each lane. */
  readonly largest: Variable<"v128">;
  readonly positions: Variable<"v128">;

  /** Begins with a vector and its positions, as four integers. */
  constructor(f: FunctionBuilder, first: V128, positions: V128) {
    this.#f = f;
    this.largest = f.variable("v128", first);
    this.positions = f.variable("v128", positions);
  }

  /** Compares with further values; their positions come after those before. Both are locals. */
  take(values: V128, positions: V128): void {
    const f = this.#f;
    const above = f.keep(exceeds(values, this.largest));
    f.set(this.largest, v128.bitselect(values, this.largest, above));
    f.set(this.positions, v128.bitselect(positions, this.positions, above));
  }

  /** The largest of all, in all lanes. */
  value(): V128 {
    return maximumOfLanes(this.#f, this.largest);
  }

  /** The first position of the largest of all, below 2^31. */
  position(): I32 {
    const below = exceeds(this.value(), this.largest);
    // -1 in the lanes that are below: the last of all, without a sign.
    return smallestOfLanes(this.#f, v128.or(this.positions, below));
  }
}
