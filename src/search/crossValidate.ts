/** Cross-validation: a model's results on samples that it was not trained on, for each fold. */
import { checkDataset, type Dataset } from "../data/dataset.ts";
import type { Model } from "../nn/model/model.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "../train/arguments.ts";
import type { Evaluation } from "../train/evaluate.ts";
import { type OwnOptions, type TrialOptions, withKinds } from "./fitOptions.ts";
import { alignedTable, meanAndDeviation } from "./table.ts";
import { type FoldsOptions, foldsOf, splitsOf, type TrainedResult, trained } from "./trial.ts";

export interface CrossValidateOptions extends Omit<TrialOptions, "seed">, FoldsOptions {
  /** Called after each fold. */
  readonly onFold?: (result: FoldResult) => void;
}

const OWN_OPTIONS: OwnOptions<CrossValidateOptions> = {
  folds: "any",
  stratified: "boolean",
  onFold: "function",
};

export interface FoldResult extends TrainedResult {
  /** Number of the fold, from 0. */
  readonly fold: number;
  /** Numbers of samples for training and for validation. */
  readonly samples: { readonly train: number; readonly validation: number };
}

/** Numbers of an evaluation by name: loss, accuracy, and numeric metrics. */
export type Figures = Readonly<Record<string, number>>;

export interface CrossValidation {
  readonly folds: readonly FoldResult[];
  /** Means over the folds' evaluations. */
  readonly mean: Figures;
  /** Standard deviations over the folds, divided by n. */
  readonly std: Figures;
  /** A line for each fold, then the mean and the deviation, as aligned text. */
  table(): string;
}

/**
 * Trains `model` once for each fold, always from the same start, and evaluates it on the samples left out. All other
 * options are those of `fit`, equal for each fold.
 * @throws RangeError and TypeError as `kFold` and `fit`; DivergenceError where a loss is not finite
 */
export async function crossValidate(
  engine: Engine,
  model: Model,
  data: Dataset,
  options: CrossValidateOptions,
): Promise<CrossValidation> {
  checkEngine("crossValidate", engine);
  checkDataset("crossValidate", data);
  const { folds: given, stratified, onFold, ...fitting } = withKinds("crossValidate", options, OWN_OPTIONS);
  const splits = splitsOf(
    data,
    foldsOf("crossValidate", data, { folds: given, stratified, seed: fitting.seed }),
  );
  const folds: FoldResult[] = [];
  for (const [fold, split] of splits.entries()) {
    const { train, validation } = split();
    const { train: last, evaluations } = await trained(engine, model, train, [validation], fitting);
    const samples = { train: train.count, validation: validation.count };
    const result: FoldResult = { fold, samples, train: last, validation: evaluations[0] };
    folds.push(result);
    onFold?.(result);
  }
  const figures = folds.map(({ validation }) => figuresOf(validation));
  const names = Object.keys(figures[0]).filter((name) => figures.every((one) => name in one));
  const over = (of: "mean" | "std"): Figures =>
    Object.fromEntries(names.map((name) => [name, meanAndDeviation(figures.map((one) => one[name]))[of]]));
  const [mean, std] = [over("mean"), over("std")];
  return { folds, mean, std, table: () => table(folds, figures, names, mean, std) };
}

/** The numbers of an evaluation. */
export function figuresOf({ loss, accuracy, metrics = {} }: Evaluation): Figures {
  const all = Object.entries({ loss, accuracy, ...metrics });
  return Object.fromEntries(all.filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}

function table(
  folds: readonly FoldResult[],
  figures: readonly Figures[],
  names: readonly string[],
  mean: Figures,
  std: Figures,
): string {
  const rows = folds.map(({ fold, samples, train }, i) => [
    String(fold),
    samples.train,
    samples.validation,
    train.loss,
    ...names.map((name) => figures[i][name]),
  ]);
  const summary = (label: string, of: Figures) => [
    label,
    undefined,
    undefined,
    undefined,
    ...names.map((name) => of[name]),
  ];
  return alignedTable(
    ["fold", "trained on", "validated on", "training loss", ...names],
    [...rows, summary("mean", mean), summary("std", std)],
  );
}
