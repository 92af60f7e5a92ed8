/** Prediction: a model's outputs for samples from the host. */
import { checkSignal } from "../abort.ts";
import { checkOptions, checkWhole } from "../checks.ts";
import type { InputSet } from "../data/dataset.ts";
import type { RawRows } from "../data/schema.ts";
import { checkTrainer, type Samples } from "./arguments.ts";
import { checkNonFinite, type NonFinite } from "./finite.ts";
import { KeptSteps } from "./kept.ts";
import type { TensorData, Trainer } from "./trainer.ts";

/** The code for predictions, once loaded. */
let work: typeof import("./predicted.ts") | undefined;

export interface PredictOptions {
  /** Most samples in a step (default 256, or the device's limit). */
  readonly batchSize?: number;
  /**
   * Converts outputs to probabilities on the engine: softmax over the last axis, or the sigmoid of each output. For
   * models that output logits.
   */
  readonly probabilities?: "softmax" | "sigmoid";
  /** With `probabilities`: probability from which a class counts, from 0 to 1. The result then has `classes`. */
  readonly threshold?: number;
  /** Whether inputs may hold NaN and infinities (default "refuse"). */
  readonly nonFinite?: NonFinite;
  /** Aborts the prediction between two steps; the signal's reason is the error. Of a predictor: all its predictions. */
  readonly signal?: AbortSignal;
}

/** Outputs or probabilities, with decisions where a threshold is given. */
export interface Prediction extends TensorData {
  /**
   * Decisions by the threshold. After softmax, for each sample: the most probable class (the first of equal ones), or
   * −1 below the threshold. After sigmoid, for each output: 1 from the threshold on, otherwise 0. NaN gives −1.
   */
  readonly classes?: Int32Array;
  /**
   * Class names of the decisions, where the model knows them and decides once for each sample; undefined where there is
   * none. For one output after sigmoid, the first name is for 0 and the second for 1.
   */
  readonly classNames?: readonly (string | undefined)[];
}

/** A prediction with decisions. */
export type Decision = Prediction & Required<Pick<Prediction, "classes">>;

/**
 * Inputs of a prediction: numbers, samples one after the other; nested rows, one level for each axis of a sample; the
 * samples of a data set; or the raw rows of a table, read as the training rows were. A Uint8Array has the scale of the
 * training bytes.
 */
export type PredictInputs = Samples | InputSet | RawRows;

/** {@link predict} with fixed options and its own steps. */
export interface Predictor<P extends Prediction = Prediction> {
  (inputs: PredictInputs): Promise<P>;
  /** Frees the steps on the engine; later calls compile them again. */
  release(): void;
}

/** Options that turn predictions into decisions. */
export type DecisionOptions = PredictOptions & { readonly threshold: number };

/**
 * Computes the model's outputs [samples, …] for `inputs`.
 *
 * Steps are compiled for 1, 2, 4 … samples, up to `batchSize`, and kept with the trainer: the first call of a size
 * takes long, others little more than the step. Short batches are filled with other samples of the call, so that layers
 * that mix samples see only samples. A sample's outputs are equal to the bit in batches of any size, where the model
 * treats samples independently.
 * @throws RangeError where the inputs are no whole number of samples or not finite, or an option is out of range
 * @throws TypeError where an argument is of another kind, or an option is unknown; Error where the run that owns the
 *   model has not begun; the signal's reason
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
 * `predict` as a function of the inputs, for repeated calls. Its steps are its own: `release` frees them, and other
 * predictions do not displace them.
 * @throws RangeError where an option is out of range
 * @throws TypeError where `trainer` is no trainer, or an option is unknown
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

/** Runs the code that is loaded with the first prediction. */
async function predicted(
  trainer: Trainer,
  steps: KeptSteps,
  inputs: PredictInputs,
  options: PredictOptions,
): Promise<Prediction> {
  trainer.checkAwaited("predict");
  options.signal?.throwIfAborted();
  // Importing a loaded module still takes as long as a small model.
  work ??= await import("./predicted.ts");
  const { predictedBy } = work;
  return trainer.lasting(() => predictedBy(trainer, steps, inputs, options));
}

/** @throws RangeError or TypeError where an option is out of range or of another kind */
function checked(owner: string, options: PredictOptions): PredictOptions {
  checkOptions(owner, options, {
    batchSize: "number",
    probabilities: "string",
    threshold: "number",
    nonFinite: "string",
    signal: "any",
  });
  checkSignal(owner, options.signal);
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
