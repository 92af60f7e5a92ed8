/** The time of each launch, how it is shown, and how waiting for a device leaves its cores alone. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { launchProfiles, describe as print, programCost } from "../../src/inspect/describe.ts";
import { launchesOf } from "../../src/program.ts";
import { Rest } from "../../src/runtime/gpu/rest.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { type MlpTraining, openMlp } from "../helpers/mlp.ts";

const engines = useEngines();
const { train: data } = digits({ train: 64, test: 1 });
const HIDDEN = [24, 16];
const scalars = () => ({ batchStart: 0 });

describe.each(ENGINES)("a profile on the %s", (kind) => {
  let training: MlpTraining;
  beforeAll(async () => {
    training = await openMlp(engines[kind], data, { batchSize: 16, hidden: HIDDEN });
    await training.run(1);
  });
  afterAll(() => training.release());

  it("has a time for each launch in each step, and takes the steps", async () => {
    const { program } = training.step;
    const before = training.trainer.steps;
    const { method, milliseconds } = await training.step.profile(3, scalars);
    expect(method).toMatch(kind === "gpu" ? /^(timestamps|differences)$/ : /^clock$/);
    expect(milliseconds.map((times) => times.length)).toEqual(launchesOf(program).map(() => 3));
    const all = milliseconds.flat();
    expect(all.filter((time) => !(time >= 0))).toEqual([]);
    expect(all.reduce((sum, time) => sum + time)).toBeGreaterThan(0);
    expect(training.trainer.steps).toBe(before + 3);
  });

  it("trains as the same steps without", async () => {
    const other = await openMlp(engines[kind], data, { batchSize: 16, hidden: HIDDEN });
    const same = await openMlp(engines[kind], data, { batchSize: 16, hidden: HIDDEN });
    await other.step.profile(2, scalars);
    await same.step.runMany(2, scalars);
    expect(await other.trainer.weights()).toEqual(await same.trainer.weights());
    other.release();
    same.release();
  });
});

it("without timestamps, goes by differences", async () => {
  const { gpu } = engines;
  const features = Object.getOwnPropertyDescriptor(gpu.device, "features");
  Object.defineProperty(gpu.device, "features", { value: new Set(), configurable: true });
  try {
    const training = await openMlp(gpu, data, { batchSize: 16, hidden: HIDDEN });
    const { method, milliseconds } = await training.step.profile(2, scalars);
    expect(method).toBe("differences");
    expect(milliseconds.flat().filter((time) => !Number.isFinite(time))).toEqual([]);
    training.release();
  } finally {
    if (features) Object.defineProperty(gpu.device, "features", features);
    else delete (gpu.device as { features?: unknown }).features;
  }
});

describe("a profiled program", () => {
  const ceiling = { flops: 1e9, bytes: 1e9 };
  let training: MlpTraining;
  beforeAll(async () => {
    training = await openMlp(engines.cpu, data, { batchSize: 16, hidden: HIDDEN });
  });

  const measured = () => {
    const launches = launchesOf(training.step.program);
    return { milliseconds: launches.map((_, i) => [i + 3, i + 1, i + 2]), ceiling };
  };

  it("has medians, costs that add up, and shares of the ceiling", () => {
    const { program } = training.step;
    const profiles = launchProfiles(program, measured());
    expect(profiles.map(({ milliseconds }) => milliseconds)).toEqual(profiles.map((_, i) => i + 2));
    expect(profiles.reduce((sum, { flops }) => sum + flops, 0)).toBeCloseTo(programCost(program).flops, 6);
    for (const { flops, bytes, milliseconds, share } of profiles)
      expect(share).toBeCloseTo(Math.max(flops, bytes) / 1e9 / (milliseconds / 1000), 9);
    expect(profiles.some(({ dispatches }) => dispatches.length > 1)).toBe(true);
  });

  it("is printed with times", () => {
    const { program } = training.step;
    const lines = print(program, measured()).split("\n");
    expect(lines[1]).toMatch(/ms +GFLOP\/s +GB\/s +share$/);
    expect(lines.filter((line) => /^\d+ .* \d+ %$/.test(line))).toHaveLength(launchesOf(program).length);
    expect(lines.filter((line) => /^\+ /.test(line)).length).toBeGreaterThan(0);
    expect(print(program)).not.toContain("GFLOP/s");
  });

  it("refuses the times of another", () => {
    expect(() => print(training.step.program, { milliseconds: [[1]] })).toThrow(/there are times of 1/);
  });
});

describe("waiting", () => {
  it("naps between turns, the longer the longer it takes, and ends with the answer", async () => {
    const rest = new Rest();
    let turns = 0;
    let open = true;
    const count = () => {
      turns++;
      if (open) setImmediate(count);
    };
    setImmediate(count);
    const began = performance.now();
    const answer = await rest.during(new Promise((resolve) => setTimeout(() => resolve("done"), 300)));
    open = false;
    expect(answer).toBe("done");
    expect(performance.now() - began).toBeLessThan(3000);
    // Without naps, hundreds of thousands.
    expect(turns).toBeLessThan(5000);
  });

  it("takes one nap a turn, however many questions were asked and answered before it", async () => {
    const turns: (() => void)[] = [];
    vi.stubGlobal("setImmediate", (turn: () => void) => turns.push(turn));
    try {
      const rest = new Rest();
      for (let i = 0; i < 100; i++) await rest.during(Promise.resolve(i));
      expect(turns.length).toBe(1);
      const open = rest.during(new Promise(() => {}));
      for (let i = 0; i < 10; i++) turns.shift()?.();
      expect(turns.length).toBe(1);
      expect(open).toBeInstanceOf(Promise);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("passes on what went wrong", async () => {
    await expect(new Rest().during(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  });
});
