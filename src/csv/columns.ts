/** Columns on the way to a data set: missing values filled, categories one-hot, columns side by side. */
import type { ColumnSchema } from "../data/schema.ts";
import { quoted } from "./words.ts";

/** Names of the categorical columns, or with each name its categories, which fixes their order for another file. */
export type Categorical = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** Replacement of missing values: the mean or median of a numeric column, or the most frequent value. */
export type FillRule = "mean" | "median" | "mostFrequent";
/** For all numeric columns ("mostFrequent" for categories, too), or by column name. */
export type Fill = FillRule | number | Readonly<Record<string, FillRule | number | string>>;

const WAYS: readonly unknown[] = ["mean", "median", "mostFrequent"] satisfies FillRule[];

/** A column as numbers: `width` numbers in each row. */
export interface Encoded {
  readonly data: Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  readonly width: number;
}

/**
 * Memory limit of a data set in bytes; below, the bytes of a number while the set is made: in 64 bits, in 32 bits and
 * as it was read.
 */
const MOST_BYTES = 2 ** 31;
const BYTES_EACH = 8 + 4 + 1;

/** The rule of a column, which may be called as a method of each object is. */
function ruleOf(column: string, fill: Fill | undefined): FillRule | number | string | undefined {
  if (typeof fill !== "object") return fill;
  return Object.hasOwn(fill, column) ? fill[column] : undefined;
}

/**
 * The replacement of missing values in a column, where the options give it as a value.
 * @returns undefined where the replacement is to be measured, or none was asked for
 * @throws RangeError where the option does not fit the column
 */
export function fillOf(
  owner: string,
  column: string,
  fill: Fill | undefined,
  categories: readonly string[] | undefined,
): number | string | undefined {
  const way = ruleOf(column, fill);
  if (way === undefined || way === "mostFrequent") return undefined;
  const what = `${owner}: fill of column ${quoted(column)}`;
  if (!categories) {
    if (WAYS.includes(way)) return undefined;
    if (typeof way === "number" && Number.isFinite(Math.fround(way))) return way;
    throw new RangeError(
      `${what} is ${typeof way === "string" ? quoted(way) : way}; give "mean", "median", "mostFrequent" or a number`,
    );
  }
  // A replacement for all columns means the numeric ones.
  if (typeof fill !== "object") return undefined;
  if (categories.includes(String(way))) return String(way);
  throw new RangeError(
    `${what} is ${quoted(String(way))}, which is none of the column's categories; give one of them, or "mostFrequent"`,
  );
}

/** The measurement that gives a column's replacement, if any. */
export function wayOf(column: ColumnSchema, fill: Fill | undefined): FillRule | undefined {
  if (column.fill !== undefined) return undefined;
  const way = ruleOf(column.name, fill);
  if (column.categories && way !== "mostFrequent") return undefined;
  return WAYS.includes(way) ? (way as FillRule) : undefined;
}

/** Measures the replacement on the values that are present. */
export function filled(way: FillRule, values: ArrayLike<number> | ArrayLike<string>): number | string {
  if (way === "mostFrequent") {
    const counts = new Map<number | string, number>();
    for (const value of Array.from<number | string>(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
    let most = 0;
    for (const count of counts.values()) most = Math.max(most, count);
    // Of equally frequent values the first in sort order: independent of the order of rows.
    const all = [...counts].filter(([, count]) => count === most).map(([value]) => value);
    return all.sort((a, b) => (a < b ? -1 : 1))[0];
  }
  const sorted = Float64Array.from(values as ArrayLike<number>).sort();
  if (way === "median") {
    const [below, above] = [Math.floor, Math.ceil].map((round) => sorted[round((sorted.length - 1) / 2)]);
    return (below + above) / 2;
  }
  const least = sorted[0];
  return least + sorted.reduce((sum, value) => sum + (value - least), 0) / sorted.length;
}

/** Category indices as one-hot vectors. */
export function oneHotColumns(indices: readonly number[], width: number): Encoded {
  // Bytes, because categories may be many.
  const data = new Uint8Array(indices.length * width);
  for (let row = 0; row < indices.length; row++) data[row * width + indices[row]] = 1;
  return { data, width };
}

/** @throws RangeError where a data set of that many rows and inputs exceeds the memory limit */
export function checkMemory(owner: string, rows: number, width: number): void {
  const bytes = rows * width * BYTES_EACH;
  if (bytes <= MOST_BYTES) return;
  throw new RangeError(
    `${owner}: ${rows} rows of ${width} inputs would take ${(bytes / 2 ** 30).toFixed(1)} GiB; leave out columns or ` +
      "categories, or read the table in parts",
  );
}

/** Row by row, the numbers of all columns. */
export function sideBySide(
  fields: readonly Encoded[],
  rows: number,
): { data: Float64Array<ArrayBuffer>; shape: readonly [number] } {
  const width = fields.reduce((sum, field) => sum + field.width, 0);
  const data = new Float64Array(rows * width);
  let start = 0;
  for (const { data: column, width: own } of fields) {
    for (let i = 0; i < column.length; i++) {
      data[Math.floor(i / own) * width + start + (i % own)] = column[i];
    }
    start += own;
  }
  return { data, shape: [width] };
}
