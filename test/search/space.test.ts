/** Draws from distributions: their ranges, their spread, and what they depend on. */
import { describe, expect, it } from "vitest";
import { randomU32 } from "../../src/random.ts";
import { choice, integer, logUniform, uniform } from "../../src/search/index.ts";
import { type Choices, combinations, drawn } from "../../src/search/space.ts";

const DRAWS = 4000;

function draws(space: Parameters<typeof drawn>[0], seed = 1): Choices[] {
  return Array.from({ length: DRAWS }, (_, i) => drawn(space, seed, i));
}

/** Kolmogorov's distance between values and the uniform distribution on [0, 1]. */
function distance(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.max(...sorted.map((value, i) => Math.abs(value - (i + 0.5) / sorted.length)));
}

/** What such a distance exceeds once in 10,000 times. */
const FAR = 2.23 / Math.sqrt(DRAWS);

describe("draws", () => {
  it("of uniform and logUniform are spread evenly over their ranges", () => {
    const all = draws({ rate: logUniform(1e-4, 1e-1), part: uniform(-2, 3) });
    const parts = all.map(({ part }) => ((part as number) + 2) / 5);
    const rates = all.map(({ rate }) => (Math.log10(rate as number) + 4) / 3);
    for (const values of [parts, rates]) {
      expect(Math.min(...values)).toBeGreaterThanOrEqual(-1e-9);
      expect(Math.max(...values)).toBeLessThanOrEqual(1);
      expect(distance(values)).toBeLessThan(FAR);
    }
  });

  it("of integer, choice and lists take each value as often", () => {
    const all = draws({ width: integer(3, 7), kind: choice(["a", "b"]), list: [1, null, "x", true] });
    for (const [name, values] of Object.entries({ width: 5, kind: 2, list: 4 })) {
      const counts = new Map<unknown, number>();
      for (const choices of all) counts.set(choices[name], (counts.get(choices[name]) ?? 0) + 1);
      expect(counts.size).toBe(values);
      // Five standard deviations of a count.
      const [expected, deviation] = [DRAWS / values, Math.sqrt((DRAWS / values) * (1 - 1 / values))];
      for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(5 * deviation);
    }
    expect(Math.min(...all.map(({ width }) => width as number))).toBe(3);
  });

  it("depend on the seed, the trial and the name, and on nothing beside it", () => {
    const space = { a: uniform(0, 1), b: uniform(0, 1) };
    const one = drawn(space, 5, 7);
    expect(drawn({ b: uniform(0, 1), c: [1, 2], a: uniform(0, 1) }, 5, 7)).toMatchObject(one);
    expect(one.a).not.toBe(one.b);
    for (const other of [drawn(space, 6, 7), drawn(space, 5, 8)]) {
      expect(other.a).not.toBe(one.a);
      expect(other.b).not.toBe(one.b);
    }
    // The stream is the name's FNV-1a hash: what a seed means must not change from version to version.
    const prime = 0x01000193n;
    const stream = Number(((0x811c9dc5n ^ BigInt("a".charCodeAt(0))) * prime) % 2n ** 32n);
    expect(one.a).toBe(Number((randomU32(5, stream, 7) / 2 ** 32).toPrecision(12)));
  });

  it("come back from JSON as they were", () => {
    const all = draws({ rate: logUniform(1e-9, 1e9), part: uniform(-1e-3, 1e3) }).slice(0, 100);
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
  });
});

describe("combinations", () => {
  it("change the last name fastest", () => {
    expect(combinations({ a: [1, 2], b: ["x"], c: [true, null] })).toEqual([
      { a: 1, b: "x", c: true },
      { a: 1, b: "x", c: null },
      { a: 2, b: "x", c: true },
      { a: 2, b: "x", c: null },
    ]);
  });
});
