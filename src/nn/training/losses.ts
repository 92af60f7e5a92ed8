/** Losses for `fit`: each applies the op of its name. A loss may stand without a call, and has its defaults then. */
import { checkOptions, inWords } from "../../checks.ts";
import { formatShape } from "../../program.ts";
import type { CrossEntropyOptions, HuberOptions } from "../graph/ops/losses.ts";
import * as ops from "../graph/ops/losses.ts";
import { Tensor } from "../graph/tensor.ts";
import { type Factory, factory, resolveUncalled, type Uncalled } from "../model/factory.ts";

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

/** What other libraries call losses, and its name here. */
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

/** {@link ops.crossEntropy}: softmax cross-entropy of logits against class indices or probabilities. */
export const crossEntropy: Factory<Loss, [options?: CrossEntropyOptions]> = made(
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

/** {@link ops.meanSquaredError}: (output - target)². */
export const meanSquaredError = plain("meanSquaredError", ops.meanSquaredError);

/** {@link ops.meanAbsoluteError}: |output - target|. */
export const meanAbsoluteError = plain("meanAbsoluteError", ops.meanAbsoluteError);

/** {@link ops.quadratic}: the textbook's ½‖y - a‖² of each sample. */
export const quadratic = plain("quadratic", ops.quadratic);

/** {@link ops.binaryCrossEntropy}: of logits against targets in [0, 1], the mean over all elements. */
export const binaryCrossEntropy = plain("binaryCrossEntropy", ops.binaryCrossEntropy);

/** {@link ops.sigmoidCrossEntropy}: of logits against targets in [0, 1], summed over a sample's outputs. */
export const sigmoidCrossEntropy = plain("sigmoidCrossEntropy", ops.sigmoidCrossEntropy);

/** {@link ops.huber}: ½d² for |d| ≤ δ, else a line (Huber 1964). */
export const huber: Factory<Loss, [options?: HuberOptions]> = made("huber", (options = {}) => {
  ops.checkHuber(options);
  return { name: "huber", apply: (outputs, targets) => ops.huber(outputs, targets, options) };
});
