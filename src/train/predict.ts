/** Prediction: a model's outputs for samples from the host. */
import { checkOptions, checkWhole } from "../checks.ts";
import type { InputSet } from "../data/dataset.ts";
import type { RawRows } from "../data/schema.ts";
import { checkTrainer, type Samples } from "./arguments.ts";
import { checkNonFinite, type NonFinite } from "./finite.ts";
import { KeptSteps } from "./kept.ts";
import type { TensorData, Trainer } from "./trainer.ts";

/** What predicts, once it was loaded. */
let work: typeof import("./predicted.ts") | undefined;

export interface PredictOptions {
  /** Samples a step at most (default 256, or what the device can hold). */
  readonly batchSize?: number;
  /**
   * Gives probabilities, computed on the engine, instead of the outputs as they are: softmax over the last axis, or the
   * sigmoid of each output. For models that give logits.
   */
  readonly probabilities?: "softmax" | "sigmoid";
  /** With `probabilities`: from which one on a class counts, from 0 to 1. Gives `classes`. */
  readonly threshold?: number;
  /** Whether the inputs may hold NaN and infinities (default "refuse"). */
  readonly nonFinite?: NonFinite;
}

/** The outputs or probabilities, and what was decided. */
export interface Prediction extends TensorData {
  /**
   * With a threshold. After softmax, for each sample: the most probable class (the first of equal ones), or -1 where it
   * is less probable than the threshold. After sigmoid, for each output: whether it reaches the threshold, 1 or 0. NaN
   * is -1.
   */
  readonly classes?: Int32Array;
  /**
   * Beside `classes`, where the model knows what each is called and decides for one in each sample: its name, or undefined
   * where there is none. Of one output after sigmoid, the first name is for 0 and the second for 1.
   */
  readonly classNames?: readonly (string | undefined)[];
}

/** A prediction with what was decided. */
export type Decision = Prediction & Required<Pick<Prediction, "classes">>;

/**
 * What is predicted for: numbers, samples one after the other; rows of numbers, in rows of rows where samples have more
 * axes; the samples of a data set; or the rows of a table as they stand, which are read as those that the model was trained
 * on. Bytes in a Uint8Array are worth what those were worth.
 */
export type PredictInputs = Samples | InputSet | RawRows;

/** {@link predict} with its options, and steps of its own. */
export interface Predictor<P extends Prediction = Prediction> {
  (inputs: PredictInputs): Promise<P>;
  /** Frees its steps on the engine; calls after that compile them anew. */
  release(): void;
}

/** Options with which predictions are decisions. */
export type DecisionOptions = PredictOptions & { readonly threshold: number };

/**
 * The model's outputs [samples, …] for `inputs`: samples one after the other, or those of a data set.
 *
 * Steps are compiled for 1, 2, 4 … samples, up to `batchSize`, and kept with the trainer: of a model, the first call of a
 * size takes long, others little more than the step. What is too short for a step is filled up with other samples of the
 * call, so that layers that mix the samples of a batch see nothing but samples; each sample's outputs are the same to the
 * bit in a batch of any size, as far as the model computes each on its own.
 * @throws RangeError when the inputs are no whole number of samples or not finite, or an option makes no sense
 */
export async function predict(
  trainer: Trainer,
  inputs: PredictInputs,
  options: DecisionOptions,
): Promise<Decision>;
export async function predict(
  trainer: Trainer,
  inputs: PredictInputs,
  options?: PredictOptions,
): Promise<Prediction>;
export async function predict(
  trainer: Trainer,
  inputs: PredictInputs,
  options: PredictOptions = {},
): Promise<Prediction> {
  checkTrainer("predict", trainer);
  return predicted(trainer, trainer.kept, inputs, checked("predict", options));
}

/**
 * `predict` as a function of the inputs, for those who ask again and again. Its steps are its own: `release` frees them,
 * and other predictions do not crowd them out.
 * @throws RangeError where an option makes no sense
 */
export function predictor(trainer: Trainer, options: DecisionOptions): Predictor<Decision>;
export function predictor(trainer: Trainer, options?: PredictOptions): Predictor;
export function predictor(trainer: Trainer, options: PredictOptions = {}): Predictor {
  checkTrainer("predictor", trainer);
  const settings = checked("predictor", options);
  const steps = new KeptSteps();
  const call = (inputs: PredictInputs) => predicted(trainer, steps, inputs, settings);
  return Object.assign(call, { release: () => steps.release() });
}

/** By what is loaded where something is predicted. */
async function predicted(
  trainer: Trainer,
  steps: KeptSteps,
  inputs: PredictInputs,
  options: PredictOptions,
): Promise<Prediction> {
  trainer.checkAwaited("predict");
  // An import of what is there already still takes as long as a small model.
  work ??= await import("./predicted.ts");
  return work.predictedBy(trainer, steps, inputs, options);
}

/** @throws RangeError | TypeError for an option that makes no sense */
function checked(owner: string, options: PredictOptions): PredictOptions {
  checkOptions(owner, options, {
    batchSize: "number",
    probabilities: "string",
    threshold: "number",
    nonFinite: "string",
  });
  const { batchSize = 256, probabilities, threshold, nonFinite = "refuse" } = options;
  checkWhole(`${owner}: batchSize`, batchSize);
  checkNonFinite(owner, nonFinite);
  if (![undefined, "softmax", "sigmoid"].includes(probabilities)) {
    throw new RangeError(`${owner}: probabilities is ${probabilities}; give "softmax" or "sigmoid"`);
  }
  if (threshold !== undefined && !(probabilities && threshold >= 0 && threshold <= 1)) {
    throw new RangeError(
      `${owner}: threshold is ${threshold}; give a number from 0 to 1, and with it probabilities: "softmax" or "sigmoid"`,
    );
  }
  return options;
}
