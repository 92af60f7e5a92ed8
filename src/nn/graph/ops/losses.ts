/** Losses of outputs and targets: each is the mean over the batch of what the docstring says. `fit` takes those of `nn/training/losses.ts`. */
import { checkOptions, checkPositive, inWords, type OptionKinds } from "../../../checks.ts";
import { elementCount, formatShape } from "../../../program.ts";
import { sameShape } from "../shape.ts";
import { checkTensor, ShapeError, Tensor } from "../tensor.ts";
import { softplus } from "./activations.ts";
import { rowCrossEntropy } from "./crossEntropy.ts";
import { gather } from "./gather.ts";
import { mean, sum } from "./reduce.ts";
import {
  abs,
  add,
  choose,
  div,
  equal,
  greater,
  maximum,
  minimum,
  mul,
  neg,
  oneHot,
  square,
  sub,
} from "./scalar.ts";
import { logSoftmax } from "./softmax.ts";
import { tensor } from "./source.ts";
import { asProbabilities, reshape } from "./view.ts";

/** @throws TypeError for what is no tensor, be it outputs or targets */
function checkBoth(loss: string, outputs: Tensor, targets: Tensor): void {
  checkTensor(loss, outputs);
  if (targets instanceof Tensor) return;
  throw new TypeError(
    `${loss}: the targets are ${inWords(targets)}; give a tensor: ops.${loss}(outputs, targets)`,
  );
}

export interface CrossEntropyOptions {
  /** ε of the target (1 - ε) · one-hot + ε / classes, from 0 up to 1 (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
  /**
   * A weight for each class; the mean over class indices is then weighted, as in PyTorch. Where the weights of a whole batch
   * are 0, the loss is 0, and so is its gradient.
   */
  readonly classWeights?: readonly number[];
  /**
   * A label that does not count: neither in the sum nor in the mean. Where none counts, the loss is 0. It may lie outside of
   * the model's outputs. Accuracies are of all samples, those with this label among them.
   */
  readonly ignoreIndex?: number;
}

const CROSS_ENTROPY: OptionKinds<CrossEntropyOptions> = {
  labelSmoothing: "number",
  classWeights: "array",
  ignoreIndex: "number",
};

/** @throws TypeError, RangeError naming the option that is wrong */
export function checkCrossEntropy(options: CrossEntropyOptions): void {
  checkOptions("crossEntropy", options, CROSS_ENTROPY);
  const { labelSmoothing = 0, ignoreIndex } = options;
  const classWeights: readonly unknown[] = Array.from(options.classWeights ?? []);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new RangeError(`crossEntropy: labelSmoothing is ${labelSmoothing}; give a number from 0 up to 1`);
  }
  const bad = classWeights.find(
    (weight) => !(typeof weight === "number" && weight >= 0 && Number.isFinite(weight)),
  );
  if (bad !== undefined)
    throw new RangeError(`crossEntropy: a class weight is ${inWords(bad)}; give finite numbers from 0`);
  if (classWeights.length > 0 && classWeights.every((weight) => weight === 0)) {
    throw new RangeError("crossEntropy: all class weights are 0; at least one class must count");
  }
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex)) {
    throw new RangeError(`crossEntropy: ignoreIndex is ${ignoreIndex}; give a whole number`);
  }
}

/**
 * Softmax cross-entropy of logits [batch, classes] against class indices [batch], or against probabilities
 * [batch, classes] that add up to 1; stable at any finite logits. A logit of -∞ is a class without any probability: it
 * changes nothing unless it is the target, or smoothing gives it a part, where the loss is infinite. More axes in front of
 * the classes count as batch.
 * @throws ShapeError for other shapes, and for one class; in a run EngineError for targets that are no such indices, or no
 *   such probabilities
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkBoth("crossEntropy", logits, targets);
  checkCrossEntropy(options);
  const { labelSmoothing = 0, classWeights, ignoreIndex } = options;
  const classes = logits.shape[logits.rank - 1];
  if (logits.rank >= 2 && classes === 1) {
    throw new ShapeError(
      "crossEntropy",
      `logits are ${formatShape(logits.shape)}, of one class, whose probability is always 1: nothing can be learned; use binaryCrossEntropy() to tell two classes apart by one output, meanSquaredError() for quantities, or give the model an output for each class`,
    );
  }
  if (logits.rank >= 2 && sameShape(logits.shape, targets.shape))
    return overProbabilities(logits, asProbabilities(targets, "crossEntropy", classes), options);
  if (logits.rank < 2 || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
    throw new ShapeError(
      "crossEntropy",
      `logits are ${formatShape(logits.shape)}, targets ${formatShape(targets.shape)}; expected class indices ${formatShape(logits.shape.slice(0, -1))}, or probabilities ${formatShape(logits.shape)}`,
    );
  }
  const rows = reshape(logits, [-1, classes]);
  const labels = reshape(targets, [-1]);
  if (!classWeights && ignoreIndex === undefined) return mean(rowCrossEntropy(rows, labels, labelSmoothing));
  return weighted(rows, labels, options);
}

/** -Σ p log softmax(logits). */
function overProbabilities(
  logits: Tensor,
  targets: Tensor,
  { classWeights, ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions,
): Tensor {
  if (ignoreIndex !== undefined) {
    throw new ShapeError(
      "crossEntropy",
      `ignoreIndex is for class indices; the targets ${formatShape(targets.shape)} are probabilities`,
    );
  }
  const classes = logits.shape[logits.rank - 1];
  const smooth = add(mul(targets, 1 - labelSmoothing), labelSmoothing / classes);
  const counted = classWeights ? mul(smooth, weightVector(classWeights, classes)) : smooth;
  // 0 · log 0 is 0.
  const losses = neg(sum(choose(counted, mul(counted, logSoftmax(logits)), 0), -1));
  return mean(losses);
}

/** With weights and an ignored label, as PyTorch defines them: a weighted mean, smoothing weighted by class, too. */
function weighted(
  logits: Tensor,
  labels: Tensor,
  { classWeights, ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions,
): Tensor {
  const classes = logits.shape[1];
  const weights = weightVector(classWeights ?? new Array<number>(classes).fill(1), classes);
  const counts = ignoreIndex === undefined ? undefined : sub(1, equal(labels, ignoreIndex));
  // An ignored label may lie outside of the classes; no weight is looked up for it.
  const safe = counts ? choose(counts, labels, 0) : labels;
  const own = gather(weights, safe);
  const rowWeights = counts ? mul(own, counts) : own;
  const logs = logSoftmax(logits);
  // Chosen, not multiplied: what has no part may be infinite, or NaN in a row that is ignored.
  const hits = neg(sum(choose(oneHot(labels, classes, ignoreIndex), logs, 0), -1));
  let losses = mul(own, hits);
  if (labelSmoothing > 0) {
    const smooth = neg(sum(mul(weights, logs), -1));
    losses = add(mul(losses, 1 - labelSmoothing), mul(smooth, labelSmoothing / classes));
  }
  const total = sum(counts ? choose(counts, losses, 0) : losses);
  const weight = sum(rowWeights);
  const counted = greater(weight, 0);
  return div(choose(counted, total, 0), choose(counted, weight, 1));
}

function weightVector(weights: readonly number[], classes: number): Tensor {
  if (weights.length !== classes) {
    throw new ShapeError(
      "crossEntropy",
      `${weights.length} class weights for ${classes} classes; give one for each`,
    );
  }
  return tensor(weights);
}

/** The mean over all elements of (output - target)². Class indices become one-hot rows. */
export function meanSquaredError(outputs: Tensor, targets: Tensor): Tensor {
  return mean(square(sub(outputs, likeOutputs("meanSquaredError", outputs, targets))));
}

/** The mean over all elements of |output - target|. Class indices become one-hot rows. */
export function meanAbsoluteError(outputs: Tensor, targets: Tensor): Tensor {
  return mean(abs(sub(outputs, likeOutputs("meanAbsoluteError", outputs, targets))));
}

/** The textbook's quadratic cost ½‖y - a‖² of each sample. Class indices become one-hot rows. */
export function quadratic(outputs: Tensor, targets: Tensor): Tensor {
  const squares = square(sub(outputs, likeOutputs("quadratic", outputs, targets)));
  return mul(sum(squares), 0.5 / outputs.shape[0]);
}

/**
 * Binary cross-entropy of logits against targets in [0, 1], the mean over all elements; stable at any logits. An infinite
 * one is a certainty: the loss is 0 where it is right, else infinite. Class indices become one-hot rows.
 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return mean(binaryLosses("binaryCrossEntropy", logits, targets));
}

/**
 * The textbook's cross-entropy for sigmoid outputs: binary cross-entropy summed over a sample's outputs. It takes
 * logits; class indices become one-hot rows.
 */
export function sigmoidCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return mul(sum(binaryLosses("sigmoidCrossEntropy", logits, targets)), 1 / logits.shape[0]);
}

/** The largest 32-bit number. */
const LARGEST = 3.4028234663852886e38;

/**
 * -t log σ(x) - (1 - t) log(1 - σ(x)) = x ([x > 0] - t) + log(1 + e^-|x|), which takes no large numbers from each other.
 * Infinite where x is infinitely wrong, and 0 where it is right: what is multiplied by 0 is held to finite numbers.
 */
function binaryLosses(name: string, logits: Tensor, targets: Tensor): Tensor {
  const like = likeOutputs(name, logits, targets);
  const isOneHot = elementCount(like.shape) !== elementCount(targets.shape);
  const positive = greater(logits, 0);
  const wrong = sub(positive, isOneHot ? like : asProbabilities(like, name));
  const finite = maximum(minimum(logits, LARGEST), -LARGEST);
  const line = mul(wrong, choose(wrong, logits, finite));
  return add(line, softplus(choose(positive, neg(logits), logits)));
}

export interface HuberOptions {
  /** Where the square becomes a line (default 1). */
  readonly delta?: number;
}

/** @throws TypeError, RangeError naming the option that is wrong */
export function checkHuber(options: HuberOptions): number {
  const { delta = 1 } = checkOptions("huber", options, { delta: "number" });
  checkPositive("huber: delta", delta);
  return delta;
}

/** Huber's loss (1964): ½d² for |d| ≤ δ, else δ(|d| - ½δ), the mean over all elements. */
export function huber(outputs: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  const delta = checkHuber(options);
  const difference = sub(outputs, likeOutputs("huber", outputs, targets));
  const size = abs(difference);
  // c (|d| - ½c) for the smaller c of |d| and δ: no large difference is squared, as that might be infinite.
  const near = minimum(size, delta);
  return mean(mul(near, sub(size, mul(near, 0.5))));
}

/**
 * Targets in the shape of the outputs: as they are, or one-hot from class indices. One output a sample is no choice
 * among classes: its targets are numbers, with the last axis or without.
 */
function likeOutputs(loss: string, outputs: Tensor, targets: Tensor): Tensor {
  checkBoth(loss, outputs, targets);
  if (sameShape(outputs.shape, targets.shape)) return targets;
  const perSample = outputs.shape.slice(0, -1);
  const size = outputs.shape[outputs.rank - 1];
  if (sameShape(perSample, targets.shape))
    return size === 1 ? reshape(targets, outputs.shape) : oneHot(targets, size);
  throw new ShapeError(
    loss,
    `outputs are ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}; expected the same shape, or class indices ${formatShape(perSample)}`,
  );
}
