/** `bench epoch`: it trains as `fit` does, counts right answers as `evaluate` does, and tells when. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { adam, cpu, oneCycle, fit as train } from "wgrad";
import { digits } from "wgrad/data";
import { targetOf } from "../../bench/epoch.ts";
import { trainOnce } from "../../bench/training.ts";
import { modelOf } from "../../bench/workload.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();

describe("npm run bench -- epoch", () => {
  it("trains, evaluates, and splits the start-up", async () => {
    const args = "epoch --dataset digits --count 1100 --epochs 6 --every 5 --repetitions 2 --json".split(" ");
    const { exitCode, stdout, stderr } = await runScript("bench/main.ts", [...args, "--out", folder.path]);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ benchmark: "epoch", model: "mlp", dataset: "digits", trainSamples: 1100 });
    expect(result.testSamples).toBe(220);
    for (const part of ["adapter", "upload", "compile", "firstStep"])
      expect(result.startUp[part]).toBeGreaterThan(0);
    expect(result.runs.map(({ seed }: { seed: number }) => seed)).toEqual([1, 2]);
    const steps = 6 * Math.floor(1100 / result.recipe.batch);
    for (const { points, startUp, evaluationSeconds } of result.runs) {
      expect(points.map((point: { steps: number }) => point.steps)).toEqual(
        Array.from({ length: Math.ceil(steps / 5) }, (_, i) => Math.min(steps, 5 * (i + 1))),
      );
      const seconds = points.map((point: { seconds: number }) => point.seconds);
      expect(seconds[0]).toBeGreaterThan(startUp.firstStep);
      expect(seconds.slice(1).every((value: number, i: number) => value > seconds[i])).toBe(true);
      expect(evaluationSeconds).toBeGreaterThan(0);
      // A tenth would be chance.
      expect(points[points.length - 1].accuracy).toBeGreaterThan(0.5);
    }
    expect(result.targets).toEqual([97, 98, 99].map((accuracy) => targetOf(accuracy, result.runs)));
    expect(stderr).toMatch(/^Start-up: adapter .* s, upload .* s, compile .* s, first step .* s; in all/m);
    expect((await readdir(folder.path)).sort()).toEqual(["epoch-mlp-digits.json", "epoch-mlp-digits.svg"]);
  });

  it.each([
    [["--dataset", "digits", "--count", "100"], /100 samples, but a batch has 256/],
    [["--data", "/nowhere/at/all"], /\/nowhere\/at\/all.*no such file/],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stderr } = await runScript("bench/main.ts", ["epoch", ...args]);
    expect(exitCode).toBe(1);
    expect(ownLines(stderr, "bench")).toEqual([expect.stringMatching(message)]);
  });
});

describe("a training run", () => {
  it("is that of fit, and ends with evaluate's accuracy", async () => {
    // More than one evaluation batch, and a part of one; a last training batch that is left out.
    const data = digits({ train: 200, test: 1030 });
    const recipe = {
      convolutions: false,
      hidden: [12],
      batch: 32,
      epochs: 3,
      learningRate: 0.02,
      beta1: 0.8,
      beta2: 0.99,
    };
    const { points } = await trainOnce(cpu(), recipe, data, { every: 4, seed: 5 });
    const run = train(cpu(), modelOf(recipe), data.train, {
      optimizer: adam({ learningRate: 0.02, beta1: 0.8, beta2: 0.99 }),
      schedule: oneCycle(),
      batchSize: 32,
      epochs: 3,
      seed: 5,
      dropLast: true,
      validation: data.test,
    });
    const expected: number[] = [];
    for await (const { validation } of run) expected.push(validation?.accuracy as number);
    expect(points.map(({ steps }) => steps)).toEqual([4, 8, 12, 16, 18]);
    // Epochs have 6 steps: the second and the third end where it evaluates.
    expect(points[4].accuracy).toBe(expected[2]);
    expect(expected[2]).toBeGreaterThan(0.15);
    const { points: often } = await trainOnce(cpu(), recipe, data, { every: 6, seed: 5 });
    expect(often.map(({ accuracy }) => accuracy)).toEqual(expected);
  });

  it("ends as soon as a loss is no number", async () => {
    const data = digits({ train: 64, test: 10 });
    const recipe = {
      convolutions: false,
      hidden: [4],
      batch: 32,
      epochs: 9,
      learningRate: 1e30,
      beta1: 0.9,
      beta2: 0.9,
    };
    const run = trainOnce(cpu(), recipe, data, { every: 2, seed: 1 });
    await expect(run).rejects.toThrow(/^session: the loss became (NaN|Infinity) in step \d+ \(epoch \d+\): /);
  });
});

describe("a target", () => {
  const run = (...accuracies: number[]) => ({
    points: accuracies.map((accuracy, i) => ({ steps: 10 * (i + 1), seconds: i + 1, accuracy })),
  });

  it("is reached where a run first has the accuracy", () => {
    expect(targetOf(97, [run(0.5, 0.97, 0.96, 0.98), run(0.98, 0.99), run(0.9, 0.96, 0.97)])).toEqual({
      accuracy: 97,
      reached: 3,
      seconds: { median: 2, lowest: 1, highest: 3 },
      steps: { median: 20, lowest: 10, highest: 30 },
    });
  });

  it("counts the runs that got there", () => {
    expect(targetOf(98, [run(0.9, 0.979), run(0.99)])).toMatchObject({ reached: 1, seconds: { median: 1 } });
    expect(targetOf(99, [run(0.9), run(0.98)])).toEqual({ accuracy: 99, reached: 0 });
  });
});
