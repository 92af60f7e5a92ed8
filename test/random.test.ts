import { describe, expect, it } from "vitest";
import {
  epochOrder,
  normal,
  normals,
  permutation,
  philox4x32,
  randomU32,
  seedWords,
  uniform,
  uniforms,
  type Words4,
} from "../src/random.ts";

const ALL_ONES = 0xffffffff;

describe("philox4x32", () => {
  // Known answers published with Random123 (Salmon et al., 2011).
  const known: [string, Words4, [number, number], Words4][] = [
    ["zeros", [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      "ones",
      [ALL_ONES, ALL_ONES, ALL_ONES, ALL_ONES],
      [ALL_ONES, ALL_ONES],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      "digits of pi",
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  it.each(known)("known answer: %s", (_name, counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected);
  });

  it("agrees with 64-bit integer arithmetic on many counters", () => {
    const low = (x: bigint) => x & 0xffffffffn;
    const reference = (counter: Words4, key: [number, number]): number[] => {
      let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
      let [k, l] = key.map(BigInt) as [bigint, bigint];
      for (let round = 0; round < 10; round++) {
        const p = 0xd2511f53n * a;
        const q = 0xcd9e8d57n * c;
        [a, b, c, d] = [(q >> 32n) ^ b ^ k, low(q), (p >> 32n) ^ d ^ l, low(p)];
        k = low(k + 0x9e3779b9n);
        l = low(l + 0xbb67ae85n);
      }
      return [a, b, c, d].map(Number);
    };
    for (let i = 0; i < 300; i++) {
      const word = (j: number) => randomU32(99, 1, i * 6 + j);
      const counter: Words4 = [word(0), word(1), word(2), word(3)];
      expect(philox4x32(counter, [word(4), word(5)])).toEqual(reference(counter, [word(4), word(5)]));
    }
  });
});

describe("randomU32", () => {
  it("is word index mod 4 of block index / 4, keyed by seed and stream", () => {
    for (const index of [0, 1, 2, 3, 4, 7, 1023]) {
      const block = philox4x32([Math.floor(index / 4), 0, 0, 0], [7, 3]);
      expect(randomU32(7, 3, index)).toBe(block[index % 4]);
    }
  });
  it("folds the high part of seed and index into the counter", () => {
    const seed = 2 ** 52 + 5;
    const index = 2 ** 40 + 1;
    expect(randomU32(seed, 3, index)).toBe(philox4x32([0, 2 ** 6, 2 ** 20, 0], [5, 3])[1]);
    expect(randomU32(2 ** 32, 0, 0)).not.toBe(randomU32(0, 0, 0));
    expect(seedWords(seed)).toEqual([5, 2 ** 20]);
  });
  it.each([
    ["seed", -1, 0, 0],
    ["seed", 1.5, 0, 0],
    ["seed", 2 ** 53, 0, 0],
    ["seed", Number.NaN, 0, 0],
    ["stream", 0, -1, 0],
    ["stream", 0, 2 ** 32, 0],
    ["index", 0, 0, -1],
    ["index", 0, 0, 0.5],
  ])("refuses a bad %s", (what, seed, stream, index) => {
    expect(() => randomU32(seed, stream, index)).toThrow(
      new RegExp(`random: ${what} is .*expected an integer`),
    );
  });
});

/** The largest distance between the empirical distribution of `values` and `cdf` (Kolmogorov–Smirnov). */
function distance(values: Float32Array, cdf: (x: number) => number): number {
  const sorted = values.slice().sort();
  let worst = 0;
  sorted.forEach((value, i) => {
    const p = cdf(value);
    worst = Math.max(worst, Math.abs(p - i / sorted.length), Math.abs(p - (i + 1) / sorted.length));
  });
  return worst;
}

/** Mean of f over the values. */
const mean = (values: Float32Array, f: (x: number) => number) =>
  values.reduce((sum, x) => sum + f(x), 0) / values.length;

/** The normal distribution function (Abramowitz and Stegun 26.2.17, error < 7.5e-8). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return x > 0 ? 1 - tail : tail;
}

const N = 100_000;
/** 99.9 % point of the Kolmogorov–Smirnov statistic. */
const KS_LIMIT = 1.95 / Math.sqrt(N);

describe("uniform", () => {
  it("has the moments and the distribution of [0, 1)", () => {
    const values = uniforms(N, 1, 0);
    expect(distance(values, (x) => x)).toBeLessThan(KS_LIMIT);
    expect(mean(values, (x) => x)).toBeCloseTo(1 / 2, 2);
    expect(mean(values, (x) => (x - 0.5) ** 2)).toBeCloseTo(1 / 12, 2);
    expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
  });
  it("is exact in f32, and the filler gives the same values one by one", () => {
    for (const n of [0, 1, 2, 3, 5, 64]) {
      const values = uniforms(n, 42, 9);
      expect(values.length).toBe(n);
      expect([...values]).toEqual(Array.from({ length: n }, (_, i) => uniform(42, 9, i)));
    }
  });
  it.each([
    ["neighbours", uniforms(N, 1, 0), uniforms(N + 1, 1, 0).slice(1)],
    ["streams", uniforms(N, 1, 0), uniforms(N, 1, 1)],
    ["seeds", uniforms(N, 1, 0), uniforms(N, 2, 0)],
    ["seeds 2^32 apart", uniforms(N, 1, 0), uniforms(N, 1 + 2 ** 32, 0)],
  ])("%s do not correlate", (_what, a, b) => {
    const covariance = a.reduce((sum, x, i) => sum + (x - 0.5) * ((b[i] ?? 0) - 0.5), 0) / N;
    expect(Math.abs(covariance * 12)).toBeLessThan(4 / Math.sqrt(N));
  });
});

describe("normal", () => {
  it("has the moments and the distribution of N(0, 1)", () => {
    const values = normals(N, 1, 0);
    expect(distance(values, normalCdf)).toBeLessThan(KS_LIMIT);
    expect(Math.abs(mean(values, (x) => x))).toBeLessThan(4 / Math.sqrt(N));
    expect(mean(values, (x) => x ** 2)).toBeCloseTo(1, 1);
    expect(Math.abs(mean(values, (x) => x ** 3))).toBeLessThan(0.05);
    expect(mean(values, (x) => x ** 4)).toBeCloseTo(3, 0);
  });
  it("gives the same values one by one", () => {
    for (const n of [0, 1, 2, 3, 5, 64]) {
      expect([...normals(n, 42, 9)]).toEqual(Array.from({ length: n }, (_, i) => normal(42, 9, i)));
    }
  });
  it("does not correlate within a pair", () => {
    const values = normals(N, 3, 0);
    let covariance = 0;
    for (let i = 0; i < N; i += 2) covariance += ((values[i] ?? 0) * (values[i + 1] ?? 0)) / (N / 2);
    expect(Math.abs(covariance)).toBeLessThan(4 / Math.sqrt(N / 2));
  });
});

describe("permutation", () => {
  it.each([1, 2, 3, 4, 5, 10, 16, 17, 1000, 60_000])("is a bijection of %i samples", (count) => {
    for (const epoch of [0, 1, 2, 3]) {
      const order = epochOrder(count, 1, epoch);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      const { at } = permutation(count, 1, epoch);
      expect(at(count - 1)).toBe(order[count - 1]);
    }
  });
  it("stays in range at 2^32", () => {
    const { at, halfBits } = permutation(2 ** 32, 1, 0);
    expect(halfBits).toBe(16);
    const images = [0, 1, 2 ** 31, 2 ** 32 - 1].map(at);
    expect(new Set(images).size).toBe(4);
    expect(images.every((i) => Number.isInteger(i) && i >= 0 && i < 2 ** 32)).toBe(true);
  });
  it.each([
    ["epochs", epochOrder(60_000, 1, 0), epochOrder(60_000, 1, 1)],
    ["seeds", epochOrder(60_000, 1, 0), epochOrder(60_000, 2, 0)],
    ["an epoch and the identity", epochOrder(60_000, 1, 7), epochOrder(60_000, 1, 7, false)],
  ])("%s are independent", (_what, a, b) => {
    const n = a.length;
    const centre = (n - 1) / 2;
    let same = 0;
    let covariance = 0;
    a.forEach((x, i) => {
      const y = b[i] ?? 0;
      if (x === y) same++;
      covariance += (x - centre) * (y - centre);
    });
    expect(same).toBeLessThan(10); // Poisson with mean 1
    expect(Math.abs(covariance / n / ((n * n) / 12))).toBeLessThan(4 / Math.sqrt(n));
  });
  it("leaves no trace of the order in the steps between neighbours", () => {
    const order = epochOrder(60_000, 1, 3);
    let steps = 0;
    for (let i = 1; i < order.length; i++) if (Math.abs((order[i] ?? 0) - (order[i - 1] ?? 0)) === 1) steps++;
    expect(steps).toBeLessThan(14); // Poisson with mean 2
  });
  it("spreads over all orders of 3, and puts each of 10 samples in each place", () => {
    const orders = new Map<string, number>();
    const places = new Uint32Array(100);
    for (let epoch = 0; epoch < 6000; epoch++) {
      const key = epochOrder(3, 5, epoch).join();
      orders.set(key, (orders.get(key) ?? 0) + 1);
      epochOrder(10, 5, epoch).forEach((sample, i) => {
        places[i * 10 + sample] = (places[i * 10 + sample] ?? 0) + 1;
      });
    }
    expect(orders.size).toBe(6);
    for (const seen of orders.values()) expect(Math.abs(seen - 1000)).toBeLessThan(150);
    for (const seen of places) expect(Math.abs(seen - 600)).toBeLessThan(120);
  });
  it("is fast: 60,000 entries", () => {
    epochOrder(60_000, 1, 0);
    const start = performance.now();
    epochOrder(60_000, 1, 1);
    expect(performance.now() - start).toBeLessThan(100); // about 5 ms on a quiet core
  });
  it.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])("refuses a count of %d", (count) => {
    expect(() => permutation(count, 1, 0)).toThrow(/permutation: count is .*expected an integer from 1/);
  });
  it("refuses a bad seed and a bad epoch", () => {
    expect(() => permutation(3, -1, 0)).toThrow(/seed is -1/);
    expect(() => epochOrder(3, 1, 0.5)).toThrow(/epoch is 0.5/);
  });
});
