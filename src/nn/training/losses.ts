/** Losses for `fit`; each applies the op of its name. A loss without a call has its defaults. */
import { checkOptions, inWords } from "../../checks.ts";
import { formatShape } from "../../program.ts";
import type { CrossEntropyOptions, HuberOptions } from "../graph/ops/losses.ts";
import * as ops from "../graph/ops/losses.ts";
import { Tensor } from "../graph/tensor.ts";
import { type Factory, factory, resolveUncalled, type Uncalled } from "../model/factory.ts";

/** A loss that training minimises. */
export interface Loss {
  readonly name: string;
  /** A label that does not count; it may lie outside the classes. */
  readonly ignoreIndex?: number | undefined;
  /**
   * Traces the mean loss of the batch, shape [].
   * @throws ShapeError and TypeError, as the loss decides
   */
  apply(outputs: Tensor, targets: Tensor): Tensor;
}

/** A custom loss: the mean loss of the batch, shape [], of the model's outputs and the targets. */
export type LossFunction = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A loss as an object whose results are checked to be single numbers.
 * @throws TypeError in the name of `owner`, where `given` is no loss
 */
export function asLoss(owner: string, given: Loss | LossFunction | Uncalled<Loss>): Loss {
  const loss = resolveUncalled<Loss, LossFunction>(given);
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

/** The loss meant by another library's name. */
function meantBy(loss: unknown): string {
  const name = String(loss).toLowerCase();
  if (/mse|squared/.test(name)) return "meanSquaredError";
  if (/mae|absolute|l1/.test(name)) return "meanAbsoluteError";
  if (/binary|bce/.test(name)) return "binaryCrossEntropy";
  return /huber/.test(name) ? "huber" : "crossEntropy";
}

function made<Arguments extends readonly unknown[]>(
  name: string,
  make: (...args: Arguments) => Loss,
): Factory<Loss, Arguments> {
  return factory(name, make, "loss", "outputs, targets");
}

/** A loss without options. */
function plain(name: string, apply: LossFunction): Factory<Loss> {
  return made(name, (...nothing: readonly never[]) => {
    checkOptions<object>(name, nothing.length === 0 ? {} : nothing[0], {});
    return { name, apply };
  });
}

/**
 * {@link ops.crossEntropy} as a loss: softmax cross-entropy of logits against class indices or probabilities.
 * @throws RangeError where an option is out of range
 * @throws TypeError where an option is unknown or of another kind
 */
export const crossEntropy: Factory<Loss, [options?: CrossEntropyOptions]> = /* @__PURE__ */ made(
  "crossEntropy",
  (options = {}) => {
    ops.checkCrossEntropy(options);
    const { ignoreIndex } = options;
    return {
      name: "crossEntropy",
      ignoreIndex,
      apply: (logits, targets) => ops.crossEntropy(logits, targets, options),
    };
  },
);

/**
 * {@link ops.meanSquaredError} as a loss: the mean of (output − target)².
 * @throws TypeError where an option is given
 */
export const meanSquaredError = /* @__PURE__ */ plain("meanSquaredError", ops.meanSquaredError);

/**
 * {@link ops.meanAbsoluteError} as a loss: the mean of |output − target|.
 * @throws TypeError where an option is given
 */
export const meanAbsoluteError = /* @__PURE__ */ plain("meanAbsoluteError", ops.meanAbsoluteError);

/**
 * {@link ops.quadratic} as a loss: the textbook's ½‖y − a‖² of each sample.
 * @throws TypeError where an option is given
 */
export const quadratic = /* @__PURE__ */ plain("quadratic", ops.quadratic);

/**
 * {@link ops.binaryCrossEntropy} as a loss: of logits against targets in [0, 1], the mean over all elements.
 * @throws TypeError where an option is given
 */
export const binaryCrossEntropy = /* @__PURE__ */ plain("binaryCrossEntropy", ops.binaryCrossEntropy);

/**
 * {@link ops.sigmoidCrossEntropy} as a loss: of logits against targets in [0, 1], summed over a sample's outputs.
 * @throws TypeError where an option is given
 */
export const sigmoidCrossEntropy = /* @__PURE__ */ plain("sigmoidCrossEntropy", ops.sigmoidCrossEntropy);

/**
 * {@link ops.huber} as a loss: ½d² for |d| ≤ δ, else a line (Huber 1964).
 * @throws RangeError where `delta` is not finite or not above 0
 * @throws TypeError where an option is unknown or of another kind
 */
export const huber: Factory<Loss, [options?: HuberOptions]> = /* @__PURE__ */ made(
  "huber",
  (options = {}) => {
    ops.checkHuber(options);
    return { name: "huber", apply: (outputs, targets) => ops.huber(outputs, targets, options) };
  },
);
