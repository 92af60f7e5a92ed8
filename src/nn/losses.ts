/** Losses: each is the mean over the batch of what the docstring says. */
import { formatShape } from "../program.ts";
import { rowCrossEntropy } from "./ops/crossEntropy.ts";
import { mean, sum } from "./ops/reduce.ts";
import { mul, oneHot, square, sub } from "./ops/scalar.ts";
import { sameShape } from "./shape.ts";
import { ShapeError, Tensor } from "./tensor.ts";

/** What training minimises. */
export interface Loss {
  readonly name: string;
  /** @returns the mean loss of the batch, shape [] */
  apply(outputs: Tensor, targets: Tensor): Tensor;
}

export interface CrossEntropyOptions {
  /** ε of the target (1 - ε) · one-hot + ε / classes, from 0 up to 1 (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
}

/**
 * Softmax cross-entropy of logits [batch, classes] against class indices [batch]; stable at any finite logits.
 * Without tensors it gives the loss for `fit`.
 */
export function crossEntropy(options?: CrossEntropyOptions): Loss;
export function crossEntropy(logits: Tensor, labels: Tensor, options?: CrossEntropyOptions): Tensor;
export function crossEntropy(
  first: Tensor | CrossEntropyOptions = {},
  labels?: Tensor,
  options: CrossEntropyOptions = {},
): Loss | Tensor {
  const apply = (outputs: Tensor, targets: Tensor, { labelSmoothing = 0 }: CrossEntropyOptions) =>
    mean(rowCrossEntropy(outputs, targets, labelSmoothing));
  if (first instanceof Tensor) return apply(first, labels as Tensor, options);
  const { labelSmoothing = 0 } = first;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new RangeError(`crossEntropy: labelSmoothing is ${labelSmoothing}; give a number from 0 up to 1`);
  }
  return { name: "crossEntropy", apply: (outputs, targets) => apply(outputs, targets, first) };
}

/** The mean over all elements of (output - target)². Class indices become one-hot rows. */
export function meanSquaredError(): Loss;
export function meanSquaredError(outputs: Tensor, targets: Tensor): Tensor;
export function meanSquaredError(outputs?: Tensor, targets?: Tensor): Loss | Tensor {
  const apply = (a: Tensor, y: Tensor) => mean(square(sub(a, likeOutputs("meanSquaredError", a, y))));
  return outputs ? apply(outputs, targets as Tensor) : { name: "meanSquaredError", apply };
}

/** The textbook's quadratic cost ½‖y - a‖² of each sample. Class indices become one-hot rows. */
export function quadratic(): Loss;
export function quadratic(outputs: Tensor, targets: Tensor): Tensor;
export function quadratic(outputs?: Tensor, targets?: Tensor): Loss | Tensor {
  const apply = (a: Tensor, y: Tensor) => {
    const squares = square(sub(a, likeOutputs("quadratic", a, y)));
    return mul(sum(squares), 0.5 / a.shape[0]);
  };
  return outputs ? apply(outputs, targets as Tensor) : { name: "quadratic", apply };
}

/** Targets in the shape of the outputs: as they are, or one-hot from class indices. */
function likeOutputs(loss: string, outputs: Tensor, targets: Tensor): Tensor {
  if (sameShape(outputs.shape, targets.shape)) return targets;
  if (sameShape(outputs.shape.slice(0, -1), targets.shape))
    return oneHot(targets, outputs.shape[outputs.rank - 1]);
  throw new ShapeError(
    loss,
    `outputs are ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}; expected the same shape, or class indices ${formatShape(outputs.shape.slice(0, -1))}`,
  );
}
