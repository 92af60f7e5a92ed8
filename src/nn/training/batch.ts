/** A batch of samples, and what may change it as it is read. */
import type { Tensor } from "../graph/tensor.ts";

/** A batch, as a step sees it. */
export interface Batch {
  /** Inputs, [size, …]. */
  readonly x: Tensor;
  /** Targets, [size, …]; class indices [size] where `classes` is given. */
  readonly y: Tensor;
  /** Which samples of the data set these are, [size]: what is random in a sample goes by its number. */
  readonly samples: Tensor;
  readonly classes?: number;
  /** Between which values the inputs lie, where their type says so: [0, 1] for bytes with scale 1/255. */
  readonly range?: readonly [number, number];
}

/** What changes batches in training as they are read. `augment` of `wgrad/augment` makes one. */
export interface Augment {
  readonly name: string;
  /** Traces the changed batch: x in the same shape; y as it was, or probabilities [size, classes] of classes. */
  apply(batch: Batch): Pick<Batch, "x" | "y">;
}
