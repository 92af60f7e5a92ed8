/**
 * A data set in memory. Samples keep the type they were stored in (bytes for images, say) and lie one after another:
 * engines upload them unchanged and decode an element where a kernel reads it.
 */

import { checkOptions, inWords, isList, type OptionKinds } from "../checks.ts";
import type { Schema } from "./schema.ts";

/** One column of a data set: `count` samples of one shape, stored sample after sample. */
export interface Field {
  /** Elements in the type that engines hold. */
  readonly data: Uint8Array | Int32Array | Float32Array;
  /** The same numbers in 64 bits, kept where 32 bits would round them; scalers and `linearRegression` read these. */
  readonly exact?: Float64Array | undefined;
  /** Shape of one sample; [] for a single number such as a class index. */
  readonly shape: readonly number[];
  /** Value of one stored unit: value = element × scale. */
  readonly scale: number;
}

/** Samples without targets, for prediction. `dataset` makes and checks them. */
export interface InputSet {
  readonly name: string;
  /** Number of samples. */
  readonly count: number;
  readonly inputs: Field;
  /** How raw rows become such samples, and the names of the classes, where both are known. */
  readonly schema?: Schema;
}

/** Samples with a target for each. `dataset` makes and checks them. */
export interface Dataset extends InputSet {
  readonly targets: Field;
  /** Number of classes, where targets are class indices. */
  readonly classes?: number;
}

/** A `Field` as users write it; shape defaults to [] and scale to 1. */
export interface FieldOptions {
  /** Elements of all samples, one sample after another; a Float64Array is kept beside its rounding to 32 bits. */
  readonly data: Field["data"] | Float64Array;
  readonly exact?: Float64Array | undefined;
  readonly shape?: readonly number[];
  readonly scale?: number;
}

/** Options of `dataset` for samples without targets. */
export interface InputSetOptions {
  /** Name for error messages (default "dataset"). */
  readonly name?: string;
  readonly inputs: FieldOptions;
  readonly targets?: undefined;
  readonly schema?: Schema | undefined;
}

/** Options of `dataset` for samples with targets. */
export interface DatasetOptions extends Omit<InputSetOptions, "targets"> {
  readonly targets: FieldOptions;
  /**
   * Number of classes, or their names, where targets are class indices 0 … classes − 1 (Uint8Array or Int32Array, shape
   * []). `predict` returns the names.
   */
  readonly classes?: number | readonly string[] | undefined;
}

const DATASET: OptionKinds<DatasetOptions> = {
  name: "string",
  inputs: "any",
  targets: "any",
  classes: "any",
  schema: "any",
};
const FIELD: OptionKinds<FieldOptions> = { data: "any", exact: "any", shape: "array", scale: "number" };

/** @throws TypeError where `data` is no data set, an array for example */
export function checkData(owner: string, what: string, data: unknown): void {
  const { inputs, count, train, dataset } = Object(data) as Readonly<Record<string, unknown>>;
  if (inputs && typeof count === "number") return;
  let remedy = "make one: dataset({ inputs: { data, shape }, targets: { data } }) of wgrad/data";
  if (train) remedy = "give one part of it: data.train";
  else if (typeof dataset === "function") remedy = 'make one of the table: table.dataset({ target: "…" })';
  throw new TypeError(`${owner}: ${what} is ${inWords(data)}, not a data set; ${remedy}`);
}

/**
 * As {@link checkData}, for functions that read samples in memory.
 * @throws TypeError where `data` is no data set, or a stream
 */
export function checkDataset(owner: string, data: unknown): asserts data is InputSet {
  checkData(owner, "the data", data);
  const { name, inputs } = data as Dataset;
  if (!isList(inputs.data))
    throw new TypeError(`${owner}: ${name} is a stream; give a data set in memory, made by dataset(…)`);
}

/**
 * Number of elements of one sample.
 * @throws TypeError where `field` has no shape
 */
export function sampleSize(field: Pick<Field, "shape">): number {
  if (!isList(field?.shape))
    throw new TypeError(
      `sampleSize: the field is ${inWords(field)}; give one of a data set, such as data.inputs`,
    );
  return field.shape.reduce((size, length) => size * length, 1);
}

/** @throws RangeError where a length of `shape` is no positive integer, or `scale` is 0 or not finite */
export function checkLayout(owner: string, shape: readonly number[], scale: number): void {
  if (!shape.every((length) => Number.isInteger(length) && length > 0)) {
    throw new RangeError(
      `${owner}: shape is [${shape.join(", ")}]; expected positive integers, the shape of one sample`,
    );
  }
  if (!Number.isFinite(scale) || scale === 0) {
    throw new RangeError(
      `${owner}: scale is ${scale}; expected a finite number other than 0 (value = element × scale)`,
    );
  }
}

const TYPES = [Uint8Array, Int32Array, Float32Array, Float64Array];

function checkField(owner: string, options: FieldOptions): Field {
  checkOptions(owner, options, FIELD);
  const { data: given, shape = [], scale = 1 } = options;
  if (!TYPES.some((type) => given instanceof type)) {
    throw new TypeError(
      `${owner}: data is not a Uint8Array, Int32Array, Float32Array or Float64Array; convert it with Float32Array.from(…)`,
    );
  }
  checkLayout(owner, shape, scale);
  const data = given instanceof Float64Array ? new Float32Array(given) : given;
  // `exact` is kept only where rounding to 32 bits changed a value.
  const rounded = given instanceof Float64Array && given.some((value, i) => value !== data[i]);
  const exact = rounded ? given : options.exact;
  if (exact && exact.length !== data.length) {
    throw new RangeError(`${owner}: ${data.length} elements, but ${exact.length} exact ones; give as many`);
  }
  const field: Field = { data, shape: [...shape], scale, ...(exact && { exact }) };
  const size = sampleSize(field);
  if (data.length === 0) throw new RangeError(`${owner}: no samples; a data set needs one or more`);
  if (data.length % size !== 0) {
    throw new RangeError(
      `${owner}: ${data.length} elements are no whole number of samples of shape [${shape.join(", ")}] (${size} elements each)`,
    );
  }
  checkFinite(owner, field, size);
  return field;
}

function checkFinite(owner: string, { data, exact, shape }: Field, size: number): void {
  if (!(data instanceof Float32Array)) return;
  // A loop: a page waits for it, and a function for each element would take five times as long.
  let bad = 0;
  while (bad < data.length && Number.isFinite(data[bad])) bad++;
  if (bad === data.length) return;
  const place = `sample ${Math.floor(bad / size)} holds ${(exact ?? data)[bad]} at [${position(bad % size, shape).join(", ")}]`;
  if (Number.isFinite(exact?.[bad])) {
    throw new RangeError(`${owner}: ${place}, which 32-bit floats cannot hold; give it in another unit`);
  }
  throw new RangeError(`${owner}: ${place}; expected finite numbers; drop the sample or fill the gap`);
}

/** The position of element `offset` in a sample of `shape`. */
function position(offset: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = offset;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis];
    at.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return at;
}

function checkClasses(name: string, targets: Field, classes: number): void {
  const { data } = targets;
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`${name}: classes is ${classes}; expected a positive integer`);
  }
  if (data instanceof Float32Array || targets.shape.length > 0 || targets.scale !== 1) {
    throw new TypeError(
      `${name}: with classes given, targets are class indices: expected a Uint8Array or Int32Array with shape [] and ` +
        `scale 1, got a ${data.constructor.name} with shape [${targets.shape.join(", ")}] and scale ${targets.scale}`,
    );
  }
  const bad = data.findIndex((label: number) => label < 0 || label >= classes);
  if (bad >= 0) {
    throw new RangeError(
      `${name}: targets: sample ${bad} has class ${data[bad]}; expected 0 to ${classes - 1}`,
    );
  }
}

/**
 * Checks and builds a data set; without targets, a set of samples to predict from. The arrays are kept, not copied.
 * @throws RangeError where inputs and targets have different counts, a field is empty or holds a broken sample, a class
 *   index is outside 0 … classes − 1, or a float is not finite; the message names the place
 * @throws TypeError where an option is unknown, or an array or a class has the wrong type
 */
export function dataset(options: DatasetOptions): Dataset;
export function dataset(options: InputSetOptions): InputSet;
export function dataset(options: DatasetOptions | InputSetOptions): Dataset | InputSet {
  checkOptions("dataset", options, DATASET);
  const { name = "dataset" } = options;
  const inputs = checkField(`${name}: inputs`, options.inputs);
  const count = inputs.data.length / sampleSize(inputs);
  const samples = { name, count, inputs, ...(options.schema && { schema: options.schema }) };
  if (!options.targets) {
    if (!("classes" in options) || options.classes === undefined) return samples;
    throw new TypeError(
      `${name}: classes without targets; give a class index for each sample, or leave it out`,
    );
  }
  const targets = checkField(`${name}: targets`, options.targets);
  const targetCount = targets.data.length / sampleSize(targets);
  if (count !== targetCount) {
    throw new RangeError(
      `${name}: labels and images of different counts: ${count} inputs of shape [${inputs.shape.join(", ")}], ` +
        `${targetCount} targets of shape [${targets.shape.join(", ")}]; each input needs one target`,
    );
  }
  const { classes } = options;
  if (classes === undefined) return { ...samples, targets };
  if (typeof classes !== "number" && !isList(classes))
    throw new TypeError(`${name}: classes is ${inWords(classes)}; give their number, or an array of names`);
  const number = typeof classes === "number" ? classes : classes.length;
  checkClasses(name, targets, number);
  if (typeof classes === "number") return { ...samples, targets, classes };
  const twice = classes.find((text, i) => classes.indexOf(text) < i);
  if (twice !== undefined) {
    throw new RangeError(
      `${name}: two classes are called ${JSON.stringify(twice)}; call each by a name of its own`,
    );
  }
  return { ...samples, targets, classes: number, schema: { ...options.schema, classes: [...classes] } };
}

/** @throws TypeError where the data set has no targets */
export function checkTargets(
  operation: string,
  { name, targets }: { name: string; targets?: unknown },
): void {
  if (targets) return;
  throw new TypeError(
    `${operation}: ${name} has no targets, only inputs; give dataset() targets, or predict from it`,
  );
}

/** The samples at `rows`, `size` elements each, one after another. */
export function pickRows<T extends Field["data"] | Float64Array>(
  data: T,
  size: number,
  rows: ArrayLike<number>,
): T {
  const picked = new (data.constructor as new (length: number) => T)(rows.length * size);
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i] * size;
    picked.set(data.subarray(start, start + size), i * size);
  }
  return picked;
}

/**
 * Copies the samples at `indices`, in that order; indices may repeat.
 * @throws RangeError where `indices` is empty, or an index is outside 0 … count − 1
 * @throws TypeError where `source` is no data set in memory, or `indices` is no array
 */
export function subset<T extends InputSet>(source: T, indices: ArrayLike<number>): T {
  checkDataset("subset", source);
  if (!isList(indices)) throw new TypeError(`subset: the indices are ${inWords(indices)}; give an array`);
  if (indices.length === 0)
    throw new RangeError(`${source.name}: subset of no indices; a data set needs one or more samples`);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (!Number.isInteger(index) || index < 0 || index >= source.count) {
      throw new RangeError(
        `${source.name}: subset: index ${index} (entry ${i}) is not one of 0 to ${source.count - 1}`,
      );
    }
  }
  return {
    ...source,
    count: indices.length,
    ...bothFields(source, (data, size) => pickRows(data, size, indices)),
  };
}

/**
 * Copies the first `count` samples.
 * @throws RangeError where `count` is no whole number from 1 to the number of samples
 * @throws TypeError where `source` is no data set in memory
 */
export function take<T extends InputSet>(source: T, count: number): T {
  checkDataset("take", source);
  if (!Number.isInteger(count) || count < 1 || count > source.count) {
    throw new RangeError(
      `${source.name}: take(${inWords(count)}): expected an integer from 1 to ${source.count}, the number of samples`,
    );
  }
  return {
    ...source,
    count,
    ...bothFields(source, (data, size) => data.slice(0, count * size) as typeof data),
  };
}

/** The inputs and the targets, if any, of the chosen samples. */
function bothFields(
  source: InputSet,
  some: <T extends Field["data"] | Float64Array>(data: T, size: number) => T,
): { inputs: Field; targets?: Field } {
  const { inputs, targets } = source as InputSet & Partial<Dataset>;
  const of = (field: Field): Field => {
    const { data, exact } = field;
    const size = sampleSize(field);
    return { ...field, data: some(data, size), ...(exact && { exact: some(exact, size) }) };
  };
  return { inputs: of(inputs), ...(targets && { targets: of(targets) }) };
}
