/** What it takes to read raw rows as a data set's were read: plain data, kept beside the weights of a model. */
import type { InputSet } from "./dataset.ts";
import type { ScalerData } from "./scaler.ts";

/** A column of numbers, or one of categories that became one-hot. */
export interface ColumnSchema {
  readonly name: string;
  /** Of a column of categories, in order. */
  readonly categories?: readonly string[];
  /** What stands for a missing value: a number, or one of the categories. */
  readonly fill?: number | string;
}

/** How rows of a table became a data set. All that is not known is left out. */
export interface Schema {
  /** Of the inputs, in order. */
  readonly columns?: readonly ColumnSchema[];
  /** The columns that are predicted. */
  readonly targets?: readonly string[];
  /** What each class is called, where the target is a class. */
  readonly classes?: readonly string[];
  /** What one stored unit of the inputs is worth, where that is not 1: 1/255 of bytes that are read as 0 to 1. */
  readonly scale?: number;
  /** By what the inputs were scaled before they came to the model, one after the other. */
  readonly scalers?: readonly ScalerData[];
}

/** What predictions can be made from: a table, say, whose rows are read as those that a model was trained on. */
export interface RawRows {
  dataset(options: { readonly like: Schema }): InputSet;
}

/** What each element of a sample is called: a column, or a category of one. */
export function columnNames(schema: Schema | undefined): string[] | undefined {
  return schema?.columns?.flatMap(({ name, categories }) =>
    categories ? categories.map((category) => `${name}: ${category}`) : [name],
  );
}
