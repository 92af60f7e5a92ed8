/** From counts to shares of the ceiling, over a step, and to the model of its time. */
import { describe, expect, it } from "vitest";
import type { LaunchDetails } from "wgrad/inspect";
import { ceilingShare, lanesUsed, stepBound } from "../../../bench/isa/bound.ts";
import { gpuFigures, launchTime, stepTime } from "../../../bench/isa/model.ts";
import { usefulShare } from "../../../bench/isa/useful.ts";

const counts = (multiplyAdds: number, slots: number) => ({
  multiplyAdds,
  slots,
  workgroupAccesses: 0,
  loads: 0,
});

describe("the bound of a launch", () => {
  it("counts empty lanes of the last wave", () => {
    expect([8, 32, 33, 64, 96].map((invocations) => lanesUsed(invocations, 64))).toEqual([
      0.125,
      0.5,
      33 / 64,
      1,
      0.75,
    ]);
    expect(lanesUsed(8, 32)).toBe(0.25);
  });

  it("is the share of slots in multiply-adds, of lanes at work", () => {
    expect(ceilingShare(counts(60, 80), 1, 0)).toBe(0.75);
    expect(ceilingShare(counts(60, 80), 0.25, 0)).toBe(0.1875);
    expect(ceilingShare(counts(0, 80), 1, 0)).toBe(0);
    expect(ceilingShare(counts(0, 0), 1, 0)).toBe(0);
  });

  it("is nothing where registers lie in memory", () => {
    expect(ceilingShare(counts(60, 80), 1, 4)).toBe(0);
  });
});

describe("the bound of a step", () => {
  it("is all operations over their time: the slow launch counts by its time", () => {
    // 100 at a half take 200, 300 at three quarters take 400.
    const launches = [
      { flops: 100, bound: 0.5 },
      { flops: 300, bound: 0.75 },
    ];
    expect(stepBound(launches)).toBeCloseTo(400 / 600, 12);
  });

  it("leaves out launches without products or work, and is undefined where none is left", () => {
    expect(stepBound([{ flops: 100, bound: 0.5 }, { flops: 1e9 }, { flops: 0, bound: 0 }])).toBe(0.5);
    expect(stepBound([{ flops: 5 }])).toBeUndefined();
    expect(stepBound([])).toBeUndefined();
  });

  it("is nothing where a launch with work has none", () => {
    expect(
      stepBound([
        { flops: 100, bound: 0.5 },
        { flops: 1, bound: 0 },
      ]),
    ).toBe(0);
  });
});

describe("the model of a step's time", () => {
  const gpu = { flops: 1e12, bytes: 1e11, launch: 5e-6 };

  it("takes the longer of arithmetic at its bound and of bytes, and then the launch", () => {
    const arithmetic = { flops: 1e6, bytes: 1e3, bound: 0.5 };
    const busy = launchTime(arithmetic, gpu);
    expect(busy).toMatchObject({ bytes: 0, launches: 5e-6 });
    expect(busy.arithmetic).toBeCloseTo(2e-6, 15);
    expect(busy.total).toBeCloseTo(7e-6, 15);
    const bytes = { flops: 1e6, bytes: 1e6, bound: 0.5 };
    const time = launchTime(bytes, gpu);
    expect(time).toMatchObject({ arithmetic: 0, launches: 5e-6 });
    expect(time.bytes).toBeCloseTo(1e-5, 15);
    expect(time.total).toBeCloseTo(1.5e-5, 15);
  });

  it("computes what sticks out over the edges, too", () => {
    const whole = launchTime({ flops: 1e6, bytes: 0, bound: 0.5 }, gpu).arithmetic;
    expect(launchTime({ flops: 1e6, bytes: 0, bound: 0.5, useful: 0.25 }, gpu).arithmetic).toBeCloseTo(
      4 * whole,
      15,
    );
  });

  it("takes half of the ceiling where there are no products", () => {
    expect(launchTime({ flops: 1e6, bytes: 0 }, gpu).arithmetic).toBeCloseTo(2e-6, 15);
    expect(launchTime({ flops: 0, bytes: 0, bound: 0 }, gpu)).toMatchObject({ total: 5e-6, arithmetic: 0 });
  });

  it("adds up launches, and what they are made of", () => {
    const launches = [
      { flops: 1e6, bytes: 1e3, bound: 0.5 },
      { flops: 0, bytes: 1e6 },
    ];
    const { total, arithmetic, bytes, launches: starts } = stepTime(launches, gpu);
    expect(arithmetic).toBeCloseTo(2e-6, 15);
    expect(bytes).toBeCloseTo(1e-5, 15);
    expect(starts).toBeCloseTo(1e-5, 15);
    expect(total).toBeCloseTo(arithmetic + bytes + starts, 15);
  });

  it("reads a GPU's figures in any order", () => {
    expect(gpuFigures("10TFLOPS,300GBPS,5US")).toEqual({ flops: 1e13, bytes: 3e11, launch: 5e-6 });
    expect(gpuFigures("0us, 1.5tbps, 500gflops")).toEqual({ flops: 5e11, bytes: 1.5e12, launch: 0 });
  });

  it.each([
    "",
    "10TFLOPS",
    "10TFLOPS,300GBPS",
    "10,300,5",
    "0TFLOPS,300GBPS,5US",
    "1TFLOPS,2TFLOPS,5US",
    "1e3TFLOPS,1GBPS,5US",
    "NaNTFLOPS,1GBPS,1US",
  ])("refuses %j", (text) => {
    expect(() => gpuFigures(text)).toThrow("such as 10TFLOPS,300GBPS,5US");
  });
});

describe("the useful share", () => {
  const dispatch = (constants: object, grid: number[], shape: number[], kernelFlops: number) =>
    ({ constants, grid, writes: [{ shape }], kernelFlops }) as unknown as LaunchDetails["dispatches"][number];
  const launch = (workgroup: number[], ...dispatches: LaunchDetails["dispatches"]) =>
    ({ workgroup, dispatches }) as unknown as LaunchDetails;
  const tile = { TILE_M: 8, TILE_N: 8 };

  it("is all of it where blocks cover the result", () => {
    expect(usefulShare(launch([8, 8, 1], dispatch(tile, [2, 1, 1], [64, 128], 2 * 64 * 128 * 5)))).toBe(1);
  });

  it("is what blocks have inside the result", () => {
    // 10 columns in blocks of 64.
    expect(usefulShare(launch([8, 8, 1], dispatch(tile, [1, 1, 1], [64, 10], 2 * 64 * 10 * 5)))).toBe(
      10 / 64,
    );
  });

  it("counts sums that are filled up, and slices that share a sum", () => {
    // 25 of 32 steps.
    const filled = dispatch({ ...tile, DEPTH: 8 }, [1, 1, 1], [64, 64], 2 * 64 * 64 * 25);
    expect(usefulShare(launch([64, 1, 1], filled))).toBe(25 / 32);
    const sliced = dispatch({ ...tile, SLICES: 4 }, [1, 1, 1], [64, 64], 2 * 64 * 64 * 8);
    expect(usefulShare(launch([256, 1, 1], sliced))).toBe(1);
  });

  it("weighs the parts of a launch by their work", () => {
    const half = dispatch(tile, [1, 1, 1], [32, 64], 2 * 32 * 64 * 10);
    const whole = dispatch(tile, [1, 1, 1], [64, 64], 2 * 64 * 64 * 30);
    expect(usefulShare(launch([64, 1, 1], half, whole))).toBe((0.5 * 10 + 30) / 40);
  });

  it("is unknown for what is no product", () => {
    expect(usefulShare(launch([64, 1, 1], dispatch({ SIZE: 5 }, [1, 1, 1], [5], 5)))).toBeUndefined();
  });
});
