/** Requirements of metrics on a batch. */

import { sub } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import { ShapeError, type Tensor } from "../nn/graph/tensor.ts";
import { elementCount, formatShape } from "../program.ts";
import type { MetricBatch } from "../train/evaluate.ts";

/**
 * Number of outputs of a classifier.
 * @throws ShapeError where targets are no class indices, or outputs are not [size, outputs] with at least `least`
 *   outputs
 */
export function classOutputs(metric: string, { outputs, classes }: MetricBatch, least: number): number {
  if (classes === undefined) {
    throw new ShapeError(metric, "the data set has no classes; this metric needs class indices as targets");
  }
  const [, count] = outputs.shape;
  if (outputs.rank !== 2 || count < least) {
    throw new ShapeError(
      metric,
      `the model's outputs are ${formatShape(outputs.shape)}; expected [samples, classes] with ${least} classes or more`,
    );
  }
  return count;
}

/** Outputs and targets as rows of numbers, [size, numbers of a sample]. */
export function numberRows(
  metric: string,
  { outputs, targets, classes, size }: MetricBatch,
): [Tensor, Tensor] {
  if (classes !== undefined) {
    throw new ShapeError(
      metric,
      "the data set has classes; this metric compares numbers, such as targets of a regression",
    );
  }
  if (elementCount(outputs.shape) !== elementCount(targets.shape)) {
    throw new ShapeError(
      metric,
      `outputs are ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}; expected the same count in both`,
    );
  }
  return [reshape(outputs, [size, -1]), reshape(targets, [size, -1])];
}

/**
 * Scores and labels of a binary classifier, [size] each. The score is the log-odds of the second class: the one output,
 * or the difference of two.
 */
export function binaryRows(metric: string, batch: MetricBatch): { scores: Tensor; labels: Tensor } {
  const { outputs, targets, classes = 2, size } = batch;
  const perSample = elementCount(outputs.shape) / size;
  const fits = perSample === 1 || isTwoClasses(batch);
  if (!fits || classes > 2 || elementCount(targets.shape) !== size) {
    throw new ShapeError(
      metric,
      `outputs are ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)} of ${classes} classes; expected [samples, 1] and a 0 or 1 for each, or [samples, 2] and class indices`,
    );
  }
  const scores = perSample === 1 ? outputs : sub(slice(outputs, 1, 2, 1), slice(outputs, 0, 1, 1));
  return { scores: reshape(scores, [size]), labels: reshape(targets, [size]) };
}

/** Whether the model has two outputs and the data set two classes. */
export function isTwoClasses({ outputs, classes }: MetricBatch): boolean {
  return classes === 2 && outputs.rank === 2 && outputs.shape[1] === 2;
}
