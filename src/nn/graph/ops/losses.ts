/**
 * Losses as ops of outputs and targets: scalars, averaged over the batch as each docstring states.
 * `nn/training/losses.ts` has the losses that `fit` takes.
 */
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

/** @throws TypeError where outputs or targets is no tensor */
function checkBoth(loss: string, outputs: Tensor, targets: Tensor): void {
  checkTensor(loss, outputs);
  if (targets instanceof Tensor) return;
  throw new TypeError(
    `${loss}: the targets are ${inWords(targets)}; give a tensor: ops.${loss}(outputs, targets)`,
  );
}

export interface CrossEntropyOptions {
  /** ε of the smoothed target (1 − ε) · one-hot + ε / classes, from 0 up to 1 (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
  /**
   * A weight for each class; the mean over class indices is then weighted, as in PyTorch. Where all weights of a batch
   * are 0, loss and gradient are 0.
   */
  readonly classWeights?: readonly number[];
  /**
   * A label that counts neither in the sum nor in the mean; it may lie outside the classes. Where no label counts, the
   * loss is 0. Accuracies still count all samples.
   */
  readonly ignoreIndex?: number;
}

const CROSS_ENTROPY: OptionKinds<CrossEntropyOptions> = {
  labelSmoothing: "number",
  classWeights: "array",
  ignoreIndex: "number",
};

/** @throws TypeError or RangeError naming the wrong option */
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
 * Softmax cross-entropy of logits [batch, classes] against class indices [batch], or against probabilities [batch,
 * classes] that sum to 1; a scalar, the mean over the batch. Further axes before the classes count as batch. The loss
 * is stable for all finite logits. A logit of −∞ is a class of probability 0: it changes nothing unless it is the
 * target or gets a share by smoothing, where the loss is infinite.
 * @throws ShapeError where shapes do not fit, or there is one class only
 * @throws RangeError where an option is out of range
 * @throws TypeError where an argument is no tensor or an option is unknown; in a run, EngineError where targets are
 *   neither valid indices nor probabilities
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

/** −Σ p log softmax(logits). */
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

/** With weights and an ignored label, as PyTorch defines them: a weighted mean; smoothing is weighted by class, too. */
function weighted(
  logits: Tensor,
  labels: Tensor,
  { classWeights, ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions,
): Tensor {
  const classes = logits.shape[1];
  const weights = weightVector(classWeights ?? new Array<number>(classes).fill(1), classes);
  const counts = ignoreIndex === undefined ? undefined : sub(1, equal(labels, ignoreIndex));
  // An ignored label may lie outside the classes; its weight is not looked up.
  const safe = counts ? choose(counts, labels, 0) : labels;
  const own = gather(weights, safe);
  const rowWeights = counts ? mul(own, counts) : own;
  const logs = logSoftmax(logits);
  // Chosen, not multiplied: an excluded value may be infinite, or NaN in an ignored row.
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

/**
 * Mean of (output − target)² over all elements; a scalar. Class indices become one-hot rows.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor
 */
export function meanSquaredError(outputs: Tensor, targets: Tensor): Tensor {
  return mean(square(sub(outputs, likeOutputs("meanSquaredError", outputs, targets))));
}

/**
 * Mean of |output − target| over all elements; a scalar. Class indices become one-hot rows.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor
 */
export function meanAbsoluteError(outputs: Tensor, targets: Tensor): Tensor {
  return mean(abs(sub(outputs, likeOutputs("meanAbsoluteError", outputs, targets))));
}

/**
 * The textbook's quadratic cost ½‖y − a‖² of each sample, averaged over the batch. Class indices become one-hot rows.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor
 */
export function quadratic(outputs: Tensor, targets: Tensor): Tensor {
  const squares = square(sub(outputs, likeOutputs("quadratic", outputs, targets)));
  return mul(sum(squares), 0.5 / outputs.shape[0]);
}

/**
 * Binary cross-entropy of logits against targets in [0, 1], averaged over all elements. The loss is stable for all
 * finite logits; an infinite logit gives 0 where it is right, and an infinite loss otherwise. Class indices become
 * one-hot rows.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor; in a run, EngineError where a target is outside [0, 1]
 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return mean(binaryLosses("binaryCrossEntropy", logits, targets));
}

/**
 * The textbook's cross-entropy for sigmoid outputs: binary cross-entropy of logits, summed over a sample's outputs and
 * averaged over the batch. Class indices become one-hot rows.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor; in a run, EngineError where a target is outside [0, 1]
 */
export function sigmoidCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return mul(sum(binaryLosses("sigmoidCrossEntropy", logits, targets)), 1 / logits.shape[0]);
}

/** The largest finite f32. */
const LARGEST = 3.4028234663852886e38;

/**
 * −t log σ(x) − (1 − t) log(1 − σ(x)) = x ([x > 0] − t) + log(1 + e^−|x|), without differences of large numbers.
 * Infinite for an infinitely wrong x, 0 for an infinitely right one; factors of 0 are multiplied by finite numbers.
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
  /**
   * d| at which the parabola becomes a line (default 1).
   */
  readonly delta?: number;
}

/** @throws TypeError or RangeError naming the wrong option */
export function checkHuber(options: HuberOptions): number {
  const { delta = 1 } = checkOptions("huber", options, { delta: "number" });
  checkPositive("huber: delta", delta);
  return delta;
}

/**
 * Huber's loss (1964): ½d² for |d| ≤ δ, else δ(|d| − ½δ), averaged over all elements. Class indices become one-hot
 * rows.
 * @throws RangeError where `delta` is not finite or not above 0
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where an argument is no tensor, or an option is unknown
 */
export function huber(outputs: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  const delta = checkHuber(options);
  const difference = sub(outputs, likeOutputs("huber", outputs, targets));
  const size = abs(difference);
  // c (|d| − ½c) with c = min(|d|, δ): a large difference is never squared, which could overflow.
  const near = minimum(size, delta);
  return mean(mul(near, sub(size, mul(near, 0.5))));
}

/**
 * Targets in the shape of the outputs: unchanged, or one-hot from class indices. With one output for a sample, targets
 * are numbers, with or without the last axis.
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
