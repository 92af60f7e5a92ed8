/** What kernels ask of a vector's four lanes together. */
import { describe, expect, it } from "vitest";
import { exceeds as twin } from "../../src/kernels/scalar.ts";
import { f32x4, i32x4, type V128 } from "../../src/wasm/assembler/instructions.ts";
import type { VectorContext } from "../../src/wasm/vectors/arithmetic.ts";
import {
  exceeds,
  LaneMaximum,
  larger,
  maximumOfLanes,
  smaller,
  sumOfLanes,
} from "../../src/wasm/vectors/lanes.ts";
import { FEATURES, overArrays } from "../helpers/vectors.ts";

const strangers = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 3e38, -3e38, 1e-45];

/** All vectors of four strangers. */
const fours = strangers.flatMap((a) =>
  strangers.flatMap((b) => strangers.flatMap((c) => strangers.map((d) => [a, b, c, d]))),
);

function over(
  build: (context: VectorContext, ...args: V128[]) => V128,
  ...args: (readonly number[])[]
): Float32Array {
  const made = overArrays(build, args.length, args[0].length, FEATURES.plain);
  args.forEach((values, n) => {
    made.args[n].set(values);
  });
  made.run(args[0].length);
  return made.result;
}

const firstOf = (results: Float32Array) => results.filter((_, i) => i % 4 === 0);

describe("pairs", () => {
  const as = strangers.flatMap((a) => strangers.map(() => a));
  const bs = strangers.flatMap(() => strangers);

  it("the larger and the smaller of two keep each NaN", () => {
    const max = over((_, a, b) => larger(a, b), as, bs);
    const min = over((_, a, b) => smaller(a, b), as, bs);
    // Zeros have either sign.
    expect(Array.from(max, (x) => x + 0)).toEqual(as.map((a, i) => Math.fround(Math.max(a, bs[i])) + 0));
    expect(Array.from(min, (x) => x + 0)).toEqual(as.map((a, i) => Math.fround(Math.min(a, bs[i])) + 0));
  });

  it("NaN exceeds all numbers, and nothing exceeds NaN", () => {
    const found = over(({ f }, a, b) => f32x4.convert_i32x4_s(i32x4.neg(f.keep(exceeds(a, b)))), as, bs);
    expect(Array.from(found)).toEqual(as.map((a, i) => (twin(a, bs[i]) ? 1 : 0)));
  });
});

describe("four lanes", () => {
  it("have a maximum, which is NaN where a lane is", () => {
    const found = over(({ f }, x) => maximumOfLanes(f, x), fours.flat());
    expect(Array.from(firstOf(found), (x) => x + 0)).toEqual(
      fours.map((four) => Math.fround(Math.max(...four)) + 0),
    );
  });

  it("have a first position of the largest, over two vectors", () => {
    const second = [...fours.slice(77), ...fours.slice(0, 77)];
    const position = ({ f }: VectorContext, a: V128, b: V128) => {
      const best = new LaneMaximum(f, a, i32x4.const(10, 11, 12, 13));
      best.take(b, f.keep(i32x4.const(14, 15, 16, 17)));
      return f32x4.convert_i32x4_u(i32x4.splat(best.position()));
    };
    const found = over(position, fours.flat(), second.flat());
    const want = fours.map((four, n) =>
      [...four, ...second[n]].reduce((best, x, i, all) => (twin(x, all[best]) ? i : best), 0),
    );
    expect(Array.from(firstOf(found))).toEqual(want.map((place) => place + 10));
  });

  it("have a sum, in pairs", () => {
    const found = over(({ f }, x) => f32x4.splat(sumOfLanes(f, x)), [1e8, 3, -1e8, 5, 1, 2, 3, Number.NaN]);
    expect(Array.from(firstOf(found))).toEqual([8, Number.NaN]);
  });
});
