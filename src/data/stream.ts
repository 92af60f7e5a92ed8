/** Data that is not held in memory as a whole: read from wherever it comes, chunk by chunk, once an epoch. */
import { checkOptions, inWords, type OptionKinds } from "../checks.ts";
import { checkLayout, checkTargets, type Field } from "./dataset.ts";
import type { Schema } from "./schema.ts";

/** Some samples, as many as come at once: their elements, one sample after another. */
export interface Chunk {
  readonly inputs: Field["data"];
  readonly targets: Field["data"];
}

/** How the elements of a stream's column are stored: bytes, 32-bit integers, or 32-bit floats. */
export type ElementType = "u8" | "i32" | "f32";

/** One column of a stream; as a data set's `Field`, without the data. */
export interface StreamField {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly scale: number;
}

/** Samples that are read anew for each epoch. Made by `stream`, which checks it. */
export interface Stream {
  readonly name: string;
  readonly count: number;
  readonly inputs: StreamField;
  readonly targets: StreamField;
  readonly classes?: number;
  /** How raw rows become such samples, and what classes are called, where that is known. */
  readonly schema?: Schema;
  open(pass: Pass): AsyncIterable<Chunk> | Iterable<Chunk>;
}

/** Which reading of the data is asked for: a stream that shuffles does so by these. */
export interface Pass {
  /** From 1; 0 for an evaluation. */
  readonly epoch: number;
  readonly seed: number;
}

export interface StreamFieldOptions {
  readonly type: ElementType;
  /** Of one sample (default []: a single number). */
  readonly shape?: readonly number[];
  /** value = element × scale (default 1) */
  readonly scale?: number;
}

export interface StreamOptions {
  /** Used in error messages (default "stream"). */
  readonly name?: string;
  /** Samples in each epoch. */
  readonly count: number;
  readonly inputs: StreamFieldOptions;
  readonly targets: StreamFieldOptions;
  /** Give it where targets are class indices: how many classes there are, or what each is called. */
  readonly classes?: number | readonly string[];
  /** That of a data set of some of the samples, which is then kept with the model. */
  readonly schema?: Schema;
  /** Begins a reading. Chunks may have any number of samples; all together they have `count`. */
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
 * Describes data that `fit` and `evaluate` read chunk by chunk while they go.
 * @throws RangeError | TypeError where the description makes no sense; the chunks are checked as they come
 */
export function stream(options: StreamOptions): Stream {
  checkOptions("stream", options, STREAM);
  const { name = "stream", count, open } = options;
  const names = typeof options.classes === "object" ? options.classes : undefined;
  const classes = names?.length ?? (options.classes as number | undefined);
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
