/** Weights from and to safetensors files, with PyTorch's names and layouts. This module is loaded on the first use. */
import { checkSignal } from "../abort.ts";
import { checkOptions, inWords, isLiteral, isPromise } from "../checks.ts";
import type { Schema } from "../data/schema.ts";
import { type ByteSource, isByteSource, readBytes, sourceName } from "../io/bytes.ts";
import { inTurns } from "../io/pieces.ts";
import { decoding, encoding } from "../io/safetensors.ts";
import type { ArenaEntry } from "../nn/model/layout.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { giveTurn, turnIsDue } from "../turns.ts";
import { checkNonFinite, firstNonFinite, type NonFinite } from "./finite.ts";
import { parseSchema } from "./schemaText.ts";
import { CHECKPOINT_KEY } from "./state.ts";

/** Metadata key of the schema in a file of weights. */
const SCHEMA_KEY = "wgrad.schema";

/** A tensor of weights: its elements in row-major order. */
export interface TensorLike {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** Weights by name; or a safetensors file: its bytes, a Blob, a Response, a URL or (outside browsers) its path. */
export type WeightsSource =
  | Readonly<Record<string, TensorLike>>
  | ReadonlyMap<string, TensorLike>
  | ByteSource;

/** Selection and names of the weights to load. */
export interface LoadOptions {
  /**
   * Tensors of the model to load (default: all): a path (`"backbone"` for `backbone.0.weight`), a pattern, or a
   * function of the name. Other tensors keep their values, and other content of the source is ignored.
   */
  readonly only?: string | RegExp | ((name: string) => boolean);
  /** Maps a name in the source to the model's; undefined leaves the tensor out. */
  readonly rename?: (name: string) => string | undefined;
  /** Whether a tensor missing on either side is an error (default true). A wrong shape always is. */
  readonly strict?: boolean;
  /** Whether weights may be NaN or infinite (default "refuse"). */
  readonly nonFinite?: NonFinite;
  /** Aborts the reading of the source; the signal's reason is the error, and nothing is then changed. */
  readonly signal?: AbortSignal;
}

/** Result of loading, by names. */
export interface LoadReport {
  /** Tensors of the model with new values. */
  readonly loaded: readonly string[];
  /** Tensors of the model that kept their values. */
  readonly kept: readonly string[];
  /** Unused tensors of the source, by its own names. */
  readonly unused: readonly string[];
}

/** PyTorch stores a count of batches with running statistics; wgrad does not use it. */
const isCounter = (name: string) => name.endsWith("num_batches_tracked");

/** Encodes tensors as a safetensors file, with the schema of the model's rows. */
export function encodeWeights(
  weights: Readonly<Record<string, { shape: Shape; data: Float32Array }>>,
  schema?: Schema,
): Promise<Uint8Array> {
  const texts = { format: "pt", ...(schema && { [SCHEMA_KEY]: JSON.stringify(schema) }) };
  return inTurns(encoding(weights, texts));
}

/**
 * Values for the model's tensors.
 * @throws Error listing all that is missing, unknown or of a wrong shape, and what is no finite number
 */
export async function loadWeights(
  source: WeightsSource,
  specs: readonly ArenaEntry[],
  options: LoadOptions = {},
): Promise<{ values: Map<string, Float32Array>; report: LoadReport; schema: Schema | undefined }> {
  checkOptions("load", options, {
    only: "any",
    rename: "function",
    strict: "boolean",
    nonFinite: "string",
    signal: "any",
  });
  const { only, rename = (key) => key, strict = true, nonFinite = "refuse", signal } = options;
  checkNonFinite("load", nonFinite);
  checkSignal("load", signal);
  const name = isByteSource(source) ? sourceName(source, "weights") : "weights";
  const { tensors, schema } = await contentsOf(source, name, signal);
  // Decoded for this call alone: kept as they are.
  const owned = isByteSource(source);
  const chosen = selected(specs, only);
  const wanted = new Map(chosen.map((spec) => [spec.name, spec]));
  const problems: string[] = [];
  const values = new Map<string, Float32Array>();
  const seen = new Set<string>();
  const unused: string[] = [];
  for (const [key, tensor] of tensors) {
    if (turnIsDue()) await giveTurn();
    const to = rename(key);
    const spec = to === undefined ? undefined : wanted.get(to);
    if (!spec) {
      unused.push(key);
      // With a selection, the source may hold anything else.
      if (strict && only === undefined && to !== undefined && !isCounter(to))
        problems.push(`unknown ${shown(to)} ${shownShape(tensor.shape)}`);
    } else if (seen.has(spec.name)) {
      problems.push(`${spec.name} comes twice; rename gives it to ${shown(key)}, too`);
    } else {
      seen.add(spec.name);
      const fitting = valuesOf(spec, tensor, owned, nonFinite);
      if (typeof fitting === "string") problems.push(fitting);
      else values.set(spec.name, fitting);
    }
  }
  const missing = chosen.filter((spec) => !seen.has(spec.name));
  if (strict) problems.unshift(...missing.map((spec) => `missing ${spec.name} ${formatShape(spec.shape)}`));
  if (problems.length > 0 || values.size === 0) throw unfit(name, problems, specs, [...tensors.keys()]);
  const kept = specs.filter((spec) => !values.has(spec.name)).map((spec) => spec.name);
  // With a selection, the source's rows and classes are another model's.
  const whole = only === undefined ? schema : undefined;
  return { values, report: { loaded: [...values.keys()], kept, unused }, schema: whole };
}

/** The values for one of the model's tensors, or what is wrong with them. Nothing is copied that does not fit. */
function valuesOf(
  spec: ArenaEntry,
  { shape, data }: TensorLike,
  owned: boolean,
  nonFinite: NonFinite,
): Float32Array | string {
  if (formatShape(shape) !== formatShape(spec.shape) || data.length !== elementCount(spec.shape)) {
    const length = formatShape(shape) === formatShape(spec.shape) ? ` with ${data.length} elements` : "";
    return `${spec.name} is ${shownShape(shape)}${length}, the model has ${formatShape(spec.shape)}`;
  }
  const taken = owned && data instanceof Float32Array ? data : Float32Array.from(data);
  const at = nonFinite === "allow" ? -1 : firstNonFinite(taken);
  return at < 0 ? taken : `${spec.name} holds ${taken[at]} at element ${at}`;
}

/** A name or a shape of the source, shortened where long. */
const shown = (name: string) => (name.length > MOST_SHOWN ? `${name.slice(0, MOST_SHOWN)}…` : name);
const shownShape = (shape: Shape) => (shape.length > 8 ? `${shape.length} axes` : formatShape(shape));
const MOST_SHOWN = 100;
/** Problems that a message lists. */
const MOST_LISTED = 100;

function unfit(
  name: string,
  problems: readonly string[],
  specs: readonly ArenaEntry[],
  keys: readonly string[],
): Error {
  const some = (names: readonly string[]) =>
    `${names.slice(0, 4).map(shown).join(", ")}${names.length > 4 ? " …" : ""}` || "none";
  if (problems.length === 0) {
    const names = specs.map((spec) => spec.name);
    return new Error(
      `${name} holds none of the model's tensors that were asked for: it has ${some(keys)}, the model ${some(names)}. Nothing was loaded; map the names with rename.`,
    );
  }
  const finite = problems.every((problem) => problem.includes(" holds "));
  const remedy = finite
    ? 'load weights saved before the run diverged, or pass nonFinite: "allow"'
    : "build the same model first, or choose the tensors to load with only, rename or strict: false";
  const listed = problems.slice(0, MOST_LISTED).join("; ");
  const others = problems.length > MOST_LISTED ? `; and ${problems.length - MOST_LISTED} more` : "";
  return new Error(`${name} does not fit the model: ${listed}${others}. Nothing was loaded; ${remedy}.`);
}

/** @throws TypeError where `only` is no selection; RangeError where it matches no tensor */
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
  // Unlike `test`, `search` ignores the last match of a global pattern.
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

async function contentsOf(
  source: WeightsSource,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Contents> {
  signal?.throwIfAborted();
  if (isByteSource(source)) {
    const { tensors, metadata } = await inTurns(decoding(await readBytes(source, signal), name));
    if (!Object.hasOwn(metadata, CHECKPOINT_KEY)) {
      const text = metadata[SCHEMA_KEY];
      return { tensors, schema: text === undefined ? undefined : parseSchema(text, name) };
    }
    throw new Error(
      `${name} is a checkpoint, not a file of weights; give the checkpoint to fit as the option resume`,
    );
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
