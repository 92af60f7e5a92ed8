/** A table of texts, and its conversion to numbers and data sets. */
import { checkOptions, checkString, inWords, isPromise, type OptionKinds } from "../checks.ts";
import { type Dataset, dataset, type InputSet } from "../data/dataset.ts";
import { scalerFrom } from "../data/scaler.ts";
import type { ColumnSchema, Schema } from "../data/schema.ts";
import {
  type Categorical,
  checkMemory,
  type Fill,
  filled,
  fillOf,
  oneHotColumns,
  sideBySide,
  wayOf,
} from "./columns.ts";
import type { NumberFormat } from "./numbers.ts";
import { listed, quoted } from "./words.ts";

export interface TableInputOptions {
  /** Name for error messages (default: the table's). */
  readonly name?: string;
  /** Columns of the inputs, in order (default: all except the target's). */
  readonly inputs?: readonly string[];
  readonly target?: undefined;
  /**
   * Inputs that are categories and become one-hot vectors: their names, or with each name its categories (default:
   * those that occur in the table).
   */
  readonly categorical?: Categorical;
  /** Most categories of a column whose categories are not given (default 1000): each becomes an input. */
  readonly maxCategories?: number;
  /** Rows with a missing value in a used column: refuse them (default), or drop them. */
  readonly missing?: "refuse" | "drop";
  /** Replacement of missing values in inputs (default none). */
  readonly fill?: Fill;
  /** A data set or schema whose reading is repeated: the same inputs, categories, replacements and scalers. */
  readonly like?: InputSet | Schema;
}

export interface TableDatasetOptions extends Omit<TableInputOptions, "target"> {
  /** Column to predict, or several. */
  readonly target: string | readonly string[];
  /**
   * Makes the target a class: the number of classes, where the column holds indices from 0, or the class names in the
   * column. `table.categories(target)` lists the names that occur.
   */
  readonly classes?: number | readonly string[];
}

const DATASET_OPTIONS: OptionKinds<TableDatasetOptions> = {
  name: "string",
  inputs: "array",
  target: "any",
  classes: "any",
  categorical: "any",
  maxCategories: "number",
  missing: "string",
  fill: "any",
  like: "any",
};

/** A row of cells, and the line of the file on which it begins. */
export interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Interpretation of cells. */
export interface CellFormat {
  /** Cells that hold no value. */
  readonly missing: ReadonlySet<string>;
  readonly numbers: NumberFormat;
}

/** Rows of cells in named columns. `parseCsv` and `readCsv` make tables. */
export class Table {
  readonly #rows: readonly Row[];
  readonly #format: CellFormat;
  readonly #positions: ReadonlyMap<string, number>;

  /** @internal */
  constructor(
    /** Name for error messages. */
    readonly name: string,
    /** Names of the columns, in order. */
    readonly columns: readonly string[],
    rows: readonly Row[],
    format: CellFormat,
  ) {
    this.#rows = rows;
    this.#format = format;
    this.#positions = new Map(columns.map((column, position) => [column, position]));
  }

  /** Number of rows, without the header. */
  get rows(): number {
    return this.#rows.length;
  }

  /**
   * The cells of a column, unchanged.
   * @throws RangeError where there is no such column
   * @throws TypeError where `name` is no string
   */
  column(name: string): string[] {
    const column = this.#position(name);
    return this.#rows.map(({ cells }) => cells[column]);
  }

  /**
   * The numbers of a column.
   * @throws Error naming line and column of a cell that is missing, no number, or not finite
   * @throws RangeError where there is no such column
   * @throws TypeError where `name` is no string
   */
  numbers(name: string): Float64Array<ArrayBuffer> {
    return this.#numbers(this.#rows, { name });
  }

  /**
   * The distinct texts in a column, sorted, without missing ones.
   * @throws RangeError where there is no such column
   * @throws TypeError where `name` is no string
   */
  categories(name: string): string[] {
    const column = this.#position(name);
    const cells = new Set(this.#rows.map(({ cells }) => cells[column].trim()));
    return [...cells].filter((cell) => !this.#isMissing(cell)).sort();
  }

  /**
   * Converts the table to a data set. Inputs are [width], kept in 64-bit floats. Targets are [targets] numbers, or
   * class indices with `classes`; without a target, the result serves prediction. The set's `schema` records how rows
   * were read, for `like` and for a model's file.
   * @throws Error naming line and column of a cell that is missing, no finite number, or no category
   * @throws RangeError where a named column does not exist or is used twice, or an option is out of range
   * @throws TypeError where an option is unknown or of another kind, or contradicts `like`
   */
  dataset(options: TableDatasetOptions): Dataset;
  dataset(options?: TableInputOptions): InputSet;
  dataset(options: TableDatasetOptions | TableInputOptions = {}): Dataset | InputSet {
    checkOptions("table.dataset", options, DATASET_OPTIONS);
    const { name = this.name, like, missing = "refuse", target } = options;
    checkNames(`${name}: target`, target);
    checkNames(`${name}: classes`, (options as Partial<TableDatasetOptions>).classes, "number");
    checkNames(`${name}: categorical`, options.categorical, "object");
    if (missing !== "refuse" && missing !== "drop") {
      throw new RangeError(`${name}: missing is ${missing}; expected "refuse" or "drop"`);
    }
    const before = like && "inputs" in like ? like.schema : like;
    const targets = target === undefined ? [] : typeof target === "string" ? [target] : target;
    const known = this.#known(options, before);
    const inputs =
      known?.map((column) => column.name) ??
      options.inputs ??
      this.columns.filter((column) => !targets.includes(column));
    const given = target === undefined ? undefined : options.classes;
    const classes = given ?? (sameNames(targets, before?.targets) ? before?.classes : undefined);
    this.#checkUse(inputs, target, targets, classes);
    const columns = known ?? this.#described(inputs, options);
    const rows = missing === "drop" ? this.#complete(columns, targets, options.fill) : this.#rows;
    const schemas = columns.map((column) => this.#withFill(rows, column, options.fill));
    const width = schemas.reduce((sum, { categories }) => sum + (categories?.length ?? 1), 0);
    checkMemory(name, rows.length, width);
    const fields = schemas.map((column) =>
      column.categories
        ? oneHotColumns(this.#indices(rows, column, column.categories), column.categories.length)
        : { data: this.#numbers(rows, column), width: 1 },
    );
    const read = {
      name,
      inputs: sideBySide(fields, rows.length),
      schema: { columns: schemas, ...(targets.length > 0 && { targets }) },
    };
    const set =
      target === undefined
        ? dataset(read)
        : dataset({ ...read, targets: this.#targets(rows, targets, classes), classes });
    return (before?.scalers ?? []).reduce((scaled, scaler) => scalerFrom(scaler).transform(scaled), set);
  }

  /** Columns of the data set or schema in `like`. */
  #known(
    options: TableDatasetOptions | TableInputOptions,
    schema: Schema | undefined,
  ): readonly ColumnSchema[] | undefined {
    const { like, name = this.name } = options;
    if (like === undefined) return undefined;
    if (!schema?.columns) {
      throw new TypeError(
        `${name}: like describes no columns; give a data set that a table made, or a model's schema`,
      );
    }
    const twice = (["inputs", "categorical", "fill"] as const).find(
      (option) => options[option] !== undefined,
    );
    if (twice) throw new TypeError(`${name}: ${twice} follows from like; leave one of them out`);
    return schema.columns;
  }

  #position(column: string): number {
    checkString(`${this.name}: the column`, column);
    const position = this.#positions.get(column);
    if (position !== undefined) return position;
    throw new RangeError(
      `${this.name}: there is no column ${quoted(column)}; there are ${listed(this.columns)}`,
    );
  }

  #isMissing(cell: string): boolean {
    return this.#format.missing.has(cell.trim());
  }

  #place({ line }: Row, column: string): string {
    return `${this.name}: line ${line}, column ${quoted(column)}`;
  }

  #checkUse(inputs: readonly string[], target: unknown, targets: readonly string[], classes: unknown): void {
    if (inputs.length === 0 || (target !== undefined && targets.length === 0)) {
      throw new RangeError(
        `${this.name}: ${inputs.length} inputs and ${targets.length} targets; name one or more each`,
      );
    }
    const used = new Set<string>();
    for (const column of [...inputs, ...targets]) {
      this.#position(column);
      if (used.size === used.add(column).size) {
        throw new RangeError(`${this.name}: column ${quoted(column)} is used twice; an input is no target`);
      }
    }
    if (classes !== undefined && targets.length > 1) {
      throw new RangeError(`${this.name}: ${targets.length} targets with classes; a class is one column`);
    }
  }

  /** The input columns as the options describe them, with given replacements of missing values. */
  #described(
    inputs: readonly string[],
    { categorical = [], maxCategories = 1000, fill }: TableDatasetOptions | TableInputOptions,
  ): ColumnSchema[] {
    const given = new Map<string, readonly string[] | undefined>(
      Array.isArray(categorical)
        ? categorical.map((column: string) => [column, undefined])
        : Object.entries(categorical),
    );
    const own = typeof fill === "object" ? Object.keys(fill) : [];
    for (const [what, columns] of [
      ["categorical column", [...given.keys()]],
      ["fill: column", own],
    ] as const) {
      const other = columns.find((column) => !inputs.includes(column));
      if (other === undefined) continue;
      throw new RangeError(
        `${this.name}: ${what} ${quoted(other)} is no input; inputs are ${listed(inputs)}`,
      );
    }
    return inputs.map((name) => {
      const categories = given.has(name) ? (given.get(name) ?? this.categories(name)) : undefined;
      if (categories && !given.get(name) && categories.length > maxCategories) {
        throw new RangeError(
          `${this.name}: column ${quoted(name)} has ${categories.length} different values, each of which would become an ` +
            `input; leave it out, join rare ones, name those that matter with categorical: { ${quoted(name)}: […] }, or ` +
            `give a larger maxCategories than ${maxCategories}`,
        );
      }
      const stands = fillOf(this.name, name, fill, categories);
      return { name, ...(categories && { categories }), ...(stands !== undefined && { fill: stands }) };
    });
  }

  /** A column with the replacement of its missing values, measured on `rows`. */
  #withFill(rows: readonly Row[], column: ColumnSchema, fill: Fill | undefined): ColumnSchema {
    const way = wayOf(column, fill);
    if (way === undefined) return column;
    const at = this.#position(column.name);
    const there = rows.filter(({ cells }) => !this.#isMissing(cells[at]));
    if (there.length === 0) {
      throw new Error(
        `${this.name}: column ${quoted(column.name)} has no value to fill the gaps with; leave the column out`,
      );
    }
    const values = column.categories
      ? there.map(({ cells }) => cells[at].trim())
      : this.#numbers(there, { name: column.name });
    return { ...column, fill: filled(way, values) };
  }

  /** The cell's text, or its replacement. */
  #cell(row: Row, { name, categories, fill }: ColumnSchema): string | number {
    const cell = row.cells[this.#position(name)].trim();
    if (!this.#isMissing(cell)) return cell;
    if (fill !== undefined) return fill;
    const way = categories ? `fill: { ${quoted(name)}: "mostFrequent" }` : 'fill: "mean"';
    throw new Error(
      `${this.#place(row, name)}: the value is missing${cell ? ` (${quoted(cell)})` : ""}; ` +
        `fill an input with ${way} or similar, or drop such rows with missing: "drop"`,
    );
  }

  /** The rows that lack no target, and no input without a replacement. */
  #complete(
    columns: readonly ColumnSchema[],
    targets: readonly string[],
    fill: Fill | undefined,
  ): readonly Row[] {
    const needed = columns.filter((column) => column.fill === undefined && !wayOf(column, fill));
    const names = [...needed.map(({ name }) => name), ...targets];
    const positions = names.map((column) => this.#position(column));
    const rows = this.#rows.filter(
      ({ cells }) => !positions.some((at) => this.#isMissing(cells[at] as string)),
    );
    if (rows.length > 0) return rows;
    throw new Error(
      `${this.name}: each of ${this.rows} rows misses a value in ${listed(names)}; use fewer columns`,
    );
  }

  #numbers(rows: readonly Row[], column: ColumnSchema): Float64Array<ArrayBuffer> {
    const { numbers, missing } = this.#format;
    return Float64Array.from(rows, (row) => {
      const cell = this.#cell(row, column);
      if (typeof cell === "number") return cell;
      const value = numbers.parse(cell);
      if (value !== undefined && Number.isFinite(Math.fround(value))) return value;
      const place = this.#place(row, column.name);
      throw new Error(
        value === undefined
          ? `${place}: ${numbers.refusal(cell, missing)}`
          : `${place}: ${quoted(cell).slice(1, -1)} is too large for 32-bit floats; give the column in another unit`,
      );
    });
  }

  #targets(
    rows: readonly Row[],
    targets: readonly string[],
    classes: number | readonly string[] | undefined,
  ): { data: Int32Array | Float64Array; shape?: readonly [number] } {
    if (classes === undefined) {
      const fields = targets.map((name) => ({ data: this.#numbers(rows, { name }), width: 1 }));
      return sideBySide(fields, rows.length);
    }
    const name = targets[0];
    if (typeof classes === "object") return { data: Int32Array.from(this.#indices(rows, { name }, classes)) };
    const data = Int32Array.from(this.#numbers(rows, { name }), (label, i) => {
      if (Number.isInteger(label) && label >= 0 && label < classes) return label;
      throw new Error(
        `${this.#place(rows[i], name)}: ${label} is no class; expected a whole number from 0 to ${classes - 1}`,
      );
    });
    return { data };
  }

  #indices(rows: readonly Row[], column: ColumnSchema, categories: readonly string[]): number[] {
    const positions = new Map(categories.map((category, i) => [category, i]));
    return rows.map((row) => {
      const cell = String(this.#cell(row, column));
      const index = positions.get(cell);
      if (index !== undefined) return index;
      throw new Error(
        `${this.#place(row, column.name)}: ${quoted(cell)} is not one of ${listed(categories)}`,
      );
    });
  }
}

function sameNames(a: readonly string[], b: readonly string[] | undefined): boolean {
  return a.length > 0 && a.length === b?.length && a.every((name, i) => name === b[i]);
}

/** @throws TypeError unless the value is a name, a list of names, or of the `other` type */
function checkNames(what: string, value: unknown, other = "string"): void {
  const names = Array.isArray(value) ? value : [];
  const bad = names.findIndex((name) => typeof name !== "string");
  if (bad >= 0) throw new TypeError(`${what}[${bad}] is ${inWords(names[bad])}; give a string`);
  if (value === undefined || Array.isArray(value) || (typeof value === other && !isPromise(value))) return;
  const expected = { string: "a name", number: "a number" }[other] ?? "an object of lists";
  throw new TypeError(`${what} is ${inWords(value)}; give ${expected}, or an array of names`);
}
