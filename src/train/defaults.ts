/** Defaults of `fit` and `evaluate`, and checks that a model fits a data set. */

import { ShapeError, type Tensor } from "../nn/graph/tensor.ts";
import { crossEntropy, type Loss } from "../nn/training/losses.ts";
import { formatShape } from "../program.ts";
import type { Data } from "./source.ts";

/**
 * Softmax cross-entropy, for data with classes.
 * @throws TypeError where the data has no classes: no loss is then an obvious choice
 */
export function defaultLoss(owner: string, { name, classes, targets }: Data): Loss {
  if (classes !== undefined) return crossEntropy();
  throw new TypeError(
    `${owner}: no loss is given, and ${name} has no classes: its targets are numbers ${formatShape(targets.shape)}; give loss: meanSquaredError() for quantities, binaryCrossEntropy() for 0 or 1, crossEntropy() for rows of probabilities or class indices`,
  );
}

/** @throws ShapeError where a model with one output gets more than two classes */
export function checkOutputs(owner: string, { name, classes }: Data, outputs: Tensor): void {
  if (classes === undefined || classes <= 2 || outputs.rank === 0) return;
  if (outputs.rank > 1 && outputs.shape[outputs.rank - 1] > 1) return;
  throw new ShapeError(
    owner,
    `the model has one output a sample, ${formatShape(outputs.shape)}, which tells two classes apart, and ${name} has ${classes}; give its last layer ${classes} outputs, or make the data set without classes to train on their numbers`,
  );
}
