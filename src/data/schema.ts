/** A schema reads new raw rows the way a data set's rows were read. It is plain data, saved with the model's weights. */
import type { InputSet } from "./dataset.ts";
import type { ScalerData } from "./scaler.ts";

/** A column of numbers, or of categories that became one-hot vectors. */
export interface ColumnSchema {
  readonly name: string;
  /** Categories of the column, in order. */
  readonly categories?: readonly string[];
  /** Replacement of a missing value: a number, or one of the categories. */
  readonly fill?: number | string;
}

/** How rows of a table became a data set. Unknown parts are left out. */
export interface Schema {
  /** Columns of the inputs, in order. */
  readonly columns?: readonly ColumnSchema[];
  /** Names of the target columns. */
  readonly targets?: readonly string[];
  /** Names of the classes, where the target is a class. */
  readonly classes?: readonly string[];
  /** Value of one stored unit of the inputs, where not 1: 1/255 for bytes read as 0 to 1. */
  readonly scale?: number;
  /** Scalers applied to the inputs before the model, in order. */
  readonly scalers?: readonly ScalerData[];
}

/** Raw rows to predict from: a table, for example, whose rows are read as the training table's were. */
export interface RawRows {
  /** Reads the rows as the rows of `like` were read. */
  dataset(options: { readonly like: Schema }): InputSet;
}

/** Name of each element of a sample: a column, or a category of a column. */
export function columnNames(schema: Schema | undefined): string[] | undefined {
  return schema?.columns?.flatMap(({ name, categories }) =>
    categories ? categories.map((category) => `${name}: ${category}`) : [name],
  );
}
