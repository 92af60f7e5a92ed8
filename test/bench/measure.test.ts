/** The shared parts of benchmarks: statistics, and how numbers are written. */
import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatSpread,
  inTurn,
  isSoftware,
  machine,
  median,
  significant,
  spreadOf,
} from "../../bench/measure.ts";
import { relativeDifference } from "../../bench/workload.ts";

describe("statistics", () => {
  it("take the middle, and the ends", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 3])).toBe(2.5);
    expect(spreadOf([5, 9, 1])).toEqual({ median: 5, lowest: 1, highest: 9 });
  });

  it("refuse what has no middle", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => median([1, Number.NaN, 2])).toThrow(RangeError);
  });
});

describe("measurements in turn", () => {
  it("come after one of each to warm up", async () => {
    const order: string[] = [];
    const told: string[] = [];
    const measure = (name: string) => async () => order.push(name);
    const turns: number[] = [];
    const results = await inTurn(
      2,
      { a: measure("a"), b: measure("b") },
      (line) => told.push(line),
      ({ a, b }) => turns.push(a.length + b.length),
    );
    expect(turns).toEqual([2, 4]);
    expect(order.join("")).toBe("ababab");
    expect(results).toEqual({ a: [3, 5], b: [4, 6] });
    expect(told).toEqual(["measured 1 of 2", "measured 2 of 2"]);
  });
});

describe("numbers", () => {
  it("have three digits or more", () => {
    expect([0.012345, 1.2345, 19, 123.4, 12345].map(significant)).toEqual([
      "0.0123",
      "1.23",
      "19.0",
      "123",
      "12,345",
    ]);
    expect(formatBytes(11_208_880)).toBe("11.2 MB");
    expect(formatSpread({ median: 2, lowest: 1, highest: 30 })).toBe("2.00 (1.00 – 30.0)");
    expect(formatSpread({ median: 2, lowest: 2, highest: 2 })).toBe("2.00");
  });
});

describe("the machine", () => {
  it("is known by what decides its speed", () => {
    const { cores, node, wgrad } = machine();
    expect(cores).toBeGreaterThan(0);
    expect(node).toBe(process.version);
    expect(wgrad).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("has a software adapter or a GPU", () => {
    expect(isSoftware("llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)")).toBe(true);
    expect(isSoftware("SwiftShader Device (Subzero)")).toBe(true);
    expect(isSoftware("NVIDIA GeForce RTX 4090")).toBe(false);
  });
});

describe("the engines' losses", () => {
  it("differ relative to what is expected, and NaN is never agreement", () => {
    expect(relativeDifference([1, 2.2], [1, 2])).toBeCloseTo(0.1);
    expect(relativeDifference([1, Number.NaN, 3], [1, 2, 3])).toBeNaN();
    expect(relativeDifference([1, 2, 3], [Number.NaN, 2, 3])).toBeNaN();
    expect(relativeDifference([], [])).toBeNaN();
    expect(relativeDifference([1], [1, 2])).toBeNaN();
  });
});
