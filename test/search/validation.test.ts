/** Cross-validation and learning curves, held against fit and evaluate on the same parts. */
import { describe, expect, it } from "vitest";
import { dataset, subset } from "../../src/data/dataset.ts";
import { type Fold, kFold, stratifiedKFold } from "../../src/data/folds.ts";
import {
  adam,
  cpu,
  dense,
  type Engine,
  evaluate,
  type FitOptions,
  fit,
  meanSquaredError,
} from "../../src/index.ts";
import { meanAbsolute, rocAuc, topK } from "../../src/metrics/index.ts";
import { normals, permutation } from "../../src/random.ts";
import { crossValidate, learningCurve } from "../../src/search/index.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { train, validation } from "./samples.ts";

const engines = useEngines();
const model = dense(2);
const options = { batchSize: 8, epochs: 2, optimizer: adam({ learningRate: 0.1 }), seed: 5 };
const data = subset(
  train,
  Uint32Array.from({ length: 23 }, (_, i) => i),
);

async function byHand(engine: Engine, fold: Fold, fitting: FitOptions) {
  const run = fit(engine, model, subset(data, fold.train), fitting);
  const losses: number[] = [];
  for await (const { loss } of run) losses.push(loss);
  return {
    loss: losses[losses.length - 1],
    validation: await evaluate(run.trainer, subset(data, fold.validation)),
  };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it.each([false, true])(
    "crossValidate is fit and evaluate on each fold, stratified: %s",
    async (stratified) => {
      const seen: number[] = [];
      const result = await crossValidate(engines[kind], model, data, {
        ...options,
        folds: 3,
        stratified,
        onFold: ({ fold }) => seen.push(fold),
      });
      const folds = (stratified ? stratifiedKFold : kFold)(data, 3, { seed: 5 });
      expect(seen).toEqual([0, 1, 2]);
      for (const [i, fold] of folds.entries()) {
        const want = await byHand(engines[kind], fold, options);
        expect(result.folds[i].validation).toEqual(want.validation);
        expect(result.folds[i].train.loss).toBe(want.loss);
        expect(result.folds[i].samples).toEqual({
          train: fold.train.length,
          validation: fold.validation.length,
        });
      }
      for (const figure of ["loss", "accuracy"] as const) {
        const values = result.folds.map(({ validation }) => validation[figure] as number);
        const mean = values.reduce((a, b) => a + b) / 3;
        expect(result.mean[figure]).toBeCloseTo(mean, 12);
        const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        expect(result.std[figure]).toBeCloseTo(Math.sqrt(squares / 3), 12);
      }
    },
  );

  it("learningCurve trains on nested parts, and measures both sides", async () => {
    const { points } = await learningCurve(engines[kind], model, data, {
      ...options,
      sizes: [23, 6, 12],
      validation,
    });
    expect(points.map(({ size }) => size)).toEqual([23, 6, 12]);
    const { at } = permutation(23, 5, 0);
    for (const { size, ...point } of points) {
      const part = subset(
        data,
        Array.from({ length: size }, (_, i) => at(i)),
      );
      const run = fit(engines[kind], model, part, { ...options, batchSize: Math.min(8, size) });
      for await (const _ of run);
      expect(point.train).toEqual(await evaluate(run.trainer, part));
      expect(point.validation).toEqual(await evaluate(run.trainer, validation));
    }
  });
});

describe("crossValidate", () => {
  it("gives the same on both engines, to rounding", async () => {
    const [gpu, reference] = await Promise.all(
      [engines.gpu, engines.cpu].map((engine) =>
        crossValidate(engine, model, data, { ...options, folds: 4 }),
      ),
    );
    const losses = (result: typeof gpu) => result.folds.map(({ validation }) => validation.loss);
    expect(difference("losses", losses(gpu), losses(reference), { rtol: 1e-5, atol: 1e-6 })).toBe(undefined);
  });

  it("prints a table with metrics that are numbers", async () => {
    const metrics = [topK(1), rocAuc()];
    const { table, mean, std } = await crossValidate(cpu(), model, data, { ...options, folds: 2, metrics });
    const lines = table().split("\n");
    expect(lines[0].trim().split(/ {2,}/)).toEqual([
      "fold",
      "trained on",
      "validated on",
      "training loss",
      "loss",
      "accuracy",
      "top1",
    ]);
    expect(lines.length).toBe(1 + 2 + 2);
    expect(lines[1]).toMatch(/^0 +11 +12 +/);
    expect(lines[3].trim().split(/\s+/)).toEqual([
      "mean",
      ...[mean.loss, mean.accuracy, mean.top1].map((value) => value.toPrecision(4)),
    ]);
    expect(lines[4]).toContain(std.loss.toPrecision(4));
    expect(mean.top1).toBe(mean.accuracy);
  });

  it("takes folds of one's own", async () => {
    const folds = [{ train: Uint32Array.from([0, 1, 2, 3]), validation: Uint32Array.from([9, 4, 5]) }];
    const fitting = { ...options, batchSize: 4 };
    const { folds: results, std } = await crossValidate(cpu(), model, data, { ...fitting, folds });
    expect(results[0].validation).toEqual((await byHand(cpu(), folds[0], fitting)).validation);
    expect(std.loss).toBe(0);
  });

  it("of a regression has no accuracy", async () => {
    const numbers = dataset({
      inputs: { data: normals(20, 1, 0), shape: [2] },
      targets: { data: normals(10, 1, 1), shape: [1] },
    });
    const { mean } = await crossValidate(cpu(), dense(1), numbers, {
      folds: 2,
      batchSize: 5,
      epochs: 1,
      loss: meanSquaredError(),
      metrics: [meanAbsolute()],
    });
    expect(Object.keys(mean)).toEqual(["loss", "meanAbsolute"]);
    expect(mean.meanAbsolute).toBeGreaterThan(0);
  });

  it.each<[object, string]>([
    [{ folds: 24 }, "kFold: 24 folds of 23 samples"],
    [{ folds: 1 }, "kFold: k is 1; give a whole number of folds, from 2"],
    [{ folds: 12, stratified: true }, "stratifiedKFold"],
    [{ folds: [] }, "crossValidate: folds is []; give their number, or a list from kFold(…)"],
    [{}, "crossValidate: folds is undefined; give their number"],
    [{ folds: kFold(23, 2), stratified: true }, "crossValidate: stratified applies to a number of folds"],
    [
      { folds: [{ train: new Uint32Array(3), validation: new Uint32Array(0) }] },
      "crossValidate: fold 0 has no samples to train or to validate on",
    ],
    [
      { folds: 2, learningRate: 0.1 },
      'crossValidate: there is no option "learningRate"; give it to the optimizer:',
    ],
    [{ folds: 2, validation }, 'crossValidate: options names "validation", which no trial may set'],
    [{ folds: 2, batchSize: 20 }, "fit: clouds has 11 samples, fewer than one batch of 20"],
  ])("refuses %o: %s", async (given, message) => {
    const running = crossValidate(cpu(), model, data, given as Parameters<typeof crossValidate>[3]);
    await expect(running).rejects.toThrow(message);
  });
});

describe("learningCurve", () => {
  it("prints a table", async () => {
    const { table, points } = await learningCurve(cpu(), model, data, {
      ...options,
      sizes: [4, 20],
      validation,
    });
    const lines = table().split("\n");
    expect(lines[0].trim().split(/ {2,}/)).toEqual([
      "samples",
      "loss (train)",
      "loss (validation)",
      "accuracy (train)",
      "accuracy (validation)",
    ]);
    expect(lines[1].trim().split(/\s+/).slice(0, 3)).toEqual([
      "4",
      points[0].train.loss.toPrecision(4),
      points[0].validation.loss.toPrecision(4),
    ]);
  });

  it.each<[object, string]>([
    [{ sizes: [] }, "learningCurve: sizes is empty; give numbers of samples"],
    [
      { sizes: [5, 24] },
      "learningCurve: a size is 24; give whole numbers from 1 to 23, the samples of clouds",
    ],
    [{ sizes: [0] }, "learningCurve: a size is 0"],
    [{ sizes: [Number.NaN] }, "learningCurve: a size is NaN"],
    [{ sizes: [5], validation: undefined }, "learningCurve: there is no validation data"],
    [{ sizes: [5], epoch: 3 }, 'learningCurve: there is no option "epoch"; did you mean epochs?'],
    [
      { sizes: [5], resume: "x" },
      'learningCurve: options names "resume", which no trial may set; each trial begins anew',
    ],
  ])("refuses %o: %s", async (given, message) => {
    const all = { validation, ...given } as Parameters<typeof learningCurve>[3];
    await expect(learningCurve(cpu(), model, data, all)).rejects.toThrow(message);
  });
});
