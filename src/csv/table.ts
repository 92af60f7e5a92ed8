/** A table of texts, and how it becomes numbers and data sets. */
import { checkOptions, type OptionKinds } from "../checks.ts";
import { type Dataset, dataset } from "../data/dataset.ts";
import type { Row } from "./parse.ts";
import { listed, quoted } from "./words.ts";

export interface TableDatasetOptions {
  /** For error messages (default: the table's). */
  readonly name?: string;
  /** Columns of the inputs, in order (default: all but the target's). */
  readonly inputs?: readonly string[];
  /** The column to be predicted, or several. */
  readonly target: string | readonly string[];
  /**
   * Makes the target a class: how many there are, where the column holds indices from 0, or what each is called in the
   * column. `table.categories(target)` lists what occurs.
   */
  readonly classes?: number | readonly string[];
  /** Inputs that are categories, which become one-hot; with the categories of each, or those that occur in the table. */
  readonly categorical?: readonly string[] | Readonly<Record<string, readonly string[]>>;
  /** What becomes of rows with missing values in a column that is used: refuse them (default), or leave them out. */
  readonly missing?: "refuse" | "drop";
}

/** Each character can be matched in one way only: what is no number is found out in one go. */
const DATASET_OPTIONS: OptionKinds<TableDatasetOptions> = {
  name: "string",
  inputs: "array",
  target: "any",
  classes: "any",
  categorical: "any",
  missing: "string",
};

const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;

/** Rows of cells under names. Made by `parseCsv` and `readCsv`. */
export class Table {
  readonly #rows: readonly Row[];
  readonly #missing: ReadonlySet<string>;
  readonly #positions: ReadonlyMap<string, number>;

  /** @internal */
  constructor(
    /** For error messages. */
    readonly name: string,
    /** The columns' names, in order. */
    readonly columns: readonly string[],
    rows: readonly Row[],
    missing: ReadonlySet<string>,
  ) {
    this.#rows = rows;
    this.#missing = missing;
    this.#positions = new Map(columns.map((column, position) => [column, position]));
  }

  /** How many rows there are, the header aside. */
  get rows(): number {
    return this.#rows.length;
  }

  /** A column's cells as they stand. @throws RangeError where there is no such column */
  column(name: string): string[] {
    const column = this.#position(name);
    return this.#rows.map(({ cells }) => cells[column] as string);
  }

  /**
   * A column of numbers.
   * @throws RangeError where there is no such column; Error naming line and column of a cell that is missing, no decimal
   *   number, or not finite
   */
  numbers(name: string): Float64Array<ArrayBuffer> {
    return this.#numbers(this.#rows, name);
  }

  /** The different texts in a column, sorted; missing ones are left out. */
  categories(name: string): string[] {
    const cells = this.column(name).map((cell) => cell.trim());
    return [...new Set(cells.filter((cell) => !this.#isMissing(cell)))].sort();
  }

  /**
   * A data set of inputs [width] in 32-bit floats. Targets are [targets] numbers, or with `classes` class indices.
   * @throws RangeError where a column is named that there is not, or twice; Error naming line and column of a cell that is
   *   missing, no finite number, or no category
   */
  dataset(options: TableDatasetOptions): Dataset {
    checkOptions("table.dataset", options, DATASET_OPTIONS);
    const { name = this.name, classes, categorical = [], missing = "refuse" } = options;
    const targets = typeof options.target === "string" ? [options.target] : options.target;
    const inputs = options.inputs ?? this.columns.filter((column) => !targets.includes(column));
    this.#checkUse(inputs, targets, classes);
    if (missing !== "refuse" && missing !== "drop") {
      throw new RangeError(`${name}: missing is ${missing}; expected "refuse" or "drop"`);
    }
    const rows = missing === "drop" ? this.#complete([...inputs, ...targets]) : this.#rows;
    const encoded = this.#categoriesOf(categorical, inputs);
    const fields = inputs.map((column) => {
      const categories = encoded.get(column);
      return categories ? this.#oneHot(rows, column, categories) : this.#floats(rows, column);
    });
    return dataset({
      name,
      inputs: sideBySide(fields, rows.length),
      targets:
        classes === undefined
          ? sideBySide(
              targets.map((column) => this.#floats(rows, column)),
              rows.length,
            )
          : { data: this.#labels(rows, targets[0] as string, classes) },
      classes: typeof classes === "object" ? classes.length : classes,
    });
  }

  #position(column: string): number {
    const position = this.#positions.get(column);
    if (position !== undefined) return position;
    throw new RangeError(
      `${this.name}: there is no column ${quoted(column)}; there are ${listed(this.columns)}`,
    );
  }

  #isMissing(cell: string): boolean {
    return this.#missing.has(cell.trim());
  }

  #place({ line }: Row, column: string): string {
    return `${this.name}: line ${line}, column ${quoted(column)}`;
  }

  #checkUse(inputs: readonly string[], targets: readonly string[], classes: unknown): void {
    if (inputs.length === 0 || targets.length === 0) {
      throw new RangeError(
        `${this.name}: ${inputs.length} inputs and ${targets.length} targets; name one or more each`,
      );
    }
    const used = new Set<string>();
    [...inputs, ...targets].forEach((column) => {
      this.#position(column);
      if (used.size === used.add(column).size) {
        throw new RangeError(`${this.name}: column ${quoted(column)} is used twice; an input is no target`);
      }
    });
    if (classes !== undefined && targets.length > 1) {
      throw new RangeError(`${this.name}: ${targets.length} targets with classes; a class is one column`);
    }
  }

  #cell(row: Row, column: string): string {
    const cell = (row.cells[this.#position(column)] as string).trim();
    if (!this.#isMissing(cell)) return cell;
    throw new Error(
      `${this.#place(row, column)}: the value is missing${cell ? ` (${quoted(cell)})` : ""}; ` +
        'fill it in, or leave such rows out of the data set with missing: "drop"',
    );
  }

  #complete(columns: readonly string[]): readonly Row[] {
    const positions = columns.map((column) => this.#position(column));
    const rows = this.#rows.filter(
      ({ cells }) => !positions.some((at) => this.#isMissing(cells[at] as string)),
    );
    if (rows.length > 0) return rows;
    throw new Error(
      `${this.name}: each of ${this.rows} rows misses a value in ${listed(columns)}; use fewer columns`,
    );
  }

  #numbers(rows: readonly Row[], column: string): Float64Array<ArrayBuffer> {
    return Float64Array.from(rows, (row) => {
      const cell = this.#cell(row, column);
      if (DECIMAL.test(cell)) return Number(cell);
      const place = this.#place(row, column);
      throw new Error(
        NOT_FINITE.test(cell)
          ? `${place}: ${cell} is not finite; drop the row, or count it as a missing value with missing: [${quoted(cell)}]`
          : `${place}: ${quoted(cell)} is no number; expected one such as -1.5 or 2e3, or make the column categorical`,
      );
    });
  }

  #floats(rows: readonly Row[], column: string): Encoded {
    const data = Float32Array.from(this.#numbers(rows, column));
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return { data, width: 1 };
    const row = rows[bad] as Row;
    throw new Error(
      `${this.#place(row, column)}: ${quoted(this.#cell(row, column)).slice(1, -1)} is beyond 32-bit floats; give it in another unit`,
    );
  }

  #categoriesOf(
    categorical: readonly string[] | Readonly<Record<string, readonly string[]>>,
    inputs: readonly string[],
  ): Map<string, readonly string[]> {
    const given: [string, readonly string[]][] = Array.isArray(categorical)
      ? categorical.map((column: string) => [column, this.categories(column)])
      : Object.entries(categorical);
    const other = given.find(([column]) => !inputs.includes(column));
    if (!other) return new Map(given);
    throw new RangeError(
      `${this.name}: categorical column ${quoted(other[0])} is no input; inputs are ${listed(inputs)}`,
    );
  }

  #indices(rows: readonly Row[], column: string, categories: readonly string[]): number[] {
    const positions = new Map(categories.map((category, i) => [category, i]));
    return rows.map((row) => {
      const cell = this.#cell(row, column);
      const index = positions.get(cell);
      if (index !== undefined) return index;
      throw new Error(`${this.#place(row, column)}: ${quoted(cell)} is not one of ${listed(categories)}`);
    });
  }

  #oneHot(rows: readonly Row[], column: string, categories: readonly string[]): Encoded {
    const width = categories.length;
    const data = new Float32Array(rows.length * width);
    this.#indices(rows, column, categories).forEach((index, row) => {
      data[row * width + index] = 1;
    });
    return { data, width };
  }

  #labels(rows: readonly Row[], column: string, classes: number | readonly string[]): Int32Array {
    if (typeof classes === "object") return Int32Array.from(this.#indices(rows, column, classes));
    return Int32Array.from(this.#numbers(rows, column), (label, i) => {
      if (Number.isInteger(label) && label >= 0 && label < classes) return label;
      throw new Error(
        `${this.#place(rows[i] as Row, column)}: ${label} is no class; expected a whole number from 0 to ${classes - 1}`,
      );
    });
  }
}

/** A column as numbers: `width` of them for each row. */
interface Encoded {
  readonly data: Float32Array<ArrayBuffer>;
  readonly width: number;
}

/** The columns of each row one after the other. */
function sideBySide(
  fields: readonly Encoded[],
  rows: number,
): { data: Float32Array<ArrayBuffer>; shape: readonly [number] } {
  const width = fields.reduce((sum, field) => sum + field.width, 0);
  const data = new Float32Array(rows * width);
  let start = 0;
  for (const { data: column, width: own } of fields) {
    for (let i = 0; i < column.length; i++) {
      data[Math.floor(i / own) * width + start + (i % own)] = column[i] as number;
    }
    start += own;
  }
  return { data, shape: [width] };
}
