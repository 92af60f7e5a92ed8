/** The counts of an evaluation's step. */

import { atOnce } from "../checks.ts";
import { matmul } from "../nn/graph/ops/matmul.ts";
import { argmax, sum } from "../nn/graph/ops/reduce.ts";
import { equal, greater, isNumber, oneHot, sub } from "../nn/graph/ops/scalar.ts";
import { reshape, transpose } from "../nn/graph/ops/view.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { Loss } from "../nn/training/losses.ts";
import type { StepOutputs } from "../nn/training/step.ts";
import { checkOutputs } from "./defaults.ts";
import type { Metric, MetricSums } from "./evaluate.ts";
import type { BatchSource, Data } from "./source.ts";

/** Most classes for which the confusion matrix is counted by default: every epoch of a history holds one. */
const CONFUSION_CLASSES = 100;

export interface Measuring {
  readonly source: BatchSource;
  readonly dataset: Data;
  readonly model: (x: Tensor) => Tensor;
  readonly loss: Loss;
  /** Number of samples in the batch. */
  readonly size: number;
  readonly metrics: readonly Metric[];
  readonly confusion: boolean | undefined;
}

/**
 * The batch's mean `loss`; the number of samples `lost` to NaN outputs; for classes, the number `correct`, and pairs of
 * true and predicted class; and the sums of metrics, each name prefixed with the metric's number to keep names
 * distinct.
 */
export function measured(measuring: Measuring): StepOutputs {
  const { source, dataset, model, loss, size, metrics, confusion } = measuring;
  const { x, y: targets } = source.batch(size);
  const outputs = model(x);
  const { classes } = dataset;
  checkOutputs("evaluate", dataset, outputs);
  const traced: Record<string, Tensor> = {
    loss: loss.apply(outputs, targets),
    lost: lostCount(outputs),
  };
  if (classes) {
    const count = outputs.shape[outputs.rank - 1];
    const best = decided(outputs, size);
    traced.correct = sum(equal(best, targets));
    const columns = Math.max(classes, count);
    // Counts of (true, predicted) pairs are the product of two one-hot matrices.
    if (confusion ?? columns <= CONFUSION_CLASSES)
      traced.confusion = matmul(transpose(oneHot(targets, classes)), oneHot(best, columns));
  }
  metrics.forEach((metric, i) => {
    const own = atOnce(
      `evaluate: trace of the metric ${metric.name}`,
      metric.trace({ outputs, targets, classes, size, dataset }),
    );
    for (const [key, tensor] of Object.entries(own)) traced[`${i} ${key}`] = tensor;
  });
  return traced;
}

/** Predicted class of each sample, [size]. */
export function decided(outputs: Tensor, size: number): Tensor {
  if (outputs.shape[outputs.rank - 1] > 1) return argmax(outputs);
  // A single output decides by its sign: a logit of 0 or more stands for the second class.
  return reshape(sub(1, greater(0, outputs)), [size]);
}

/** Number of rows of outputs with NaN, []. */
function lostCount(outputs: Tensor): Tensor {
  const rows = outputs.rank === 0 ? 1 : outputs.shape[0];
  const lost = sub(1, isNumber(reshape(outputs, [rows, -1])));
  return sum(greater(sum(lost, 1), 0));
}

/** The sums of a metric, under its own names. */
export function ownSums(sums: MetricSums, metric: number): MetricSums {
  const prefix = `${metric} `;
  const own = Object.entries(sums).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, sum]) => [name.slice(prefix.length), sum]));
}
