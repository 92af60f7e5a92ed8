/** Categories as vectors with a single 1. */
import { inWords, isList } from "../checks.ts";
import { checkDataset, checkTargets, type Dataset, dataset } from "./dataset.ts";

/** A column of categories as one-hot vectors. */
export interface OneHotColumn<Category> {
  /** Category of each position of a vector. */
  readonly categories: readonly Category[];
  /** [rows, width]: 1 at the category's position, 0 elsewhere. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Number of categories. */
  readonly width: number;
}

/** Limit of the vectors' size in bytes. */
const MOST_BYTES = 2 ** 30;
/** Number of categories listed in a message. */
const MOST_LISTED = 12;

/**
 * One-hot vectors, [indices, width].
 * @throws RangeError where the vectors exceed the memory limit
 */
function vectors(owner: string, indices: ArrayLike<number>, width: number): Float32Array<ArrayBuffer> {
  const bytes = 4 * indices.length * width;
  if (bytes > MOST_BYTES) {
    throw new RangeError(
      `${owner}: ${indices.length} vectors of ${width} would take ${(bytes / 2 ** 30).toFixed(1)} GiB; join rare categories, or keep ` +
        "class indices, which crossEntropy() takes as they are",
    );
  }
  const data = new Float32Array(indices.length * width);
  for (let row = 0; row < indices.length; row++) data[row * width + indices[row]] = 1;
  return data;
}

/**
 * Replaces class indices by one-hot targets [classes], for losses that take vectors. The result has no classes:
 * accuracy is not counted.
 * @throws RangeError where the vectors would take more than 1 GiB
 * @throws TypeError where `source` is no data set in memory, or has no classes
 */
export function oneHotTargets(source: Dataset): Dataset {
  checkDataset("oneHotTargets", source);
  checkTargets("oneHotTargets", source);
  const { name, inputs, targets, classes, schema } = source;
  if (classes === undefined) {
    throw new TypeError(
      `oneHotTargets: ${name} has no classes; give dataset() class indices and \`classes\``,
    );
  }
  return dataset({
    name,
    inputs,
    targets: { data: vectors("oneHotTargets", targets.data, classes), shape: [classes] },
    schema,
  });
}

/**
 * Encodes a column of texts or numbers as one-hot vectors.
 * @param given all categories, in order (default: the values that occur, sorted); give a training set's categories to
 *   encode another set
 * @throws RangeError where a value is no category or NaN (the message names the row), a category is named twice, or the
 *   vectors would take more than 1 GiB
 * @throws TypeError where `values` or `given` is no array
 */
export function oneHotColumn<Category extends string | number>(
  values: ArrayLike<Category>,
  given?: readonly Category[],
): OneHotColumn<Category> {
  if (!isList(values)) throw new TypeError(`oneHotColumn: values is ${inWords(values)}; give an array`);
  const categories = given === undefined ? distinct(values) : given;
  if (!isList(categories))
    throw new TypeError(`oneHotColumn: categories is ${inWords(categories)}; give an array`);
  const positions = new Map(categories.map((category, position) => [category, position]));
  if (positions.size !== categories.length) {
    const twice = categories.find((category, position) => positions.get(category) !== position);
    throw new RangeError(`oneHotColumn: category ${quoted(twice)} is named twice; name each once`);
  }
  if (positions.size === 0)
    throw new RangeError("oneHotColumn: no values and no categories; give one or more");
  const indices = Array.from(values, (value, row) => {
    const position = positions.get(value);
    if (position !== undefined && !Number.isNaN(value)) return position;
    const first = categories.slice(0, MOST_LISTED).map(quoted).join(", ");
    const more = categories.length > MOST_LISTED ? `, … (${categories.length} in all)` : "";
    throw new RangeError(`oneHotColumn: row ${row} is ${quoted(value)}; expected one of ${first}${more}`);
  });
  return { categories, data: vectors("oneHotColumn", indices, categories.length), width: categories.length };
}

function distinct<Category extends string | number>(values: ArrayLike<Category>): Category[] {
  // Sorted by code point or by size: the same order everywhere, whatever the machine's language.
  return [...new Set(Array.from(values))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function quoted(value: string | number | undefined): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
