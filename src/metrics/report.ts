/** Precision, recall and F1 from a confusion matrix, by scikit-learn's definitions, with 0 for 0 / 0. */
import { inWords } from "../checks.ts";
import { table } from "../text.ts";

export interface Scores {
  /** Fraction of the samples predicted as the class that belong to it. */
  readonly precision: number;
  /** Fraction of the samples of the class that were predicted as the class. */
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
}

export interface ClassScores extends Scores {
  /** Number of samples of the class. */
  readonly support: number;
}

export interface ClassReport {
  readonly perClass: readonly ClassScores[];
  /** Fraction of samples predicted correctly. */
  readonly accuracy: number;
  /** Mean over the classes that occur among labels or predictions. */
  readonly macro: Scores;
  /** Mean over classes, weighted by their numbers of samples. */
  readonly weighted: Scores;
  /** Of all decisions together; where each sample gets one class, all three scores equal the accuracy. */
  readonly micro: Scores;
  /**
   * The report as aligned text.
   * @param names names of the classes (default: their numbers)
   * @throws RangeError where `names` has another length than the classes
   */
  table(names?: readonly string[]): string;
}

/** Average of a report: a mean over classes, or class 1 alone where there are two. */
export type Average = "macro" | "weighted" | "micro" | "binary";

/**
 * Precision, recall and F1 of each class and on average, from `confusion[true class][predicted class]`. Extra columns
 * count predictions that no sample belongs to.
 * @throws RangeError where rows differ in length, columns are fewer than rows, or an entry is no count
 * @throws TypeError where `confusion` is no array of rows
 */
export function classReport(confusion: readonly (readonly number[])[]): ClassReport {
  if (!Array.isArray(confusion) || !confusion.every(Array.isArray)) {
    throw new TypeError(
      `classReport: the confusion matrix is ${inWords(confusion)}; give an array of rows, as evaluate counts them`,
    );
  }
  const columns = checkConfusion(confusion);
  const each = Array.from({ length: columns }, (_, c) => c);
  return countedReport(
    each.map((c) => confusion[c]?.[c] ?? 0),
    each.map((c) => confusion.reduce((sum, row) => sum + row[c], 0)),
    each.map((c) => (confusion[c] ?? []).reduce((sum, count) => sum + count, 0)),
  );
}

/** The report from counts of each class: its hits, its predictions and its samples. */
export function countedReport(
  hits: ArrayLike<number>,
  predicted: ArrayLike<number>,
  support: ArrayLike<number>,
): ClassReport {
  const perClass = Array.from(
    support,
    (samples, c): ClassScores => ({ ...scores(hits[c], predicted[c], samples), support: samples }),
  );
  const [total, right] = [support, hits].map((counts) =>
    Array.from(counts).reduce((sum, count) => sum + count, 0),
  );
  const report = {
    perClass,
    accuracy: ratio(right, total),
    macro: average(perClass, (c) => Number(support[c] > 0 || predicted[c] > 0)),
    weighted: average(perClass, (c) => support[c]),
    micro: scores(right, total, total),
  };
  return { ...report, table: (names) => reportTable(report, total, names) };
}

function checkConfusion(confusion: readonly (readonly number[])[]): number {
  const columns = confusion[0]?.length ?? 0;
  if (columns === 0 || columns < confusion.length || confusion.some((row) => row.length !== columns)) {
    throw new RangeError(
      `classReport: the confusion matrix has ${confusion.length} rows of ${confusion.map((row) => row.length).join(", ")} columns; expected a row for each class, with as many columns or more`,
    );
  }
  const bad = confusion.flat().find((count) => !(count >= 0 && Number.isFinite(count)));
  if (bad !== undefined) {
    throw new RangeError(`classReport: the confusion matrix holds ${bad}; expected counts of samples`);
  }
  return columns;
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function scores(hits: number, predicted: number, support: number): Scores {
  return {
    precision: ratio(hits, predicted),
    recall: ratio(hits, support),
    f1: ratio(2 * hits, predicted + support),
  };
}

function average(perClass: readonly ClassScores[], weightOf: (c: number) => number): Scores {
  const weights = perClass.map((_, c) => weightOf(c));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (of: keyof Scores) =>
    ratio(
      perClass.reduce((sum, one, c) => sum + one[of] * weights[c], 0),
      total,
    );
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

/** One of a report's averages. */
export function averageOf(report: ClassReport, kind: Average): Scores {
  if (kind !== "binary") return report[kind];
  const { precision, recall, f1 } = report.perClass[1];
  return { precision, recall, f1 };
}

function reportTable(
  { perClass, macro, weighted, micro }: Omit<ClassReport, "table">,
  total: number,
  names: readonly string[] = perClass.map((_, c) => String(c)),
): string {
  if (names.length !== perClass.length) {
    throw new RangeError(
      `classReport: ${names.length} names for ${perClass.length} classes; give one for each`,
    );
  }
  const line = (name: string, { precision, recall, f1 }: Scores, support: number) => [
    name,
    ...[precision, recall, f1].map((value) => value.toFixed(4)),
    String(support),
  ];
  const rows = [
    ["class", "precision", "recall", "F1", "samples"],
    ...perClass.map((one, c) => line(names[c], one, one.support)),
    line("macro", macro, total),
    line("weighted", weighted, total),
    line("micro", micro, total),
  ];
  return table(rows).join("\n");
}
