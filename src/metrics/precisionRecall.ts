/** Precision, recall and F1 as a metric of evaluations. */
import { checkOptions } from "../checks.ts";
import { matmul } from "../nn/ops/matmul.ts";
import { add, choose, equal, greater } from "../nn/ops/scalar.ts";
import { iota } from "../nn/ops/source.ts";
import { reshape, transpose } from "../nn/ops/view.ts";
import type { StepOutputs } from "../nn/step.ts";
import type { Tensor } from "../nn/tensor.ts";
import type { Evaluation, Metric, MetricBatch } from "../train/evaluate.ts";
import { binaryRows } from "./checks.ts";
import { type Average, averageOf, classReport, type Scores } from "./report.ts";

export interface PrecisionRecallOptions {
  /** Default: "binary", the scores of class 1, where there are two classes, else "macro". */
  readonly average?: Average;
  /**
   * For two classes: from which probability on a sample counts as class 1, between 0 and 1 (default 0.5 for a model with
   * one output; with two outputs the larger one decides).
   */
  readonly threshold?: number;
}

const AVERAGES: readonly unknown[] = ["macro", "weighted", "micro", "binary", undefined];

/**
 * Precision, recall and F1 from the confusion matrix that the evaluation counts; for a model with one output, a logit,
 * from one that is counted by `threshold`.
 * @throws RangeError for an unknown average, or a threshold that is not between 0 and 1; in an evaluation ShapeError or
 *   Error for outputs and targets that do not go with them
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
    trace: (batch) => traced(batch, threshold),
    finish({ pairs }, samples, evaluation) {
      const confusion = pairs ? twoByTwo(pairs, samples) : counted(evaluation);
      const kind = average ?? (confusion[0].length === 2 ? "binary" : "macro");
      if (kind === "binary" && confusion[0].length !== 2) {
        throw new Error(
          `precisionRecall: average is "binary", and there are ${confusion[0].length} classes; give "macro", "weighted" or "micro"`,
        );
      }
      return averageOf(classReport(confusion), kind);
    },
  };
}

/** Nothing where the evaluation's own confusion matrix will do. */
function traced(batch: MetricBatch, threshold: number | undefined): StepOutputs {
  const { outputs, classes, size } = batch;
  const oneOutput = outputs.shape.length === 1 || outputs.shape[1] === 1;
  if (classes !== undefined && !oneOutput && threshold === undefined) return {};
  const { scores, labels } = binaryRows("precisionRecall", batch);
  const logit = Math.log((threshold ?? 0.5) / (1 - (threshold ?? 0.5)));
  const yes = add(greater(scores, logit), equal(scores, logit));
  // An output that is NaN is neither, and so counted nowhere.
  const guesses = choose(yes, 1, choose(greater(logit, scores), 0, -1));
  return { pairs: matmul(transpose(pair(labels, size)), pair(guesses, size)) };
}

/** [size] of 0 and 1 → [size, 2], one-hot. */
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

function counted({ confusion }: Evaluation): readonly (readonly number[])[] {
  if (!confusion)
    throw new Error("precisionRecall: the data set has no classes; it counts classes, or 0 and 1");
  return confusion;
}
