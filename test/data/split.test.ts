/** Splits and folds: sizes, proportions, that every sample is used once, and what is refused. */
import { describe, expect, it } from "vitest";
import {
  type Dataset,
  dataset,
  kFold,
  split,
  stratifiedKFold,
  timeSeriesSplit,
} from "../../src/data/index.ts";
import { uniforms } from "../../src/random.ts";

/** Samples whose input is their own index, of the classes given. */
function labelled(labels: readonly number[], classes = Math.max(...labels) + 1): Dataset {
  return dataset({
    name: "numbers",
    inputs: { data: Float32Array.from(labels, (_, i) => i), shape: [1] },
    targets: { data: Int32Array.from(labels) },
    classes,
  });
}

const count = (n: number): Dataset => labelled(new Array(n).fill(0));
const indicesOf = (part: Dataset): number[] => [...part.inputs.data];
const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const counts = (labels: ArrayLike<number>, classes: number) =>
  range(classes).map((label) => Array.from(labels).filter((own) => own === label).length);

/** Classes in uneven numbers, mixed. */
function unevenLabels(n: number, classes: number, seed: number): number[] {
  return Array.from(uniforms(n, seed, 0), (u) => Math.floor(classes * u * u));
}

describe("split", () => {
  it.each([
    [10, [0.8, 0.1, 0.1], [8, 1, 1]],
    [11, [0.8, 0.1, 0.1], [9, 1, 1]],
    [30, [0.1, 0.2, 0.7], [3, 6, 21]],
    [7, [0.5, 0.5], [4, 3]],
    [100, [1 / 3, 1 / 3, 1 / 3], [34, 33, 33]],
    [5, [1], [5]],
  ])("of %d by %j has sizes %j and every sample once", (n, ratios, sizes) => {
    const parts = split(count(n), ratios);
    expect(parts.map((part) => part.count)).toEqual(sizes);
    expect(ascending(parts.flatMap(indicesOf))).toEqual(range(n));
  });

  it("is a function of the seed, and mixes unless told not to", () => {
    const set = count(50);
    const of = (options: object) => split(set, [0.6, 0.4], options).map(indicesOf);
    expect(of({ seed: 3 })).toEqual(of({ seed: 3 }));
    expect(of({ seed: 3 })).not.toEqual(of({ seed: 4 }));
    expect(of({})).toEqual(of({ seed: 0 }));
    expect(of({ shuffle: false })).toEqual([range(30), range(50).slice(30)]);
  });

  it("stratified, gives each part the proportions of the whole, in mixed order", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const set = labelled(unevenLabels(200 + 7 * seed, 4, seed), 4);
      const ratios = [0.7, 0.2, 0.1];
      const parts = split(set, ratios, { stratified: true, seed });
      expect(ascending(parts.flatMap(indicesOf))).toEqual(range(set.count));
      const whole = counts(set.targets.data, 4);
      parts.forEach((part, p) => {
        counts(part.targets.data, 4).forEach((own, label) => {
          expect(Math.abs(own - ratios[p] * whole[label])).toBeLessThan(1);
        });
        expect(Math.abs(part.count - ratios[p] * set.count)).toBeLessThan(2);
      });
      // Not one class after the other.
      const labels = [...parts[0].targets.data];
      expect(labels).not.toEqual(ascending(labels));
    }
  });

  it("stratified, does not add up the rounding of many classes", () => {
    const set = labelled(range(130).map((i) => i % 10));
    for (const [ratios, sizes] of [
      [
        [0.5, 0.5],
        [65, 65],
      ],
      [
        [0.25, 0.5, 0.25],
        [33, 65, 32],
      ],
    ]) {
      for (const stratified of [true, false]) {
        expect(split(set, ratios, { stratified }).map((part) => part.count)).toEqual(sizes);
      }
    }
  });

  it("stratified without shuffling, takes each class in order", () => {
    const [first, second] = split(labelled([0, 1, 0, 1, 0, 1, 0, 1]), [0.5, 0.5], {
      stratified: true,
      shuffle: false,
    });
    expect([indicesOf(first), indicesOf(second)]).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    [
      "ratios that sum to less",
      () => split(count(9), [0.5, 0.4]),
      "ratios [0.5, 0.4] sum to 0.9; they must sum to 1",
    ],
    ["no ratios", () => split(count(9), []), "ratios [] sum to 0"],
    ["a ratio of 0", () => split(count(9), [1, 0]), "ratio 1 is 0; give parts of the whole"],
    ["NaN", () => split(count(9), [Number.NaN, 1]), "ratio 0 is NaN"],
    [
      "an empty part",
      () => split(count(9), [0.99, 0.01]),
      "split: numbers: part 1 (ratio 0.01) gets none of 9 samples; give it a larger ratio",
    ],
    [
      "a class with fewer samples than parts",
      () => split(labelled([0, 0, 1, 0, 2, 2]), [0.5, 0.5], { stratified: true }),
      "split: numbers: class 1 has 1, fewer samples than the 2 parts",
    ],
    [
      "no classes to stratify by",
      () =>
        split(
          dataset({ inputs: { data: new Float32Array(4) }, targets: { data: new Float32Array(4) } }),
          [0.5, 0.5],
          {
            stratified: true,
          },
        ),
      "split: dataset has no classes",
    ],
    ["a seed that is none", () => split(count(9), [0.5, 0.5], { seed: -1 }), "seed is -1"],
  ])("refuses %s", (_what, splitting, message) => {
    expect(splitting).toThrow(message);
  });
});

describe("kFold", () => {
  it("is scikit-learn's without shuffling", () => {
    // KFold(3).split(range(7)), by its documentation: the first n % k folds have one sample more.
    const folds = kFold(7, 3, { shuffle: false });
    expect(folds.map(({ validation }) => [...validation])).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(folds.map(({ train }) => [...train])).toEqual([
      [3, 4, 5, 6],
      [0, 1, 2, 5, 6],
      [0, 1, 2, 3, 4],
    ]);
  });

  it.each([
    [2, 2],
    [10, 10],
    [23, 5],
    [100, 7],
  ])("of %d in %d, validates each sample once, in folds of like size, by seed", (n, k) => {
    const folds = kFold(count(n), k, { seed: 5 });
    expect(folds).toHaveLength(k);
    expect(ascending(folds.flatMap(({ validation }) => [...validation]))).toEqual(range(n));
    for (const { train, validation } of folds) {
      expect(ascending([...train, ...validation])).toEqual(range(n));
      expect([...validation]).toEqual(ascending([...validation]));
      expect([Math.floor(n / k), Math.ceil(n / k)]).toContain(validation.length);
    }
    expect(kFold(n, k, { seed: 5 })).toEqual(folds);
    if (n > 10) expect(kFold(n, k, { seed: 6 })).not.toEqual(folds);
  });

  it.each<[string, () => unknown, string]>([
    [
      "more folds than samples",
      () => kFold(count(3), 4),
      "kFold: 4 folds of 3 samples: numbers has fewer samples than folds; give k of at most 3",
    ],
    ["one fold", () => kFold(10, 1), "kFold: k is 1; give a whole number of folds, from 2"],
    ["half a fold", () => kFold(10, 2.5), "k is 2.5"],
    ["no samples", () => kFold(0, 2), "kFold: the count is 0"],
  ])("refuses %s", (_what, folding, message) => {
    expect(folding).toThrow(message);
  });
});

describe("stratifiedKFold", () => {
  it("is scikit-learn's without shuffling", () => {
    // By its algorithm: the labels, sorted by first appearance [1×5, 0×4], are dealt to the folds in turn.
    const folds = stratifiedKFold(labelled([1, 1, 0, 1, 0, 0, 1, 1, 0]), 3, { shuffle: false });
    expect(folds.map(({ validation }) => [...validation])).toEqual([
      [0, 1, 2],
      [3, 4, 6],
      [5, 7, 8],
    ]);
  });

  it("keeps the proportions of classes within one sample, and sizes, too", () => {
    for (const k of [2, 3, 5, 8]) {
      const set = labelled(unevenLabels(331, 5, k), 5);
      const folds = stratifiedKFold(set, k, { seed: 9 });
      expect(ascending(folds.flatMap(({ validation }) => [...validation]))).toEqual(range(331));
      const whole = counts(set.targets.data, 5);
      for (const { train, validation } of folds) {
        expect(ascending([...train, ...validation])).toEqual(range(331));
        expect([Math.floor(331 / k), Math.ceil(331 / k)]).toContain(validation.length);
        const own = counts(
          validation.map((index) => set.targets.data[index]),
          5,
        );
        own.forEach((n, label) => {
          expect([Math.floor(whole[label] / k), Math.ceil(whole[label] / k)]).toContain(n);
        });
      }
      expect(stratifiedKFold(set, k, { seed: 9 })).toEqual(folds);
      expect(stratifiedKFold(set, k, { seed: 10 })).not.toEqual(folds);
    }
  });

  it.each<[string, () => unknown, string]>([
    [
      "classes with fewer samples than folds, by name and number",
      () => stratifiedKFold(labelled([3, 0, 0, 0, 1, 1, 3, 0]), 3),
      "stratifiedKFold: numbers: class 1 has 2, class 3 has 2, fewer samples than the 3 folds; use at most 2",
    ],
    [
      "no classes",
      () =>
        stratifiedKFold(
          dataset({ inputs: { data: new Float32Array(4) }, targets: { data: new Float32Array(4) } }),
          2,
        ),
      "stratifiedKFold: dataset has no classes; give dataset() `classes`",
    ],
    ["more folds than samples", () => stratifiedKFold(count(2), 3), "fewer samples than folds"],
  ])("refuses %s", (_what, folding, message) => {
    expect(folding).toThrow(message);
  });
});

describe("timeSeriesSplit", () => {
  const shown = (folds: ReturnType<typeof timeSeriesSplit>) =>
    folds.map(({ train, validation }) => [[...train], [...validation]]);

  it("is scikit-learn's, by the examples of its documentation", () => {
    // TimeSeriesSplit().split(range(6)), TimeSeriesSplit(n_splits=3, test_size=2).split(range(12)), and with gap=2.
    expect(shown(timeSeriesSplit(6, 5))).toEqual(range(5).map((i) => [range(i + 1), [i + 1]]));
    expect(shown(timeSeriesSplit(12, 3, { testSize: 2 }))).toEqual([
      [range(6), [6, 7]],
      [range(8), [8, 9]],
      [range(10), [10, 11]],
    ]);
    expect(shown(timeSeriesSplit(count(12), 3, { testSize: 2, gap: 2 }))).toEqual([
      [range(4), [6, 7]],
      [range(6), [8, 9]],
      [range(8), [10, 11]],
    ]);
  });

  it("gives what is left over to the first training set, and bounds training sets", () => {
    expect(shown(timeSeriesSplit(11, 3, { maxTrainSize: 3 }))).toEqual([
      [
        [2, 3, 4],
        [5, 6],
      ],
      [
        [4, 5, 6],
        [7, 8],
      ],
      [
        [6, 7, 8],
        [9, 10],
      ],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ["more folds than samples", () => timeSeriesSplit(3, 4), "timeSeriesSplit: 4 folds of 3 samples"],
    [
      "no sample left to validate on",
      () => timeSeriesSplit(4, 4),
      "the data has 4 samples, too few for 4 folds",
    ],
    [
      "no sample left to train on",
      () => timeSeriesSplit(10, 3, { testSize: 3, gap: 1 }),
      "too few for 3 folds that validate on 3 each behind a gap of 1",
    ],
    [
      "a testSize of 0",
      () => timeSeriesSplit(10, 3, { testSize: 0 }),
      "testSize is 0; give a whole number from 1",
    ],
    ["a gap below 0", () => timeSeriesSplit(10, 3, { gap: -1 }), "gap is -1; give a whole number from 0"],
    ["half a sample", () => timeSeriesSplit(10, 3, { maxTrainSize: 0.5 }), "maxTrainSize is 0.5"],
  ])("refuses %s", (_what, folding, message) => {
    expect(folding).toThrow(message);
  });
});
