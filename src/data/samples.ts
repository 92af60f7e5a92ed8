/** Data sets and rows of numbers as flat arrays of floats, for scalers. */
import { inWords } from "../checks.ts";
import { type Dataset, type Field, type InputSet, sampleSize } from "./dataset.ts";

/** Samples as rows of numbers, all of one length. */
export type Rows = readonly ArrayLike<number>[];

export interface Samples {
  /** 64-bit floats for rows and for values that 32 bits would round; otherwise 32-bit floats. */
  readonly values: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Number of elements of one sample. */
  readonly size: number;
  /** Word for one sample, for error messages. */
  readonly unit: "sample" | "row";
}

function fieldValues({ data, exact, scale }: Field): Samples["values"] {
  // 32-bit integers may have more digits than 32-bit floats hold.
  const long = exact ?? (data instanceof Int32Array ? data : undefined);
  if (long) return Float64Array.from(long, (value) => value * scale);
  // In 32-bit floats, as engines decode them.
  const factor = Math.fround(scale);
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i] * factor;
  return values;
}

/** @throws RangeError where there is no row, a row is empty, or a row's length differs from the first's */
export function rowValues(operation: string, rows: Rows): Samples {
  if (!Array.isArray(rows)) throw new TypeError(`${operation}: got ${inWords(rows)}; give an array of rows`);
  const size = rows[0]?.length ?? 0;
  if (size === 0) {
    throw new RangeError(`${operation}: no rows of numbers; give one or more, such as [[1, 2], [3, 4]]`);
  }
  const values = new Float64Array(rows.length * size);
  rows.forEach((row, i) => {
    if (row.length !== size) {
      throw new RangeError(
        `${operation}: row ${i} has ${row.length} numbers, row 0 has ${size}; rows must be of one length`,
      );
    }
    values.set(row, i * size);
  });
  return { values, shape: [size], size, unit: "row" };
}

/**
 * The inputs or targets of a data set, or rows.
 * @throws RangeError as `rowValues`
 */
export function samplesOf(
  operation: string,
  source: InputSet | Rows,
  of: "inputs" | "targets" = "inputs",
): Samples {
  if (Array.isArray(source)) return rowValues(operation, source);
  const { name, classes, ...fields } = Object(source) as Partial<Dataset>;
  if (of === "targets" && fields.inputs?.data && (!fields.targets || classes !== undefined)) {
    throw new TypeError(
      `${operation}: ${name} has ${fields.targets ? "classes for targets, which have no scale" : "no targets"}; scale its inputs`,
    );
  }
  const inputs: Field | undefined = fields[of];
  if (!inputs?.data) {
    throw new TypeError(
      `${operation}: ${name ?? inWords(source)} holds no samples; give a data set in memory, or an array of rows`,
    );
  }
  return { values: fieldValues(inputs), shape: inputs.shape, size: sampleSize(inputs), unit: "sample" };
}

/** Name of element `index` of a sample: `column 3 ("age")`, or a position in an image. */
export function elementName(
  index: number,
  shape: readonly number[],
  columns: readonly string[] | undefined,
): string {
  if (shape.length < 2) return `column ${index}${columns ? ` ("${columns[index]}")` : ""}`;
  const at: number[] = [];
  let rest = index;
  for (const length of shape.toReversed()) {
    at.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return `element [${at.join(", ")}]`;
}

/** @throws RangeError naming the first number that is not finite, by sample and column */
export function checkFinite(
  operation: string,
  { values, shape, size, unit }: Samples,
  columns?: readonly string[],
): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw new RangeError(
    `${operation}: ${unit} ${Math.floor(bad / size)} holds ${values[bad]} in ${elementName(bad % size, shape, columns)}; ` +
      `expected finite numbers; drop the ${unit} or fill the gap`,
  );
}
