/** One training with its results, shared by all searches. */

import { type Dataset, subset } from "../data/dataset.ts";
import { type Fold, kFold, stratifiedKFold } from "../data/folds.ts";
import type { Model } from "../nn/model/model.ts";
import type { Engine } from "../runtime/engine.ts";
import { DivergenceError } from "../train/divergence.ts";
import { type EvaluateOptions, type Evaluation, evaluate } from "../train/evaluate.ts";
import { type FitOptions, fit } from "../train/fit.ts";
import type { Data } from "../train/source.ts";
import type { Trainer } from "../train/trainer.ts";

export interface TrainedResult {
  /** Of the last epoch, measured during training. */
  readonly train: { readonly loss: number; readonly accuracy?: number };
  /** Evaluation of the trained model. */
  readonly validation: Evaluation;
}

/**
 * Trains a model from the start on `data`, evaluates it on `others`, and frees all memory.
 * @throws DivergenceError where the loss is not finite
 */
export async function trained(
  engine: Engine,
  model: Model,
  data: Data,
  others: readonly Data[],
  options: FitOptions,
): Promise<{ train: TrainedResult["train"]; evaluations: Evaluation[] }> {
  const {
    schedule,
    callbacks = [],
    loss,
    metrics,
    dataMemory,
    confusion,
    validationBatchSize,
    signal,
  } = options;
  const evaluating = { loss, metrics, dataMemory, confusion, batchSize: validationBatchSize, signal };
  // Only schedules and callbacks use evaluations between epochs.
  const watches = schedule !== undefined || callbacks.length > 0;
  const run = fit(engine, model, data, { ...options, validation: watches ? others[0] : undefined });
  try {
    let train: TrainedResult["train"] = { loss: Number.NaN };
    for await (const { loss, accuracy } of run)
      train = accuracy === undefined ? { loss } : { loss, accuracy };
    const evaluations: Evaluation[] = [];
    for (const other of others) {
      evaluations.push(await evaluate(run.trainer, other, evaluating));
      checkLoss(evaluations[evaluations.length - 1].loss);
    }
    return { train, evaluations };
  } catch (error) {
    if (error instanceof DivergenceError || signal?.aborted) throw error;
    // Metrics refuse a diverged model's outputs, each in its own words; the loss reports the divergence.
    if (metrics?.length) checkLoss(await lossOf(run.trainer, others[0], evaluating));
    throw error;
  } finally {
    run.trainer.release();
  }
}

function checkLoss(loss: number): void {
  if (!Number.isFinite(loss)) throw new DivergenceError(`the loss of the trained model is ${loss}`);
}

/** The loss without metrics; 0 where another error prevents it. */
async function lossOf(trainer: Trainer, data: Data, evaluating: EvaluateOptions): Promise<number> {
  try {
    return (await evaluate(trainer, data, { ...evaluating, metrics: [] })).loss;
  } catch {
    return 0;
  }
}

/** Division of a data set for validation. */
export interface FoldsOptions {
  /** Number of folds, or the folds themselves: from `kFold`, `stratifiedKFold`, `timeSeriesSplit`, or your own. */
  readonly folds: number | readonly Fold[];
  /** Whether folds given by number keep the proportions of classes (default false). */
  readonly stratified?: boolean;
  /** Seed of folds given by number, and of each training (default 0). */
  readonly seed?: number;
}

/** @throws RangeError or TypeError where a fold is empty, or the options describe no folds */
export function foldsOf(
  what: string,
  data: Data,
  { folds, stratified, seed }: FoldsOptions,
): readonly Fold[] {
  if ("open" in data) {
    throw new TypeError(`${what}: ${data.name} is a stream, which has no folds; give validation data`);
  }
  if (typeof folds === "number") return (stratified ? stratifiedKFold : kFold)(data, folds, { seed });
  if (!Array.isArray(folds) || folds.length === 0) {
    throw new TypeError(
      `${what}: folds is ${JSON.stringify(folds)}; give their number, or a list from kFold(…)`,
    );
  }
  if (stratified) {
    throw new TypeError(`${what}: stratified applies to a number of folds; these folds are given`);
  }
  folds.forEach(({ train, validation }: Fold, i) => {
    if (!(train?.length > 0 && validation?.length > 0)) {
      throw new RangeError(`${what}: fold ${i} has no samples to train or to validate on; give some of each`);
    }
  });
  return folds;
}

/** A training and a validation set, made when needed. */
export type Split = () => { readonly train: Data; readonly validation: Data };

export function splitsOf(data: Dataset, folds: readonly Fold[]): Split[] {
  return folds.map(({ train, validation }) => () => ({
    train: subset(data, train),
    validation: subset(data, validation),
  }));
}
