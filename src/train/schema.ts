/** How a model's rows were read: kept in its file, and held against what it is to predict from or measured by. */
import type { InputSet } from "../data/dataset.ts";
import type { ColumnSchema, Schema } from "../data/schema.ts";

/** A data set or a stream, as far as it says how it was read. */
type Described = Pick<InputSet, "name" | "schema">;

/** The schema of a model that is trained on a data set: with what its inputs are worth. */
export function schemaOf({
  inputs,
  schema,
}: Pick<InputSet, "schema"> & { inputs: { scale: number } }): Schema | undefined {
  return inputs.scale === 1 ? schema : { ...schema, scale: inputs.scale };
}

/** @throws RangeError where a data set was read otherwise than that of a model which is to be measured by it */
export function checkSchema(owner: string, { name, schema }: Described, model: Schema | undefined): void {
  const other = difference(schema, model);
  if (other === undefined) return;
  throw new RangeError(
    `${owner}: ${name} was read otherwise than what the model was trained on: ${other}; read it by table.dataset({ like: train, … }), ` +
      "and scale it by the same scaler",
  );
}

/**
 * Where one data set was read otherwise than another, whose model it is for, in words.
 * @returns undefined where they were read alike, or one of them does not say how
 */
function difference(own: Schema | undefined, model: Schema | undefined): string | undefined {
  if (!own || !model) return undefined;
  const { columns, classes } = own;
  if (columns && model.columns) {
    const names = (all: readonly ColumnSchema[]) => all.map(({ name }) => name);
    if (!same(names(columns), names(model.columns))) {
      return `its inputs are ${listed(names(columns))}, the model's ${listed(names(model.columns))}`;
    }
    const others = model.columns;
    const other = columns.find(({ categories }, i) => !same(categories, others[i]?.categories));
    if (other) return `its column ${JSON.stringify(other.name)} has other categories, or another order`;
  }
  if (classes && model.classes && !same(classes, model.classes)) {
    return `its classes are ${listed(classes)}, the model's ${listed(model.classes)}`;
  }
  // What was made of rows by hand may have been scaled by hand.
  if (!columns && !own.scalers) return undefined;
  const scaled = (schema: Schema) => JSON.stringify(schema.scalers ?? []);
  return scaled(own) === scaled(model)
    ? undefined
    : "its inputs were scaled otherwise, or one was not scaled";
}

function same(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a?.length === b?.length && (a ?? []).every((text, i) => text === b?.[i]);
}

function listed(names: readonly string[]): string {
  const first = names.slice(0, 5).map((name) => JSON.stringify(name));
  return `${first.join(", ")}${names.length > 5 ? `, … (${names.length} in all)` : ""}`;
}
