/** A batch of samples, and its augmentation. */
import type { Tensor } from "../graph/tensor.ts";

/** A batch in a step. */
export interface Batch {
  /** Inputs, [size, …]. */
  readonly x: Tensor;
  /** Targets, [size, …]; class indices [size] where `classes` is given. */
  readonly y: Tensor;
  /** Sample numbers in the data set, [size]; random numbers of a sample depend on its number. */
  readonly samples: Tensor;
  readonly classes?: number;
  /** Range of the inputs, where their type fixes it: [0, 1] for bytes with scale 1/255. */
  readonly range?: readonly [number, number];
}

/** Changes batches as training reads them; created by `augment` of `wgrad/augment`. */
export interface Augment {
  readonly name: string;
  /**
   * Traces the changed batch: x in the same shape; y unchanged, or probabilities [size, classes] in place of classes.
   * @throws ShapeError where the augmentation does not fit the batch
   */
  apply(batch: Batch): Pick<Batch, "x" | "y">;
}
