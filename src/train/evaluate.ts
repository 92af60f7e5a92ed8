/** Evaluation: a model's loss and hits on a data set, counted on the engine. */

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

/** What a metric sees of a batch while a step is traced. */
export interface MetricBatch {
  /** The model's outputs, [size, …]. */
  readonly outputs: Tensor;
  /** [size] class indices where the data set has classes, else [size, …] numbers. */
  readonly targets: Tensor;
  /** How many classes the data set has; undefined where its targets are no class indices. */
  readonly classes: number | undefined;
  /** Samples in this batch. */
  readonly size: number;
  readonly dataset: Data;
}

/** Sums over all batches, by the names that `trace` gave them; elements in row-major order. */
export type MetricSums = Readonly<Record<string, Float64Array>>;

/**
 * Something that an evaluation counts on the engine. `wgrad/metrics` has the usual ones; one of your own is an object
 * like theirs.
 */
export interface Metric<Name extends string = string, Value = unknown> {
  /** The key of its value in `Evaluation.metrics`. */
  readonly name: Name;
  /** Tensors whose elements are to be added up over all batches; called once for each size of batch. */
  trace(batch: MetricBatch): StepOutputs;
  /**
   * Which way its value is better, for those who go by it: callbacks, schedules and searches. Where the value holds several
   * numbers, that of each, by the path to it. Who monitors what has none must give `mode`.
   */
  readonly mode?: Mode | Readonly<Record<string, Mode>>;
  /** The value, from those sums over `count` samples; `evaluation` is what is always counted. */
  finish(sums: MetricSums, count: number, evaluation: Evaluation): Value;
}

/** What metrics give, by their names. */
export type MetricValues<M extends readonly Metric[]> = {
  readonly [K in M[number] as K["name"]]: ReturnType<K["finish"]>;
};

export interface Evaluation {
  /** Mean over all samples. Infinite where that of a sample is, as of a square that no 32-bit number can hold. */
  readonly loss: number;
  /** The part of samples whose largest output is at the label; present when the targets are classes. */
  readonly accuracy?: number;
  /**
   * Rows are true classes, columns predicted ones, all outputs of the model; present when the targets are classes, of more
   * than 100 where it was asked for.
   */
  readonly confusion?: readonly (readonly number[])[];
  /** The values of `metrics`, by name; present when some were asked for. */
  readonly metrics?: Readonly<Record<string, unknown>>;
}

/** An evaluation with the metrics that were asked for, each as its own type. */
export type EvaluationOf<M extends readonly Metric[]> = Omit<Evaluation, "metrics"> & {
  readonly metrics: MetricValues<M>;
};

export interface EvaluateOptions {
  /** Default, where the data has classes: softmax cross-entropy. A function of outputs and targets is a loss of your own. */
  readonly loss?: Loss | LossFunction | Uncalled<Loss>;
  /** Samples a step (default 1000, or as many as the device can hold); all are counted, whatever the size. */
  readonly batchSize?: number;
  /** Bytes of the engine's memory that the data set may take; a larger one is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** What else to count; each has a name of its own. */
  readonly metrics?: readonly Metric[];
  /** Whether the confusion matrix is counted (default: up to 100 classes). */
  readonly confusion?: boolean;
}

const EVALUATE_OPTIONS: OptionKinds<EvaluateOptions> = {
  loss: "any",
  batchSize: "number",
  dataMemory: "number",
  metrics: "array",
  confusion: "boolean",
};

/**
 * The model's loss, accuracy and confusion matrix on all samples of a data set, and what `metrics` count.
 * @throws DivergenceError where outputs of the model are NaN; TypeError where the loss is not given and the data has no
 *   classes; MemoryLimitError for a `batchSize` that is too large for the device
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
  const evaluator = await compileEvaluator("evaluate", trainer, dataset, options);
  try {
    return await evaluator.run();
  } finally {
    evaluator.release();
  }
}

/** @throws TypeError | RangeError for data, or options, that a trainer's model cannot be measured by */
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
  checkMetrics(owner, options.metrics ?? []);
  checkConfusion(owner, options.confusion, dataset);
}

/** Compiles an evaluation, by what is loaded where one is asked for. @throws as {@link evaluate} does */
export async function compileEvaluator(
  owner: string,
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions,
): Promise<Evaluator> {
  const { Evaluator } = await import("./evaluator.ts");
  return Evaluator.compile(owner, trainer, dataset, options);
}

/** @throws TypeError where a confusion matrix is asked for, of data that has no classes */
export function checkConfusion(owner: string, confusion: boolean | undefined, { name, classes }: Data): void {
  if (confusion && classes === undefined) {
    throw new TypeError(`${owner}: confusion is true, and ${name} has no classes; leave it out`);
  }
}

/** An evaluation without the matrix, which may be larger than all else together. */
export function withoutConfusion({ confusion: _, ...others }: Evaluation): Evaluation {
  return others;
}
