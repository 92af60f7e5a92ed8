/**
 * Cross-validation: pairs of training and validation sets as lists of indices for `subset`. Without shuffling, the
 * folds equal those of scikit-learn's `KFold`, `StratifiedKFold` and `TimeSeriesSplit`.
 */
import { checkOptions, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import { epochOrder } from "../random.ts";
import { checkClassCounts, samplesByClass } from "./classes.ts";
import { checkDataset, type InputSet } from "./dataset.ts";

/** Indices of samples, ascending: `fit` on `subset(set, fold.train)`, `evaluate` on `subset(set, fold.validation)`. */
export interface Fold {
  readonly train: Uint32Array<ArrayBuffer>;
  readonly validation: Uint32Array<ArrayBuffer>;
}

export interface FoldOptions {
  /** Seed of the shuffle (default 0). */
  readonly seed?: number;
  /** Whether samples are shuffled before they are dealt to folds (default true). */
  readonly shuffle?: boolean;
}

export interface TimeSeriesOptions {
  /** Samples in each validation set (default: count / (k + 1), rounded down). */
  readonly testSize?: number;
  /** Samples left out between training and validation (default 0). */
  readonly gap?: number;
  /** Largest size of a training set, which then keeps the latest samples (default: no limit). */
  readonly maxTrainSize?: number;
}

const FOLD_OPTIONS: OptionKinds<FoldOptions> = { seed: "number", shuffle: "boolean" };

function countOf(operation: string, source: InputSet | number): { name: string; count: number } {
  if (typeof source !== "number") {
    checkDataset(operation, source);
    return source;
  }
  if (!Number.isSafeInteger(source) || source < 1) {
    throw new RangeError(`${operation}: the count is ${source}; give a data set, or a whole number from 1`);
  }
  return { name: "the data", count: source };
}

function checkFolds(operation: string, k: number, { name, count }: { name: string; count: number }): void {
  if (!Number.isInteger(k) || k < 2) {
    throw new RangeError(`${operation}: k is ${inWords(k)}; give a whole number of folds, from 2`);
  }
  if (k > count) {
    throw new RangeError(
      `${operation}: ${k} folds of ${count} samples: ${name} has fewer samples than folds; give k of at most ${count}`,
    );
  }
}

/** The folds, where `foldOf` gives the fold in which each sample validates. */
function foldsOf(foldOf: Uint32Array, k: number): Fold[] {
  return Array.from({ length: k }, (_, fold) => {
    const train: number[] = [];
    const validation: number[] = [];
    foldOf.forEach((own, index) => {
      (own === fold ? validation : train).push(index);
    });
    return { train: Uint32Array.from(train), validation: Uint32Array.from(validation) };
  });
}

/**
 * k folds. Each sample is in one validation set, and in the training sets of all other folds. Sizes differ by at most
 * one; the first folds are the larger ones. The result is a pure function of the arguments.
 * @param source a data set, or the number of samples
 * @throws RangeError where k is no whole number from 2 to the number of samples
 * @throws TypeError where `source` is no data set in memory, or an option is unknown
 */
export function kFold(source: InputSet | number, k: number, options: FoldOptions = {}): Fold[] {
  checkOptions("kFold", options, FOLD_OPTIONS);
  const { seed = 0, shuffle = true } = options;
  const data = countOf("kFold", source);
  checkFolds("kFold", k, data);
  const { count } = data;
  const size = Math.floor(count / k);
  const larger = count % k;
  const foldOf = new Uint32Array(count);
  epochOrder(count, seed, 0, shuffle).forEach((index, i) => {
    const inLarger = i < larger * (size + 1);
    foldOf[index] = inLarger
      ? Math.floor(i / (size + 1))
      : larger + Math.floor((i - larger * (size + 1)) / size);
  });
  return foldsOf(foldOf, k);
}

/**
 * k folds that keep the proportions of classes: the folds' numbers of samples differ by at most one, in each class and
 * in all. The result is a pure function of the arguments.
 * @throws RangeError where k is no whole number from 2 to the number of samples, or a class has fewer samples than
 *   there are folds
 * @throws TypeError where `source` has no classes, or an option is unknown
 */
export function stratifiedKFold(source: InputSet, k: number, options: FoldOptions = {}): Fold[] {
  checkDataset("stratifiedKFold", source);
  checkOptions("stratifiedKFold", options, FOLD_OPTIONS);
  const { seed = 0, shuffle = true } = options;
  checkFolds("stratifiedKFold", k, source);
  const byClass = samplesByClass("stratifiedKFold", source, epochOrder(source.count, seed, 0, shuffle));
  checkClassCounts("stratifiedKFold", source, byClass, k, "folds");
  const foldOf = new Uint32Array(source.count);
  // Dealing all samples out in turn, class after class, fixes each fold's number of each class …
  let dealt = 0;
  for (const samples of byClass.values()) {
    const sizes = new Uint32Array(k);
    for (let i = 0; i < samples.length; i++) sizes[dealt++ % k]++;
    // … and the folds then take samples of the class in their order.
    let next = 0;
    sizes.forEach((size, fold) => {
      for (const end = next + size; next < end; next++) foldOf[samples[next]] = fold;
    });
  }
  return foldsOf(foldOf, k);
}

/**
 * k folds of samples in order of time. Each validation set follows its training set and the validation set before; the
 * last one ends with the data.
 * @param source a data set, or the number of samples
 * @throws RangeError where an option is no whole number in its range, or there are too few samples for k folds
 * @throws TypeError where `source` is no data set in memory, or an option is unknown
 */
export function timeSeriesSplit(
  source: InputSet | number,
  k: number,
  options: TimeSeriesOptions = {},
): Fold[] {
  const data = countOf("timeSeriesSplit", source);
  checkOptions("timeSeriesSplit", options, { testSize: "number", gap: "number", maxTrainSize: "number" });
  const { count, name } = data;
  checkFolds("timeSeriesSplit", k, data);
  const { testSize = Math.floor(count / (k + 1)), gap = 0, maxTrainSize = count } = options;
  for (const [option, value, least] of [
    ["testSize", testSize, options.testSize === undefined ? 0 : 1],
    ["gap", gap, 0],
    ["maxTrainSize", maxTrainSize, 1],
  ] as const) {
    checkWhole(`timeSeriesSplit: ${option}`, value, least);
  }
  const before = count - k * testSize - gap;
  if (testSize < 1 || before < 1) {
    throw new RangeError(
      `timeSeriesSplit: ${name} has ${count} samples, too few for ${k} folds that validate on ${Math.max(testSize, 1)} each ` +
        `behind a gap of ${gap} and train on one or more; use fewer folds, or a smaller testSize or gap`,
    );
  }
  return Array.from({ length: k }, (_, fold) => {
    const start = count - (k - fold) * testSize;
    return {
      train: range(Math.max(0, start - gap - maxTrainSize), start - gap),
      validation: range(start, start + testSize),
    };
  });
}

function range(start: number, end: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: end - start }, (_, i) => start + i);
}
