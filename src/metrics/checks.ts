/** What metrics ask of a batch. */

import { sub } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import { ShapeError, type Tensor } from "../nn/graph/tensor.ts";
import { elementCount, formatShape } from "../program.ts";
import type { MetricBatch } from "../train/evaluate.ts";

/**
 * How many outputs a model that tells classes apart has.
 * @throws ShapeError where targets are no class indices, or outputs no [size, outputs] with at least `least` of them
 */
export function classOutputs(metric: string, { outputs, classes }: MetricBatch, least: number): number {
  if (classes === undefined) {
    throw new ShapeError(metric, "the data set has no classes; it counts where targets are class indices");
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
      "the data set has classes; it compares numbers, such as those of a regression",
    );
  }
  if (elementCount(outputs.shape) !== elementCount(targets.shape)) {
    throw new ShapeError(
      metric,
      `outputs are ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}; expected as many numbers in each`,
    );
  }
  return [reshape(outputs, [size, -1]), reshape(targets, [size, -1])];
}

/**
 * Of a model that decides between two, a row for each sample, [size]: the log-odds of the second class, which are its
 * one output or the difference of two, and the labels.
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
