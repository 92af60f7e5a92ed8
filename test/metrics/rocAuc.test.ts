/** The area under the ROC curve, held against the count of all pairs. */
import { describe, expect, it } from "vitest";
import { log } from "../../src/index.ts";
import { type Area, type Metric, rocAuc } from "../../src/metrics/index.ts";
import { normals, uniforms } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { binary, measure } from "./samples.ts";

const engines = useEngines();

/** The part of (positive, negative) pairs in which the positive has the higher score, ties counting half. */
function pairwise(scores: readonly number[], positive: readonly boolean[]): number {
  let [won, pairs] = [0, 0];
  scores.forEach((score, i) => {
    if (!positive[i]) return;
    scores.forEach((other, j) => {
      if (positive[j]) return;
      pairs++;
      won += score > other ? 1 : score === other ? 0.5 : 0;
    });
  });
  return won / pairs;
}

/** Scores of which the higher ones are more often positive. */
function noisy(count: number, spread: number): { outputs: number[][]; targets: number[] } {
  const scores = [...normals(count, 3, 0)].map((x) => Math.fround(x * spread));
  const targets = [...normals(count, 3, 1)].map((noise, i) => Number(scores[i] / spread + noise > 0.5));
  return { outputs: scores.map((score) => [score]), targets };
}

function expectArea({ auc, error }: Area, want: number, mostError: number): void {
  if (auc === undefined || error === undefined) throw new Error("there is no area");
  expect(error).toBeLessThanOrEqual(mostError);
  // What is left beside the bins is the rounding of a few doubles.
  expect(Math.abs(auc - want)).toBeLessThanOrEqual(error + 1e-12);
}

describe.each(ENGINES)("rocAuc on the %s", (kind) => {
  it.each([0.01, 1, 30])("of one output with scores around ±%f is that of all pairs", async (spread) => {
    const { outputs, targets } = noisy(137, spread);
    const want = pairwise(
      outputs.flat(),
      targets.map((target) => target === 1),
    );
    for (const batchSize of [137, 50]) {
      const { metrics } = await measure(engines[kind], {
        outputs,
        targets,
        loss: binary,
        batchSize,
        metrics: [rocAuc()],
      });
      expectArea(metrics.rocAuc, want, 0.01);
      expect(metrics.rocAuc.perClass).toBe(undefined);
    }
  });

  it("counts scores that are equal half, exactly", async () => {
    const outputs = [[1], [1], [0], [0], [1], [-2], [0]];
    const targets = [1, 0, 1, 0, 1, 0, 0];
    const want = pairwise(
      outputs.flat(),
      targets.map((target) => target === 1),
    );
    const { metrics } = await measure(engines[kind], {
      outputs,
      targets,
      loss: binary,
      batchSize: 3,
      metrics: [rocAuc()],
    });
    expect(metrics.rocAuc.auc).toBeCloseTo(want, 12);
    // Of 12 pairs, 4 are ties.
    expect(metrics.rocAuc.error).toBeCloseTo(4 / 2 / 12, 12);
  });

  it("of two outputs goes by their difference, of class 1", async () => {
    const offsets = uniforms(61, 4, 0);
    const { outputs: scores, targets } = noisy(61, 2);
    const outputs = scores.map(([score], i) => [offsets[i], Math.fround(offsets[i] + score)]);
    const want = pairwise(
      outputs.map(([a, b]) => Math.fround(b - a)),
      targets.map((target) => target === 1),
    );
    const { metrics } = await measure(engines[kind], {
      outputs,
      targets,
      classes: 2,
      batchSize: 20,
      metrics: [rocAuc()],
    });
    expectArea(metrics.rocAuc, want, 0.01);
  });

  it("of several classes holds each against the rest, also where the model is sure", async () => {
    const [count, classes] = [83, 4];
    const labels = [...uniforms(count, 5, 0)].map((u) => Math.floor(u * 3));
    const noise = normals(count * classes, 5, 1);
    for (const spread of [0.5, 12]) {
      const outputs = labels.map((label, i) =>
        Array.from({ length: classes }, (_, c) =>
          Math.fround(spread * (noise[i * classes + c] + (c === label ? 0.7 : 0))),
        ),
      );
      // The log-odds of softmax in f64: x - log Σ exp of the others.
      const odds = (c: number) =>
        outputs.map(
          (row) => row[c] - Math.log(row.reduce((sum, x, j) => sum + (j === c ? 0 : Math.exp(x)), 0)),
        );
      const want = Array.from({ length: 3 }, (_, c) =>
        pairwise(
          odds(c),
          labels.map((label) => label === c),
        ),
      );
      const { metrics } = await measure(engines[kind], {
        outputs,
        targets: labels,
        classes,
        batchSize: 60,
        metrics: [rocAuc()],
      });
      const { perClass = [], ...mean } = metrics.rocAuc;
      expect(perClass.length).toBe(classes);
      want.forEach((area, c) => {
        expectArea(perClass[c], area, 0.01);
      });
      // No sample is of class 3: no curve, and no part in the mean.
      expect(perClass[3]).toEqual({ auc: undefined, error: undefined });
      expectArea(mean, want.reduce((sum, area) => sum + area) / 3, 0.01);
    }
  });

  it("tells apart scores that are all sure, where 1 - p has no digits left", async () => {
    const odds = [...uniforms(60, 7, 0)].map((u) => Math.fround(20 + 20 * u));
    const targets = [...uniforms(60, 7, 1)].map((u, i) => (odds[i] - 20 > 20 * u ? 0 : 1 + (i % 2)));
    const { metrics } = await measure(engines[kind], {
      outputs: odds.map((odd) => [odd, 0, 0]),
      targets,
      classes: 3,
      metrics: [rocAuc()],
    });
    const want = pairwise(
      odds,
      targets.map((target) => target === 0),
    );
    expectArea(metrics.rocAuc.perClass?.[0] as Area, want, 0.02);
  });

  it("takes outputs for sigmoids when asked", async () => {
    const { outputs, targets } = noisy(40, 1);
    const rows = outputs.map(([score], i) => [-i / 40, score]);
    const measured = await measure(engines[kind], {
      outputs: rows,
      targets,
      classes: 2,
      metrics: [rocAuc({ probabilities: "sigmoid" })],
    });
    const want = [0, 1].map((c) =>
      pairwise(
        rows.map((row) => Math.fround(row[c])),
        targets.map((target) => target === c),
      ),
    );
    want.forEach((area, c) => {
      expectArea(measured.metrics.rocAuc.perClass?.[c] as Area, area, 0.01);
    });
  });

  it("has no area where all samples are of one class", async () => {
    const { metrics } = await measure(engines[kind], {
      outputs: [[1], [2]],
      targets: [1, 1],
      loss: binary,
      metrics: [rocAuc()],
    });
    expect(metrics.rocAuc).toEqual({ auc: undefined, error: undefined });
  });

  it("refuses targets that are neither 0 nor 1", async () => {
    const measured = measure(engines[kind], {
      outputs: [[1], [2], [3]],
      targets: [1, 0.5, 0],
      loss: binary,
      metrics: [rocAuc()],
    });
    await expect(measured).rejects.toThrow("rocAuc: 1 of 3 samples have an output that is NaN or a target");
  });

  it.each([1, 3])("refuses NaN among %d outputs", async (width) => {
    const counted = rocAuc();
    // Below 0 a logarithm is no number.
    const ofLogs: Metric = {
      name: "ofLogs",
      trace: (batch) => counted.trace({ ...batch, outputs: log(batch.outputs) }),
      finish: (...args) => counted.finish(...args),
    };
    const measured = measure(engines[kind], {
      outputs: [2, -1, 3].map((first) => [first, 1, 2].slice(0, width)),
      targets: [0, 1, 0],
      ...(width > 1 ? { classes: 3 } : { loss: binary }),
      metrics: [ofLogs],
    });
    await expect(measured).rejects.toThrow("rocAuc: 1 of 3 samples have an output that is NaN or a target");
  });
});

describe("rocAuc", () => {
  it("is more exact with more bins", async () => {
    const { outputs, targets } = noisy(300, 1);
    const errors = [16, 256, 4096].map(async (bins) => {
      const { metrics } = await measure(engines.cpu, {
        outputs,
        targets,
        loss: binary,
        metrics: [rocAuc({ bins })],
      });
      return metrics.rocAuc.error as number;
    });
    const [coarse, middle, fine] = await Promise.all(errors);
    expect(coarse).toBeGreaterThan(8 * middle);
    expect(middle).toBeGreaterThan(4 * fine);
  });

  it("refuses what makes no sense", async () => {
    expect(() => rocAuc({ bins: 1 })).toThrow("rocAuc: bins is 1; give a whole number from 2");
    expect(() => rocAuc({ bins: Number.NaN })).toThrow("rocAuc: bins is NaN");
    expect(() => rocAuc({ probabilities: "none" as "softmax" })).toThrow(
      'rocAuc: probabilities is none; give "softmax" or "sigmoid"',
    );
    const three = measure(engines.cpu, {
      outputs: [[1], [2]],
      targets: [0, 2],
      classes: 3,
      loss: binary,
      metrics: [rocAuc()],
    });
    await expect(three).rejects.toThrow(
      "the model has one output a sample, [2, 1], which tells two classes apart, and dataset has 3",
    );
  });
});
