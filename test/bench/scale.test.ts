/** `bench scale`: sizes, where it stops, and where overhead ends. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cpu, type Engine } from "wgrad";
import { grow, kneeOf, measureScale } from "../../bench/scale.ts";
import { Candidate, samples } from "../../bench/workload.ts";
import { runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const base = { convolutions: false, hidden: [6, 4], batch: 4, seed: 1 };

describe("npm run bench -- scale", () => {
  it("measures steps of twice the batch, the width and the depth", async () => {
    const out = join(folder.path, "out");
    const { exitCode, stdout, stderr } = await runScript("bench/main.ts", [
      ..."scale --model 6-4 --batch 4 --largest 2 --repetitions 2 --json".split(" "),
      "--out",
      out,
    ]);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(exitCode).toBe(0);
    const { benchmark, series } = JSON.parse(stdout);
    expect(benchmark).toBe("scale");
    expect(series.map(({ dimension }: { dimension: string }) => dimension)).toEqual([
      "batch",
      "width",
      "depth",
    ]);
    const sizes = series.map(
      ({ points }: { points: { factor: number; batch: number; layers: number[] }[] }) =>
        points.map(({ factor, batch, layers }) => [factor, batch, layers.join("-")]),
    );
    const smallest = [1, 4, "784-6-4-10"];
    expect(sizes).toEqual([
      [smallest, [2, 8, "784-6-4-10"]],
      [smallest, [2, 4, "784-12-8-10"]],
      [smallest, [2, 4, "784-6-6-4-4-10"]],
    ]);
    for (const { points } of series) {
      for (const { flopsPerStep, milliseconds, gflops, lossDifference, steps } of points) {
        expect(lossDifference).toBeLessThanOrEqual(1e-4);
        expect(steps).toBeGreaterThanOrEqual(1);
        expect(milliseconds.lowest).toBeGreaterThan(0);
        expect(milliseconds.highest).toBeGreaterThanOrEqual(milliseconds.median);
        expect(gflops / (flopsPerStep / (milliseconds.median * 1e6))).toBeCloseTo(1, 6);
      }
      // The smallest is measured once, for all.
      expect(points[0]).toEqual(series[0].points[0]);
    }
    const [batch, width] = series;
    expect(batch.points[1].flopsPerStep).toBeGreaterThan(1.3 * batch.points[0].flopsPerStep);
    expect(width.points[1].parameters).toBeGreaterThan(1.9 * width.points[0].parameters);
    expect((await readdir(out)).sort()).toEqual([
      "scale-6-4-4-speed.svg",
      "scale-6-4-4-time.svg",
      "scale-6-4-4.json",
    ]);
    expect(stderr).toMatch(/^batch × 2 +6-4 +8 /m);
  });

  it("refuses filters, which do not grow", async () => {
    const { exitCode, stderr } = await runScript("bench/main.ts", ["scale", "--model", "conv"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("filters do not grow here");
  });
});

describe("growing", () => {
  it("multiplies one dimension", () => {
    expect(grow(base, "batch", 4)).toEqual({ ...base, batch: 16 });
    expect(grow(base, "width", 4)).toEqual({ ...base, hidden: [24, 16] });
    expect(grow(base, "depth", 3)).toEqual({ ...base, hidden: [6, 6, 6, 4, 4, 4] });
  });
});

describe("a series", () => {
  /** An engine that takes `ms` longer for each step of the programs that `isSlow` names by their dispatches. */
  function slow(engine: Engine, ms: number, isSlow: (dispatches: number) => boolean): Engine {
    const compile = engine.compile.bind(engine);
    return Object.assign(engine, {
      compile: async (...args: Parameters<Engine["compile"]>) => {
        const executable = await compile(...args);
        const run = executable.run.bind(executable);
        if (!isSlow(executable.program.dispatches.length)) return executable;
        return Object.assign(executable, {
          run: async (count: number) => {
            const outputs = run(count);
            await new Promise((resolve) => setTimeout(resolve, ms * count));
            return outputs;
          },
        });
      },
    });
  }
  const options = { base, largest: 4, limitMs: 1500, repetitions: 1 };

  it("ends where a step takes longer than the limit", async () => {
    const engine = cpu();
    const twiceAsDeep = await Candidate.open(engine, grow(base, "depth", 2), samples(1));
    const limit = twiceAsDeep.step.program.dispatches.length;
    const { series } = await measureScale(
      slow(cpu(), 1600, (count) => count > limit),
      cpu(),
      options,
    );
    const [batch, width, depth] = series;
    for (const { points, cut } of [batch, width]) {
      expect(points.map(({ factor }) => factor)).toEqual([1, 2, 4]);
      expect(cut).toBeUndefined();
    }
    expect(depth.points.map(({ factor }) => factor)).toEqual([1, 2]);
    expect(depth.cut).toEqual({
      factor: 4,
      reason: expect.stringMatching(/^a step took [1-9],\d{3} ms, more than 1500 ms$/),
    });
  });

  it("does not begin where the smallest step is too large", async () => {
    const large = { ...options, base: { ...base, batch: 20_001 } };
    await expect(measureScale(cpu(), cpu(), large)).rejects.toThrow(
      "the smallest step is too large: a batch of 20001 is more than the 20000 samples",
    );
  });

  it("is not timed where the engines disagree", async () => {
    const engine = cpu();
    const compile = engine.compile.bind(engine);
    const wrong = Object.assign(engine, {
      compile: async (...args: Parameters<Engine["compile"]>) => {
        const executable = await compile(...args);
        const run = executable.run.bind(executable);
        return Object.assign(executable, {
          run: async (count: number) => {
            const outputs = await run(count);
            return { ...outputs, loss: Float32Array.from(outputs.loss, (loss) => loss * 1.001) };
          },
        });
      },
    });
    await expect(measureScale(wrong, cpu(), options)).rejects.toThrow(
      /784-6-4-10.*nothing was timed|nothing was timed.*784-6-4-10/,
    );
  });
});

describe("the knee", () => {
  const points = (...medians: number[]) =>
    medians.map((median, i) => ({
      factor: 2 ** i,
      milliseconds: { median, lowest: median, highest: median },
    }));

  it("is where a step takes twice the time of the smallest", () => {
    expect(kneeOf(points(1, 2, 4))).toBeCloseTo(2, 9);
    expect(kneeOf(points(1, 1, 4))).toBeCloseTo(2 * Math.SQRT2, 9);
    expect(kneeOf(points(1, 1.1, 1.9, 1.8, 7.2))).toBeCloseTo(8 * 2 ** (Math.log(2 / 1.8) / Math.log(4)), 9);
    // A straggler among small steps is none.
    expect(kneeOf(points(1, 2.5, 1, 1, 4))).toBeCloseTo(8 * Math.SQRT2, 9);
  });

  it("is nowhere where none does", () => {
    expect(kneeOf(points(1, 1.5, 1.99))).toBeUndefined();
    expect(kneeOf(points(1))).toBeUndefined();
  });
});
