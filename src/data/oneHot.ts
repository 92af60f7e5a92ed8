/** Categories as vectors with a single 1. */
import { inWords, isList } from "../checks.ts";
import { checkDataset, checkTargets, type Dataset, dataset } from "./dataset.ts";

/** A column of categories, one-hot. */
export interface OneHotColumn<Category> {
  /** What each position of a vector stands for. */
  readonly categories: readonly Category[];
  /** [rows, width]: 1 at the category's position, 0 elsewhere. */
  readonly data: Float32Array<ArrayBuffer>;
  /** The number of categories. */
  readonly width: number;
}

/** What vectors may take. */
const MOST_BYTES = 2 ** 30;
/** So many categories are listed in a message. */
const MOST_LISTED = 12;

/** [indices, width], one-hot. @throws RangeError where they would take too much memory */
function vectors(owner: string, indices: ArrayLike<number>, width: number): Float32Array<ArrayBuffer> {
  const bytes = 4 * indices.length * width;
  if (bytes > MOST_BYTES) {
    throw new RangeError(
      `${owner}: ${indices.length} vectors of ${width} would take ${(bytes / 2 ** 30).toFixed(1)} GiB; join rare categories, or keep ` +
        "class indices, which crossEntropy() takes as they are",
    );
  }
  const data = new Float32Array(indices.length * width);
  for (let row = 0; row < indices.length; row++) data[row * width + (indices[row] as number)] = 1;
  return data;
}

/**
 * The data set with one-hot targets [classes] in place of class indices, for losses that take vectors. It has no classes
 * any more: accuracy is not counted.
 * @throws TypeError where the data set has no classes
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
 * A column of texts or numbers, one-hot.
 * @param given what there may be, in order; give a training set's to encode another set. Default: all values that
 *   occur, sorted
 * @throws RangeError naming the row of a value that is no category, of NaN, or a category that is named twice
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
  // By code point and by size: the same everywhere, whatever the language of the machine.
  return [...new Set(Array.from(values))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function quoted(value: string | number | undefined): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
