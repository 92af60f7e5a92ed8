/** Losses: each is the mean over the batch of what the docstring says. Without tensors they are losses for `fit`. */
import { checkOptions, inWords, type OptionKinds } from "../../checks.ts";
import { elementCount, formatShape } from "../../program.ts";
import { rowCrossEntropy } from "../graph/ops/crossEntropy.ts";
import { gather } from "../graph/ops/gather.ts";
import { mean, sum } from "../graph/ops/reduce.ts";
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
  softplusOp,
  square,
  sub,
} from "../graph/ops/scalar.ts";
import { logSoftmax } from "../graph/ops/softmax.ts";
import { tensor } from "../graph/ops/source.ts";
import { asProbabilities, reshape } from "../graph/ops/view.ts";
import { sameShape } from "../graph/shape.ts";
import { ShapeError, Tensor } from "../graph/tensor.ts";

/** What training minimises. */
export interface Loss {
  readonly name: string;
  /** A label that does not count, and may lie outside of the classes. */
  readonly ignoreIndex?: number | undefined;
  /** @returns the mean loss of the batch, shape [] */
  apply(outputs: Tensor, targets: Tensor): Tensor;
}

/** A loss of one's own: the mean loss of the batch, shape [], out of the model's outputs and the targets. */
export type LossFunction = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A loss as an object, whose values are single numbers.
 * @throws TypeError for what is no loss, in the name of `owner`
 */
export function asLoss(owner: string, loss: Loss | LossFunction): Loss {
  const own = typeof loss === "function";
  if (!own && typeof loss?.apply !== "function") {
    throw new TypeError(
      `${owner}: loss is ${inWords(loss)}; give one such as ${meantBy(loss)}(), or a function (outputs, targets) => tensor`,
    );
  }
  const name = own ? loss.name || "function" : loss.name;
  return {
    name,
    ignoreIndex: own ? undefined : loss.ignoreIndex,
    apply(outputs, targets) {
      const value: unknown = own ? loss(outputs, targets) : loss.apply(outputs, targets);
      if (value instanceof Tensor && value.rank === 0) return value;
      const given = value instanceof Tensor ? `a tensor ${formatShape(value.shape)}` : inWords(value);
      throw new TypeError(
        `${owner}: the loss ${name} gave ${given}; return the mean loss of the batch, a tensor of shape []: mean(…)`,
      );
    },
  };
}

/** What other libraries call losses, and its name here. */
function meantBy(loss: unknown): string {
  const name = String(loss).toLowerCase();
  if (/mse|squared/.test(name)) return "meanSquaredError";
  if (/mae|absolute|l1/.test(name)) return "meanAbsoluteError";
  if (/binary|bce/.test(name)) return "binaryCrossEntropy";
  return /huber/.test(name) ? "huber" : "crossEntropy";
}

/** A loss without options: of tensors, or for `fit`. */
interface PlainLoss {
  (): Loss;
  (outputs: Tensor, targets: Tensor): Tensor;
}

function plain(name: string, apply: (outputs: Tensor, targets: Tensor) => Tensor): PlainLoss {
  function either(): Loss;
  function either(outputs: Tensor, targets: Tensor): Tensor;
  function either(outputs?: Tensor, targets?: Tensor): Loss | Tensor {
    if (outputs instanceof Tensor) return apply(outputs, present(name, targets));
    checkOptions<object>(name, outputs === undefined ? {} : outputs, {});
    return { name, apply };
  }
  // Given without a call, it is called so in messages.
  return Object.defineProperty(either, "name", { value: name });
}

/** @throws TypeError where the targets were forgotten */
function present(loss: string, targets: Tensor | undefined): Tensor {
  if (targets instanceof Tensor) return targets;
  throw new TypeError(
    `${loss}: the targets are ${inWords(targets)}; give a tensor: ${loss}(outputs, targets)`,
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

/**
 * Softmax cross-entropy of logits [batch, classes] against class indices [batch], or against probabilities
 * [batch, classes] that add up to 1; stable at any finite logits. A logit of -∞ is a class without any probability: it
 * changes nothing unless it is the target, or smoothing gives it a part, where the loss is infinite. More axes in front of
 * the classes count as batch.
 * @throws ShapeError for other shapes, and for one class; in a run EngineError for targets that are no such indices, or no
 *   such probabilities
 */
export function crossEntropy(options?: CrossEntropyOptions): Loss;
export function crossEntropy(logits: Tensor, targets: Tensor, options?: CrossEntropyOptions): Tensor;
export function crossEntropy(
  first: Tensor | CrossEntropyOptions = {},
  targets?: Tensor,
  options: CrossEntropyOptions = {},
): Loss | Tensor {
  if (first instanceof Tensor) return crossEntropyOf(first, present("crossEntropy", targets), options);
  checkCrossEntropy(first);
  const { ignoreIndex } = first;
  return { name: "crossEntropy", ignoreIndex, apply: (outputs, y) => crossEntropyOf(outputs, y, first) };
}

const CROSS_ENTROPY: OptionKinds<CrossEntropyOptions> = {
  labelSmoothing: "number",
  classWeights: "array",
  ignoreIndex: "number",
};

function checkCrossEntropy(options: CrossEntropyOptions): void {
  checkOptions("crossEntropy", options, CROSS_ENTROPY);
  const { labelSmoothing = 0, ignoreIndex } = options;
  const classWeights: readonly unknown[] = Array.from(options.classWeights ?? []);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new RangeError(`crossEntropy: labelSmoothing is ${labelSmoothing}; give a number from 0 up to 1`);
  }
  const bad = classWeights.find((weight) => !(Number.isFinite(weight) && (weight as number) >= 0));
  if (bad !== undefined)
    throw new RangeError(`crossEntropy: a class weight is ${inWords(bad)}; give finite numbers from 0`);
  if (classWeights.length > 0 && classWeights.every((weight) => weight === 0)) {
    throw new RangeError("crossEntropy: all class weights are 0; at least one class must count");
  }
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex)) {
    throw new RangeError(`crossEntropy: ignoreIndex is ${ignoreIndex}; give a whole number`);
  }
}

function crossEntropyOf(logits: Tensor, targets: Tensor, options: CrossEntropyOptions): Tensor {
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
export const meanSquaredError = plain("meanSquaredError", (outputs, targets) =>
  mean(square(sub(outputs, likeOutputs("meanSquaredError", outputs, targets)))),
);

/** The mean over all elements of |output - target|. Class indices become one-hot rows. */
export const meanAbsoluteError = plain("meanAbsoluteError", (outputs, targets) =>
  mean(abs(sub(outputs, likeOutputs("meanAbsoluteError", outputs, targets)))),
);

/** The textbook's quadratic cost ½‖y - a‖² of each sample. Class indices become one-hot rows. */
export const quadratic = plain("quadratic", (outputs, targets) => {
  const squares = square(sub(outputs, likeOutputs("quadratic", outputs, targets)));
  return mul(sum(squares), 0.5 / outputs.shape[0]);
});

/**
 * Binary cross-entropy of logits against targets in [0, 1], the mean over all elements; stable at any logits. An infinite
 * one is a certainty: the loss is 0 where it is right, else infinite. Class indices become one-hot rows.
 */
export const binaryCrossEntropy = plain("binaryCrossEntropy", (logits, targets) =>
  mean(binaryLosses("binaryCrossEntropy", logits, targets)),
);

/**
 * The textbook's cross-entropy for sigmoid outputs: binary cross-entropy summed over a sample's outputs. It takes
 * logits; class indices become one-hot rows.
 */
export const sigmoidCrossEntropy = plain("sigmoidCrossEntropy", (logits, targets) =>
  mul(sum(binaryLosses("sigmoidCrossEntropy", logits, targets)), 1 / logits.shape[0]),
);

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
  return add(line, softplusOp(choose(positive, neg(logits), logits)));
}

export interface HuberOptions {
  /** Where the square becomes a line (default 1). */
  readonly delta?: number;
}

/** Huber's loss (1964): ½d² for |d| ≤ δ, else δ(|d| - ½δ), the mean over all elements. */
export function huber(options?: HuberOptions): Loss;
export function huber(outputs: Tensor, targets: Tensor, options?: HuberOptions): Tensor;
export function huber(
  first: Tensor | HuberOptions = {},
  targets?: Tensor,
  options: HuberOptions = {},
): Loss | Tensor {
  if (first instanceof Tensor) return huberOf(first, present("huber", targets), options);
  checkHuber(first);
  return { name: "huber", apply: (outputs, y) => huberOf(outputs, y, first) };
}

function checkHuber(options: HuberOptions): number {
  const { delta = 1 } = checkOptions("huber", options, { delta: "number" });
  if (!(delta > 0 && Number.isFinite(delta))) {
    throw new RangeError(`huber: delta is ${delta}; give a finite number above 0`);
  }
  return delta;
}

function huberOf(outputs: Tensor, targets: Tensor, options: HuberOptions): Tensor {
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
