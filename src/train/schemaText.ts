/** The schema in a model's file: read, and checked, since predictions go by it. */
import { isWhole } from "../checks.ts";
import type { ColumnSchema, Schema } from "../data/schema.ts";
import { parseJson } from "../io/json.ts";

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === "string";
const isNumber = (value: unknown) => Number.isFinite(value);
const isListOf = (value: unknown, fits: (one: unknown) => boolean) =>
  Array.isArray(value) && value.every(fits);

function isColumn(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { name, categories = [], fill = 0 } = value as Partial<ColumnSchema>;
  return isText(name) && isListOf(categories, isText) && (isText(fill) || isNumber(fill));
}

/** Only as far as numbers go by it: `scalerFrom` checks the rest. */
function isScaler(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { shape, offset, factor } = value as Readonly<Record<string, unknown>>;
  if (!isListOf(shape, (length) => isWhole(length, 1))) return false;
  const size = (shape as number[]).reduce((product, length) => product * length, 1);
  return [offset, factor].every((list) => isListOf(list, isNumber) && (list as number[]).length === size);
}

function isSchema(value: unknown): value is Schema {
  if (!isObject(value)) return false;
  const { columns = [], targets = [], classes = [], scalers = [], scale = 1 } = value as Schema;
  return (
    isListOf(columns, isColumn) &&
    isListOf(targets, isText) &&
    isListOf(classes, isText) &&
    isListOf(scalers, isScaler) &&
    isNumber(scale) &&
    scale !== 0
  );
}

/**
 * The schema in a model's file.
 * @throws Error where the text is no schema
 */
export function parseSchema(text: string, name: string): Schema {
  let schema: unknown;
  try {
    schema = parseJson(text);
  } catch {
    // Said below.
  }
  if (isSchema(schema)) return schema;
  throw new Error(`${name}: the description of columns and classes cannot be read; was the file changed?`);
}
