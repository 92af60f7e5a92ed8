/** Weights out of safetensors files, with PyTorch's names and layouts: loaded by those who load some. */
import { checkOptions, inWords, isLiteral, isPromise } from "../checks.ts";
import type { Schema } from "../data/schema.ts";
import { type ByteSource, isByteSource, readBytes, sourceName } from "../io/bytes.ts";
import { decodeSafetensors } from "../io/safetensors.ts";
import type { ArenaEntry } from "../nn/model/layout.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { CHECKPOINT_KEY, SCHEMA_KEY } from "./encode.ts";
import { checkNonFinite, firstNonFinite, type NonFinite } from "./finite.ts";

/** A tensor of weights: its elements in row-major order. */
export interface TensorLike {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** Weights by name; or a safetensors file: its bytes, a Blob, a Response, a URL or (outside of browsers) its path. */
export type WeightsSource =
  | Readonly<Record<string, TensorLike>>
  | ReadonlyMap<string, TensorLike>
  | ByteSource;

/** Which weights are taken over, and under which names. */
export interface LoadOptions {
  /**
   * The model's tensors to be loaded, by name: a path (`"backbone"` for `backbone.0.weight`), a pattern, or a function. All
   * others stay as they are, and whatever else the source holds is left alone (default: all of the model).
   */
  readonly only?: string | RegExp | ((name: string) => boolean);
  /** From a name in the source to the model's; undefined leaves the tensor out. */
  readonly rename?: (name: string) => string | undefined;
  /** With false, tensors that either side lacks are no error (default true). Wrong shapes always are. */
  readonly strict?: boolean;
  /** NaN and infinite weights are refused unless this is "allow". */
  readonly nonFinite?: NonFinite;
}

/** What loading did, by names. */
export interface LoadReport {
  /** The model's tensors that have new values. */
  readonly loaded: readonly string[];
  /** The model's tensors that stayed as they were. */
  readonly kept: readonly string[];
  /** What the source has beside, by its own names. */
  readonly unused: readonly string[];
}

/** PyTorch counts batches beside running statistics; nothing here depends on it. */
const isCounter = (name: string) => name.endsWith("num_batches_tracked");

/**
 * Values for the model's tensors.
 * @throws Error listing all that is missing, unknown or of a wrong shape, and what is no finite number
 */
export async function loadWeights(
  source: WeightsSource,
  specs: readonly ArenaEntry[],
  options: LoadOptions = {},
): Promise<{ values: Map<string, Float32Array>; report: LoadReport; schema: Schema | undefined }> {
  checkOptions("load", options, { only: "any", rename: "function", strict: "boolean", nonFinite: "string" });
  const { only, rename = (key) => key, strict = true, nonFinite = "refuse" } = options;
  checkNonFinite("load", nonFinite);
  const name = isByteSource(source) ? sourceName(source, "weights") : "weights";
  const { tensors, schema } = await contentsOf(source, name);
  const wanted = selected(specs, only);
  const problems: string[] = [];
  const values = new Map<string, Float32Array>();
  const unused: string[] = [];
  for (const [key, tensor] of tensors) {
    const to = rename(key);
    const spec = wanted.find((one) => one.name === to);
    if (!spec) {
      unused.push(key);
      // What only a part is taken from may hold anything else.
      if (strict && only === undefined && to !== undefined && !isCounter(to))
        problems.push(`unknown ${to} ${formatShape(tensor.shape)}`);
    } else if (values.has(spec.name)) {
      problems.push(`${spec.name} comes twice; rename gives it to ${key}, too`);
    } else {
      values.set(spec.name, Float32Array.from(tensor.data));
      problems.push(...tensorProblems(spec, tensor, values, nonFinite));
    }
  }
  const missing = wanted.filter((spec) => !values.has(spec.name));
  if (strict) problems.unshift(...missing.map((spec) => `missing ${spec.name} ${formatShape(spec.shape)}`));
  if (problems.length > 0 || values.size === 0) throw unfit(name, problems, specs, [...tensors.keys()]);
  const kept = specs.filter((spec) => !values.has(spec.name)).map((spec) => spec.name);
  // What only a part is taken from had other rows and classes.
  const whole = only === undefined ? schema : undefined;
  return { values, report: { loaded: [...values.keys()], kept, unused }, schema: whole };
}

function tensorProblems(
  spec: ArenaEntry,
  { shape, data }: TensorLike,
  values: ReadonlyMap<string, Float32Array>,
  nonFinite: NonFinite,
): string[] {
  if (formatShape(shape) !== formatShape(spec.shape) || data.length !== elementCount(spec.shape)) {
    const length = formatShape(shape) === formatShape(spec.shape) ? ` with ${data.length} elements` : "";
    return [`${spec.name} is ${formatShape(shape)}${length}, the model has ${formatShape(spec.shape)}`];
  }
  const taken = values.get(spec.name) as Float32Array;
  const at = nonFinite === "allow" ? -1 : firstNonFinite(taken);
  return at < 0 ? [] : [`${spec.name} holds ${taken[at]} at element ${at}`];
}

function unfit(
  name: string,
  problems: readonly string[],
  specs: readonly ArenaEntry[],
  keys: readonly string[],
): Error {
  const some = (names: readonly string[]) =>
    `${names.slice(0, 4).join(", ")}${names.length > 4 ? " …" : ""}` || "none";
  if (problems.length === 0) {
    const names = specs.map((spec) => spec.name);
    return new Error(
      `${name} holds none of the model's tensors that were asked for: it has ${some(keys)}, the model ${some(names)}. Nothing was loaded; say with rename how they belong together.`,
    );
  }
  const finite = problems.every((problem) => problem.includes(" holds "));
  const remedy = finite
    ? 'load what a run saved before it diverged, or pass nonFinite: "allow"'
    : "build the same model first, or say with only, rename or strict: false what is to be taken over";
  return new Error(`${name} does not fit the model: ${problems.join("; ")}. Nothing was loaded; ${remedy}.`);
}

/** @throws TypeError for what is no choice, RangeError where it chooses nothing */
function selected(specs: readonly ArenaEntry[], only: LoadOptions["only"]): readonly ArenaEntry[] {
  if (only === undefined) return specs;
  const chooses = chooser(only);
  const chosen = specs.filter(({ name }) => chooses(name));
  if (chosen.length > 0) return chosen;
  throw new RangeError(
    `load: only ${String(only)} matches none of the model's tensors, which are ${specs.map(({ name }) => name).join(", ") || "none"}`,
  );
}

function chooser(only: NonNullable<LoadOptions["only"]>): (name: string) => boolean {
  if (typeof only === "function") return (name) => only(name);
  // Unlike `test`, `search` does not remember where a global pattern matched last.
  if (only instanceof RegExp) return (name) => name.search(only) >= 0;
  if (typeof only === "string") {
    const path = only.endsWith(".") ? only : `${only}.`;
    return (name) => name === only || name.startsWith(path);
  }
  throw new TypeError(
    `load: only is ${inWords(only)}; give a path such as "0", a pattern, or a function of names`,
  );
}

interface Contents {
  readonly tensors: ReadonlyMap<string, TensorLike>;
  readonly schema?: Schema | undefined;
}

async function contentsOf(source: WeightsSource, name: string): Promise<Contents> {
  if (isByteSource(source)) {
    const { tensors, metadata } = decodeSafetensors(await readBytes(source), name);
    if (!(CHECKPOINT_KEY in metadata)) {
      const text = metadata[SCHEMA_KEY];
      return { tensors, schema: text === undefined ? undefined : parseSchema(text, name) };
    }
    throw new Error(`${name} is no file of weights but a checkpoint; give it to fit as the option resume`);
  }
  const entries = source instanceof Map ? [...source] : isRecord(source) ? Object.entries(source) : undefined;
  if (!entries) {
    throw new TypeError(
      `load: the weights are ${inWords(source)}; give { name: { shape, data } }, as trainer.weights() does, or a safetensors file: bytes, a Blob, a Response, a URL, or a path`,
    );
  }
  for (const [key, tensor] of entries) {
    if (Array.isArray(tensor?.shape) && typeof tensor.data?.length === "number") continue;
    throw new TypeError(
      `load: "${key}" is ${inWords(tensor)}; give { shape, data }: its shape, and its elements`,
    );
  }
  return { tensors: new Map(entries) };
}

function isRecord(value: unknown): value is Readonly<Record<string, TensorLike>> {
  return typeof value === "object" && value !== null && isLiteral(value) && !isPromise(value);
}

/** The schema as a model's file holds it. @throws Error where it is none */
function parseSchema(text: string, name: string): Schema {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    // Said below.
  }
  const { columns = [], classes = [], scalers = [], scale = 1 } = Object(schema) as Schema;
  const known =
    typeof schema === "object" && schema !== null && [columns, classes, scalers].every(Array.isArray);
  if (known && typeof scale === "number" && columns.every((column) => typeof column?.name === "string")) {
    return schema as Schema;
  }
  throw new Error(`${name}: what it says of columns and classes cannot be read; was it changed?`);
}
