/** Schemas of models: saved in a model's file, and compared with data for predictions and evaluations. */
import type { InputSet } from "../data/dataset.ts";
import type { ColumnSchema, Schema } from "../data/schema.ts";

/** The part of a data set or stream that describes how it was read. */
type Described = Pick<InputSet, "name" | "schema">;

/** The schema of a model trained on a data set, with the scale of its inputs. */
export function schemaOf({
  inputs,
  schema,
}: Pick<InputSet, "schema"> & { inputs: { scale: number } }): Schema | undefined {
  return inputs.scale === 1 ? schema : { ...schema, scale: inputs.scale };
}

/** @throws RangeError where a data set was read otherwise than the model's training set */
export function checkSchema(owner: string, { name, schema }: Described, model: Schema | undefined): void {
  const other = difference(schema, model);
  if (other === undefined) return;
  throw new RangeError(
    `${owner}: ${name} was read otherwise than the model's training data: ${other}; read it by table.dataset({ like: train, … }), ` +
      "and scale it by the same scaler",
  );
}

/**
 * The difference between the readings of two data sets, in words.
 * @returns undefined where both were read alike, or one has no schema
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
  // A set built by hand may have been scaled by hand.
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
