/** Scalar functions as vectors: against their twins, and against 64 bits over all exponents. */
import { describe, expect, it } from "vitest";
import { type ScalarFunction, scalarFunctions } from "../../src/kernels/scalar.ts";
import { f32x4, type V128 } from "../../src/wasm/assembler/instructions.ts";
import type { VectorContext } from "../../src/wasm/vectors/arithmetic.ts";
import { exponentialOfSmall } from "../../src/wasm/vectors/exponential.ts";
import { vectorFunctions } from "../../src/wasm/vectors/functions.ts";
import { FEATURES, overArrays } from "../helpers/vectors.ts";
import { composed, functions, type Swept, worstOf } from "../numerics/functions.ts";

/** What docs/numerics.md promises, in units in the last place: of those named, else 2. */
const PROMISED: Readonly<Record<string, number>> = { sigmoid: 2.5, normalCdf: 3, gelu: 3.5, silu: 3.5 };

/** Where functions bend, overflow, underflow, and where large angles begin. */
const SPECIAL = [
  ...[Number.NaN, Infinity, 0, 1, 2 ** -149, 2 ** -126, 3.4028234663852886e38, 0.625, 0.9, 15],
  ...[Math.SQRT1_2, Math.SQRT2, 88.72283, 88.722839, 88.37626, 103.97, 104, 87.33655, 2 ** 25, 2 ** 25 - 2],
  // Of all 32-bit numbers, the closest to a multiple of π / 2.
  16367173 * 2 ** 72,
].flatMap((x) => [x, -x]);

/** Numbers of both signs and all exponents, subnormal ones among them, and more of those sizes where functions bend. */
function allExponents(each: number): Float32Array {
  const words: number[] = [];
  for (let exponent = 0; exponent < 255; exponent++) {
    const count = exponent > 110 && exponent < 136 ? 8 * each : each;
    for (let i = 0; i < count; i++) {
      // Fibonacci hashing: neighbours are far apart.
      const hash = Math.imul(words.length + 1, 0x9e3779b1) >>> 0;
      words.push((((hash & 1) << 31) | (exponent << 23) | (hash >>> 9)) >>> 0);
    }
  }
  const xs = new Float32Array(new Uint32Array(words).buffer);
  return Float32Array.of(...SPECIAL, ...xs.subarray(SPECIAL.length % 4));
}

const xs = allExponents(128);

function vectorsOf(swept: Swept) {
  return (context: VectorContext, x: V128): V128 =>
    composed(
      swept,
      x,
      (value) => context.f.constant(f32x4.const(value)),
      (fn, args) => context.f.keep(vectorFunctions[fn](context, ...args)),
    );
}

const STRANGERS = [...SPECIAL, 0.3, -0.3, 1e-3, 7, -7, 1e30].map(Math.fround);

/** All rows of so many strangers. */
function rowsOf(count: number): number[][] {
  if (count === 0) return [[]];
  return rowsOf(count - 1).flatMap((row) => STRANGERS.map((x) => [...row, x]));
}

describe.each(Object.entries(FEATURES))("%s", (_name, features) => {
  it.each(Object.entries(functions))("%s is exact to a few units in the last place", (name, swept) => {
    const made = overArrays(vectorsOf(swept), 1, xs.length, features);
    made.args[0].set(xs);
    made.run(xs.length);
    const products = name === "gelu" || name === "silu";
    const worst = worstOf(swept, xs, made.result, { subnormal: !products });
    expect(worst.error, `${name}(${worst.x}) is ${worst.got}, expected ${worst.exact}`).toBeLessThanOrEqual(
      PROMISED[name] ?? 2,
    );
  });

  it("exponentials of what is below 0 are exact, or 0 where no normal number is near", () => {
    const below = xs.map((x) => -Math.abs(x));
    const made = overArrays(exponentialOfSmall, 1, xs.length, features);
    made.args[0].set(below);
    made.run(xs.length);
    const worst = worstOf(functions.exp, below, made.result);
    expect(worst.error, `${worst.x} gives ${worst.got}, not ${worst.exact}`).toBeLessThanOrEqual(1.5);
    const far = Array.from(made.result).filter((_, i) => below[i] < -88);
    expect(far.length).toBeGreaterThan(1000);
    expect(new Set(far)).toEqual(new Set([0]));
  });

  it.each(Object.keys(scalarFunctions) as ScalarFunction[])(
    "%s is what its twin is, of strangers too",
    (name) => {
      const twin: (...args: number[]) => number = scalarFunctions[name];
      const rows = rowsOf(twin.length);
      const made = overArrays(vectorFunctions[name], twin.length, Math.ceil(rows.length / 4) * 4, features);
      rows.forEach((row, i) => {
        row.forEach((x, n) => {
          made.args[n][i] = x;
        });
      });
      made.run(made.result.length);
      const wrong = rows.flatMap((row, i) => {
        const want = Math.fround(twin(...row));
        const got = made.result[i];
        const near = Math.abs(got - want) <= 3e-7 * Math.abs(want) + 3e-45;
        return Object.is(got, want) || near || got === want
          ? []
          : [`${name}(${row}) is ${got}, expected ${want}`];
      });
      expect(wrong).toEqual([]);
    },
  );
});
