/** Top-k, and precision and recall, held against plain counting. */
import { describe, expect, it } from "vitest";
import { add, log } from "../../src/index.ts";
import { classReport, type Metric, precisionRecall, type Scores, topK } from "../../src/metrics/index.ts";
import { normals, uniforms } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { binary, measure } from "./samples.ts";

const engines = useEngines();
const [COUNT, CLASSES] = [53, 5];

/** Outputs in steps of a half, so that there are ties, and labels of all classes but the last. */
function guesses(): { outputs: number[][]; targets: number[] } {
  const noise = normals(COUNT * CLASSES, 8, 0);
  const targets = [...uniforms(COUNT, 8, 1)].map((u) => Math.floor(u * (CLASSES - 1)));
  const outputs = targets.map((label, i) =>
    Array.from({ length: CLASSES }, (_, c) => {
      const value = noise[i * CLASSES + c] + (c === label ? 0.8 : 0) - (c === CLASSES - 1 ? 9 : 0);
      return Math.round(2 * value) / 2;
    }),
  );
  return { outputs, targets };
}

/** The class that comes k-th: larger outputs first, then lower classes. */
function ranking(row: readonly number[]): number[] {
  return row.map((_, c) => c).sort((a, b) => row[b] - row[a] || a - b);
}

/** Precision, recall and F1 of one class, sample by sample. */
function scoresOf(c: number, labels: readonly number[], predicted: readonly number[]): Scores {
  const among = (of: readonly number[], other: readonly number[]) => {
    const chosen = of.flatMap((value, i) => (value === c ? [i] : []));
    return chosen.length > 0 ? chosen.filter((i) => other[i] === c).length / chosen.length : 0;
  };
  const [precision, recall] = [among(predicted, labels), among(labels, predicted)];
  return {
    precision,
    recall,
    f1: precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0,
  };
}

function expectScores(got: Scores, want: Scores): void {
  for (const key of ["precision", "recall", "f1"] as const) expect(got[key], key).toBeCloseTo(want[key], 12);
}

function meanScores(all: readonly Scores[], weights: readonly number[]): Scores {
  const total = weights.reduce((sum, weight) => sum + weight);
  const mean = (key: keyof Scores) => all.reduce((sum, one, i) => sum + one[key] * weights[i], 0) / total;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it.each([COUNT, 20])("topK counts labels among the k first, in batches of %d", async (batchSize) => {
    const { outputs, targets } = guesses();
    const { metrics, accuracy } = await measure(engines[kind], {
      outputs,
      targets,
      classes: CLASSES,
      batchSize,
      metrics: [topK(1), topK(2), topK(3), topK(5)],
    });
    const within = (k: number) =>
      outputs.filter((row, i) => ranking(row).slice(0, k).includes(targets[i])).length / COUNT;
    expect(metrics).toEqual({ top1: within(1), top2: within(2), top3: within(3), top5: 1 });
    expect(metrics.top1).toBe(accuracy);
    expect(metrics.top2).toBeLessThan(metrics.top3);
  });

  it("topK takes NaN for a miss", async () => {
    const second = topK(2);
    const ofLogs: Metric<"ofLogs", number> = {
      name: "ofLogs",
      trace: (batch) => second.trace({ ...batch, outputs: log(batch.outputs) }),
      finish: (...args) => second.finish(...args),
    };
    const { metrics } = await measure(engines[kind], {
      outputs: [
        [-1, 1, 2],
        [3, 1, 2],
      ],
      targets: [0, 2],
      classes: 3,
      metrics: [ofLogs],
    });
    expect(metrics.ofLogs).toBe(0.5);
  });

  it("precisionRecall goes by what is predicted for each class", async () => {
    const { outputs, targets } = guesses();
    const predicted = outputs.map((row) => ranking(row)[0]);
    // The last class is neither a label nor predicted, and does not count.
    const each = [0, 1, 2, 3].map((c) => scoresOf(c, targets, predicted));
    const support = each.map((_, c) => targets.filter((label) => label === c).length);
    const of = async (options: Parameters<typeof precisionRecall>[0]) => {
      const metrics = [precisionRecall(options)] as const;
      const measured = await measure(engines[kind], {
        outputs,
        targets,
        classes: CLASSES,
        batchSize: 20,
        metrics,
      });
      return measured;
    };
    const { metrics, accuracy } = await of({});
    expectScores(metrics.precisionRecall, meanScores(each, [1, 1, 1, 1]));
    const weighted = await of({ average: "weighted" });
    expectScores(weighted.metrics.precisionRecall, meanScores(each, support));
    const micro = await of({ average: "micro" });
    const right = accuracy as number;
    expectScores(micro.metrics.precisionRecall, { precision: right, recall: right, f1: right });
    await expect(of({ average: "binary" })).rejects.toThrow(
      'precisionRecall: average is "binary", but there are 5 classes; give "macro"',
    );
  });

  it.each([undefined, 0.2, 0.9])("precisionRecall decides by the threshold %s", async (threshold) => {
    const scores = [...normals(41, 9, 0)].map((x) => Math.round(4 * x) / 4);
    const targets = [...normals(41, 9, 1)].map((noise, i) => Number(scores[i] + noise > 0));
    const predicted = scores.map((score) => Number(1 / (1 + Math.exp(-score)) >= (threshold ?? 0.5)));
    const want = scoresOf(1, targets, predicted);
    const one = await measure(engines[kind], {
      outputs: scores.map((score) => [score]),
      targets,
      loss: binary,
      batchSize: 30,
      metrics: [precisionRecall({ threshold })],
    });
    expectScores(one.metrics.precisionRecall, want);
    // Two outputs say the same by their difference; where they are equal, class 0 is the first.
    const two = await measure(engines[kind], {
      outputs: scores.map((score) => [-0.25, score - 0.25]),
      targets,
      classes: 2,
      metrics: [precisionRecall({ threshold })],
    });
    const first = scoresOf(
      1,
      targets,
      scores.map((score) => Number(score > 0)),
    );
    expectScores(two.metrics.precisionRecall, threshold === undefined ? first : want);
  });

  it("precisionRecall of one output averages both classes when asked", async () => {
    const outputs = [[1], [2], [-1], [-2], [3]];
    const targets = [1, 0, 0, 1, 1];
    const predicted = [1, 1, 0, 0, 1];
    const { metrics } = await measure(engines[kind], {
      outputs,
      targets,
      loss: binary,
      metrics: [precisionRecall({ average: "macro" })],
    });
    const each = [0, 1].map((c) => scoresOf(c, targets, predicted));
    expectScores(metrics.precisionRecall, meanScores(each, [1, 1]));
  });

  it("precisionRecall refuses NaN, and targets that are neither 0 nor 1", async () => {
    const plain = precisionRecall();
    const ofLogs: Metric = {
      ...plain,
      trace: (batch) => plain.trace({ ...batch, outputs: log(add(batch.outputs, 0)) }),
    };
    const outputs = [[1], [-1], [2]];
    const measured = (targets: number[], metric: Metric) =>
      measure(engines[kind], { outputs, targets, loss: binary, metrics: [metric] });
    await expect(measured([0, 1, 1], ofLogs)).rejects.toThrow(
      "precisionRecall: 1 of 3 samples have an output",
    );
    await expect(measured([0, 0.5, 0.25], plain)).rejects.toThrow(
      "precisionRecall: 2 of 3 samples have an output",
    );
  });
});

describe("classReport", () => {
  it("of scikit-learn's example", () => {
    // y_true = [0, 1, 2, 2, 2], y_pred = [0, 0, 2, 2, 1]: the report that its documentation shows.
    const report = classReport([
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 2],
    ]);
    expect(report.table(["class 0", "class 1", "class 2"])).toBe(
      [
        "class     precision  recall      F1  samples",
        "class 0      0.5000  1.0000  0.6667        1",
        "class 1      0.0000  0.0000  0.0000        1",
        "class 2      1.0000  0.6667  0.8000        3",
        "macro        0.5000  0.5556  0.4889        5",
        "weighted     0.7000  0.6000  0.6133        5",
        "micro        0.6000  0.6000  0.6000        5",
      ].join("\n"),
    );
    expect(report.accuracy).toBe(0.6);
  });

  it("counts predictions of classes that no sample has", () => {
    const { perClass, macro, accuracy } = classReport([
      [2, 1, 1, 0],
      [0, 3, 0, 0],
    ]);
    expect(perClass.length).toBe(4);
    expect(perClass[2]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
    // Classes 0, 1 and 2 occur, class 3 does not.
    expect(macro.recall).toBeCloseTo((2 / 4 + 1 + 0) / 3, 12);
    expect(accuracy).toBeCloseTo(5 / 7, 12);
  });

  it("refuses what is no confusion matrix", () => {
    expect(() => classReport([])).toThrow("classReport: the confusion matrix has 0 rows");
    expect(() => classReport([[1], [2]])).toThrow("2 rows of 1, 1 columns; expected a row for each class");
    expect(() => classReport([[1, 2], [3]])).toThrow("2 rows of 2, 1 columns");
    expect(() => classReport([[Number.NaN]])).toThrow("the confusion matrix holds NaN; expected counts");
    expect(() => classReport([[1]]).table(["a", "b"])).toThrow("classReport: 2 names for 1 classes");
  });
});

describe("metrics refuse", () => {
  const rows = { outputs: [[1, 2]], targets: [1], classes: 2 };

  it("options that make no sense", () => {
    expect(() => topK(0)).toThrow("topK: k is 0; give a whole number from 1");
    expect(() => topK(Number.NaN)).toThrow("topK: k is NaN");
    expect(() => precisionRecall({ threshold: 1 })).toThrow(
      "precisionRecall: threshold is 1; give a probability",
    );
    expect(() => precisionRecall({ threshold: Number.NaN })).toThrow("precisionRecall: threshold is NaN");
    expect(() => precisionRecall({ average: "mean" as "macro" })).toThrow("precisionRecall: average is mean");
  });

  it("models and data that they do not fit", async () => {
    const wide = measure(engines.cpu, { ...rows, metrics: [topK(3)] });
    await expect(wide).rejects.toThrow(
      "top3 (in evaluate dataset): the model's outputs are [1, 2]; expected",
    );
    const numbers = measure(engines.cpu, {
      outputs: [[1]],
      targets: [0.5],
      loss: binary,
      metrics: [topK(1)],
    });
    await expect(numbers).rejects.toThrow("top1 (in evaluate dataset): the data set has no classes");
  });

  it("two of one name", async () => {
    const twice = measure(engines.cpu, { ...rows, metrics: [topK(1), topK(1)] });
    await expect(twice).rejects.toThrow(
      "evaluate: two metrics are called top1; give one of them another name",
    );
  });
});
