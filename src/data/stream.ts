/** Streams: data that is read chunk by chunk, once an epoch, and never held in memory as a whole. */
import { checkOptions, inWords, type OptionKinds } from "../checks.ts";
import type { DType } from "../dtypes.ts";
import { checkLayout, checkTargets, type Field } from "./dataset.ts";
import type { Schema } from "./schema.ts";

/** Any number of samples: their elements, one sample after another. */
export interface Chunk {
  readonly inputs: Field["data"];
  readonly targets: Field["data"];
}

/** One column of a stream: a data set's `Field` without the data. */
export interface StreamField {
  readonly type: DType;
  readonly shape: readonly number[];
  readonly scale: number;
}

/** Samples that are read anew for each epoch. `stream` makes and checks a stream. */
export interface Stream {
  readonly name: string;
  readonly count: number;
  readonly inputs: StreamField;
  readonly targets: StreamField;
  readonly classes?: number;
  /** How raw rows become such samples, and the names of the classes, where both are known. */
  readonly schema?: Schema;
  /** Begins one reading of the data. */
  open(pass: Pass): AsyncIterable<Chunk> | Iterable<Chunk>;
}

/** Identifies one reading of the data; a stream that shuffles derives the order from both numbers. */
export interface Pass {
  /** Epoch from 1; 0 for an evaluation. */
  readonly epoch: number;
  readonly seed: number;
}

export interface StreamFieldOptions {
  readonly type: DType;
  /** Shape of one sample (default []: a single number). */
  readonly shape?: readonly number[];
  /** Value of one stored unit: value = element × scale (default 1). */
  readonly scale?: number;
}

export interface StreamOptions {
  /** Name for error messages (default "stream"). */
  readonly name?: string;
  /** Number of samples in each epoch. */
  readonly count: number;
  readonly inputs: StreamFieldOptions;
  readonly targets: StreamFieldOptions;
  /** Number of classes, or their names, where targets are class indices. */
  readonly classes?: number | readonly string[];
  /** Schema of a data set with some of these samples; it is saved with the model. */
  readonly schema?: Schema;
  /** Begins one reading. Chunks may have any number of samples; together they have `count`. */
  readonly open: Stream["open"];
}

const STREAM: OptionKinds<StreamOptions> = {
  name: "string",
  count: "number",
  inputs: "any",
  targets: "any",
  classes: "any",
  schema: "any",
  open: "any",
};
const FIELD: OptionKinds<StreamFieldOptions> = { type: "any", shape: "array", scale: "number" };

/**
 * Describes data that `fit` and `evaluate` read chunk by chunk. Chunks are checked as they arrive.
 * @throws RangeError where `count`, `classes`, a shape or a scale is out of range
 * @throws TypeError where an option is unknown, `open` is no function, an element type is unknown, or class targets
 *   have a shape, a scale or floats
 */
export function stream(options: StreamOptions): Stream {
  checkOptions("stream", options, STREAM);
  const { name = "stream", count, open } = options;
  const names = typeof options.classes === "object" ? options.classes : undefined;
  const classes = typeof options.classes === "object" ? options.classes.length : options.classes;
  const schema = names ? { ...options.schema, classes: [...names] } : options.schema;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`${name}: count is ${count}; give the number of samples in an epoch`);
  }
  if (typeof open !== "function") {
    throw new TypeError(
      `${name}: open is ${inWords(open)}; give a function that returns an iterable of chunks`,
    );
  }
  if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1)) {
    throw new RangeError(`${name}: classes is ${classes}; expected a positive integer`);
  }
  checkTargets("stream", { ...options, name });
  const inputs = checkField(`${name}: inputs`, options.inputs);
  const targets = checkField(`${name}: targets`, options.targets);
  if (classes !== undefined && (targets.type === "f32" || targets.shape.length > 0 || targets.scale !== 1)) {
    throw new TypeError(
      `${name}: with classes given, targets are class indices: expected type u8 or i32, shape [] and scale 1, got ${targets.type}, [${targets.shape.join(", ")}] and ${targets.scale}`,
    );
  }
  const stated = { ...(classes !== undefined && { classes }), ...(schema && { schema }) };
  return { name, count, inputs, targets, open, ...stated };
}

function checkField(owner: string, options: StreamFieldOptions): StreamField {
  const { type, shape = [], scale = 1 } = checkOptions(owner, options, FIELD);
  if (type !== "u8" && type !== "i32" && type !== "f32") {
    throw new TypeError(`${owner}: type is ${type}; expected "u8", "i32" or "f32"`);
  }
  checkLayout(owner, shape, scale);
  return { type, shape: [...shape], scale };
}
