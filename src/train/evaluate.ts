/** Evaluation: a model's loss, accuracy and metrics on a data set, counted on the engine. */

import { checkSignal } from "../abort.ts";
import { checkOptions, checkWhole, type OptionKinds } from "../checks.ts";
import { checkData, checkTargets } from "../data/dataset.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { Uncalled } from "../nn/model/factory.ts";
import type { Loss, LossFunction } from "../nn/training/losses.ts";
import type { StepOutputs } from "../nn/training/step.ts";
import { checkMetrics, checkTrainer } from "./arguments.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Mode } from "./monitor.ts";
import { checkSchema } from "./schema.ts";
import type { Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** A batch during the trace of a metric. */
export interface MetricBatch {
  /** The model's outputs, [size, …]. */
  readonly outputs: Tensor;
  /** Class indices [size] where the data set has classes, otherwise numbers [size, …]. */
  readonly targets: Tensor;
  /** Number of classes; undefined where targets are no class indices. */
  readonly classes: number | undefined;
  /** Number of samples in the batch. */
  readonly size: number;
  readonly dataset: Data;
}

/** Sums over all batches, by the names in `trace`; elements in row-major order. */
export type MetricSums = Readonly<Record<string, Float64Array>>;

/**
 * A metric, counted by evaluations on the engine. `wgrad/metrics` has the usual ones; a custom metric is an object like
 * theirs.
 */
export interface Metric<Name extends string = string, Value = unknown> {
  /** Key of the value in `Evaluation.metrics`. */
  readonly name: Name;
  /**
   * Traces tensors whose elements are summed over all batches; called once for each batch size.
   * @throws ShapeError where the metric does not fit outputs and targets
   */
  trace(batch: MetricBatch): StepOutputs;
  /**
   * Whether a larger or smaller value is better, for callbacks, schedules and searches; for a value of several numbers,
   * by the path to each. To monitor a metric without it, give the option `mode`.
   */
  readonly mode?: Mode | Readonly<Record<string, Mode>>;
  /**
   * Computes the value from the sums over `count` samples; `evaluation` holds loss and accuracy.
   * @throws Error where the sums give no value
   */
  finish(sums: MetricSums, count: number, evaluation: Evaluation): Value;
}

/** Values of metrics, by name. */
export type MetricValues<M extends readonly Metric[]> = {
  readonly [K in M[number] as K["name"]]: ReturnType<K["finish"]>;
};

export interface Evaluation {
  /** Mean over all samples; infinite where a sample's loss exceeds 32-bit floats. */
  readonly loss: number;
  /** Fraction of samples whose largest output is at the label; present where targets are classes. */
  readonly accuracy?: number;
  /**
   * Confusion matrix: rows are true classes, columns are the model's outputs. Present where targets are classes, for
   * more than 100 classes on request.
   */
  readonly confusion?: readonly (readonly number[])[];
  /** Values of the metrics, by name; present where some were asked for. */
  readonly metrics?: Readonly<Record<string, unknown>>;
}

/** An evaluation with the values of the given metrics, each in its own type. */
export type EvaluationOf<M extends readonly Metric[]> = Omit<Evaluation, "metrics"> & {
  readonly metrics: MetricValues<M>;
};

export interface EvaluateOptions {
  /**
   * The loss (default, where the data has classes: softmax cross-entropy). A function of outputs and targets is a
   * custom loss.
   */
  readonly loss?: Loss | LossFunction | Uncalled<Loss>;
  /**
   * Number of samples in a step (default 1000, or as many as the device can hold); all samples are counted, whatever
   * the size.
   */
  readonly batchSize?: number;
  /** Limit in bytes of the data set's memory on the engine; a larger data set is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** Additional metrics, with distinct names. */
  readonly metrics?: readonly Metric[];
  /** Whether to count the confusion matrix (default: up to 100 classes). */
  readonly confusion?: boolean;
  /** Aborts the evaluation between two steps; the signal's reason is the error. */
  readonly signal?: AbortSignal;
}

const EVALUATE_OPTIONS: OptionKinds<EvaluateOptions> = {
  loss: "any",
  batchSize: "number",
  dataMemory: "number",
  metrics: "array",
  confusion: "boolean",
  signal: "any",
};

/**
 * Evaluates a model on all samples of a data set: loss, accuracy, confusion matrix, and `metrics`.
 * @throws DivergenceError where an output of the model is NaN
 * @throws MemoryLimitError where `batchSize` is too large for the device
 * @throws RangeError where an option is out of range, or the data set was read otherwise than the training set
 * @throws TypeError where an argument is of another kind, an option is unknown, or the loss is missing and the data has
 *   no classes; the signal's reason where the signal aborts
 */
export async function evaluate<const M extends readonly Metric[]>(
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions & { readonly metrics: M },
): Promise<EvaluationOf<M>>;
export async function evaluate(
  trainer: Trainer,
  dataset: Data,
  options?: EvaluateOptions,
): Promise<Evaluation>;
export async function evaluate(
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkTrainer("evaluate", trainer);
  trainer.checkAwaited("evaluate");
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  checkEvaluated("evaluate", trainer, dataset, options);
  options.signal?.throwIfAborted();
  return trainer.lasting(async () => {
    const evaluator = await compileEvaluator("evaluate", trainer, dataset, options);
    try {
      return await evaluator.run();
    } finally {
      evaluator.release();
    }
  });
}

/** @throws TypeError or RangeError where the data or options do not fit the trainer's model */
export function checkEvaluated(
  owner: string,
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions,
): void {
  checkData(owner, "the data", dataset);
  checkTargets(owner, dataset);
  checkSchema(owner, dataset, trainer.schema);
  if (options.batchSize !== undefined) checkWhole(`${owner}: batchSize`, options.batchSize);
  checkSignal(owner, options.signal);
  checkMetrics(owner, options.metrics ?? []);
  checkConfusion(owner, options.confusion, dataset);
}

/**
 * Compiles an evaluation, with code that is loaded on the first use.
 * @throws as {@link evaluate}
 */
export async function compileEvaluator(
  owner: string,
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions,
): Promise<Evaluator> {
  const { Evaluator } = await import("./evaluator.ts");
  return Evaluator.compile(owner, trainer, dataset, options);
}

/** @throws TypeError where a confusion matrix is asked for data without classes */
export function checkConfusion(owner: string, confusion: boolean | undefined, { name, classes }: Data): void {
  if (confusion && classes === undefined) {
    throw new TypeError(`${owner}: confusion is true, and ${name} has no classes; leave it out`);
  }
}

/** An evaluation without the confusion matrix, which may be large. */
export function withoutConfusion({ confusion: _, ...others }: Evaluation): Evaluation {
  return others;
}
