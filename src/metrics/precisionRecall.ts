/** Precision, recall and F1 as a metric of evaluations. */
import { checkOptions } from "../checks.ts";
import { matmul } from "../nn/graph/ops/matmul.ts";
import { argmax, sum } from "../nn/graph/ops/reduce.ts";
import { add, choose, equal, greater, mul, oneHot } from "../nn/graph/ops/scalar.ts";
import { iota } from "../nn/graph/ops/source.ts";
import { reshape, transpose } from "../nn/graph/ops/view.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { StepOutputs } from "../nn/training/step.ts";
import type { Metric, MetricBatch } from "../train/evaluate.ts";
import { binaryRows, classOutputs } from "./checks.ts";
import { type Average, averageOf, classReport, countedReport, type Scores } from "./report.ts";

export interface PrecisionRecallOptions {
  /** Default: "binary", the scores of class 1, where there are two classes, else "macro". */
  readonly average?: Average;
  /**
   * For two classes: probability from which a sample counts as class 1, between 0 and 1 (default 0.5 for a model with
   * one output; with two outputs, the larger one decides).
   */
  readonly threshold?: number;
}

const AVERAGES: readonly unknown[] = ["macro", "weighted", "micro", "binary", undefined];

/**
 * Precision, recall and F1. The predicted class is the largest output; for a model with one output, a logit,
 * `threshold` decides.
 * @throws RangeError where `average` is unknown, or `threshold` is not between 0 and 1; in an evaluation, ShapeError or
 *   Error where outputs or targets do not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function precisionRecall(options: PrecisionRecallOptions = {}): Metric<"precisionRecall", Scores> {
  checkOptions("precisionRecall", options, { average: "string", threshold: "number" });
  const { average, threshold } = options;
  if (!AVERAGES.includes(average)) {
    throw new RangeError(
      `precisionRecall: average is ${average}; give "macro", "weighted", "micro" or "binary"`,
    );
  }
  if (threshold !== undefined && !(threshold > 0 && threshold < 1)) {
    throw new RangeError(`precisionRecall: threshold is ${threshold}; give a probability between 0 and 1`);
  }
  return {
    name: "precisionRecall",
    mode: { precision: "max", recall: "max", f1: "max" },
    trace: (batch) => traced(batch, threshold),
    finish({ pairs, hits, predicted, support }, samples) {
      const report = pairs ? classReport(twoByTwo(pairs, samples)) : countedReport(hits, predicted, support);
      const classes = report.perClass.length;
      const kind = average ?? (classes === 2 ? "binary" : "macro");
      if (kind === "binary" && classes !== 2) {
        throw new Error(
          `precisionRecall: average is "binary", but there are ${classes} classes; give "macro", "weighted" or "micro"`,
        );
      }
      return averageOf(report, kind);
    },
  };
}

/** With a threshold, pairs of label and prediction; otherwise, for each class, the counts behind its scores. */
function traced(batch: MetricBatch, threshold: number | undefined): StepOutputs {
  const { outputs, targets, classes, size } = batch;
  const oneOutput = outputs.shape.length === 1 || outputs.shape[1] === 1;
  if (classes !== undefined && !oneOutput && threshold === undefined) {
    const count = Math.max(classes, classOutputs("precisionRecall", batch, 2));
    const best = argmax(outputs);
    const labels = oneHot(targets, count);
    return {
      hits: sum(mul(labels, reshape(equal(best, targets), [size, 1])), 0),
      predicted: sum(oneHot(best, count), 0),
      support: sum(labels, 0),
    };
  }
  const { scores, labels } = binaryRows("precisionRecall", batch);
  const logit = Math.log((threshold ?? 0.5) / (1 - (threshold ?? 0.5)));
  const yes = add(greater(scores, logit), equal(scores, logit));
  // A NaN output is neither class, and is counted nowhere.
  const guesses = choose(yes, 1, choose(greater(logit, scores), 0, -1));
  return { pairs: matmul(transpose(pair(labels, size)), pair(guesses, size)) };
}

/** One-hot pairs: [size] of 0 and 1 → [size, 2]. */
function pair(flags: Tensor, size: number): Tensor {
  return equal(iota([size, 2], 1), reshape(flags, [size, 1]));
}

function twoByTwo(pairs: Float64Array, samples: number): number[][] {
  const lost = samples - pairs.reduce((sum, count) => sum + count, 0);
  if (lost !== 0) {
    throw new Error(
      `precisionRecall: ${lost} of ${samples} samples have an output that is NaN or a target other than 0 and 1; look at the outputs, or give targets 0 and 1`,
    );
  }
  return [[...pairs.subarray(0, 2)], [...pairs.subarray(2)]];
}
