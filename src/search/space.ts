/** Spaces of a search: lists and distributions, and drawing from them. */
import { inWords } from "../checks.ts";
import { randomU32 } from "../random.ts";

/** A value that a record can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One value for each name of a space. */
export type Choices = Readonly<Record<string, Json>>;

/** A distribution of values: plain data for records, and its quantile function. */
export interface Distribution<V extends Json = Json> {
  readonly distribution: string;
  readonly of: readonly Json[];
  /** The quantile of `fraction`, from 0 up to 1. */
  at(fraction: number): V;
}

/** Lists of values, by name. */
export type GridSpace = Readonly<Record<string, readonly Json[]>>;
/** Lists of equally likely values, or distributions, by name. */
export type RandomSpace = Readonly<Record<string, readonly Json[] | Distribution>>;

/** Choices from a space: one value of each list or distribution. */
export type ChoicesOf<S extends RandomSpace> = {
  readonly [K in keyof S]: S[K] extends readonly (infer V)[]
    ? V
    : S[K] extends Distribution<infer V>
      ? V
      : never;
};

/** Digits of a drawn number: fewer than a double has, so that all JavaScript engines agree in the last one. */
const DIGITS = 12;

/**
 * Uniform distribution of numbers from `low` up to `high`.
 * @throws RangeError where the bounds are not finite, or not in ascending order
 */
export function uniform(low: number, high: number): Distribution<number> {
  checkRange("uniform", low, high, Number.NEGATIVE_INFINITY);
  const at = (fraction: number) => shortened(low + fraction * (high - low));
  return { distribution: "uniform", of: [low, high], at };
}

/**
 * Log-uniform distribution of numbers from `low` up to `high`, for learning rates and penalties.
 * @throws RangeError where the bounds are not finite, not above 0, or not in ascending order
 */
export function logUniform(low: number, high: number): Distribution<number> {
  checkRange("logUniform", low, high, 0);
  const at = (fraction: number) =>
    shortened(Math.exp(Math.log(low) + fraction * (Math.log(high) - Math.log(low))));
  return { distribution: "logUniform", of: [low, high], at };
}

/**
 * Uniform distribution of whole numbers from `low` to `high`, both included.
 * @throws RangeError where the bounds are no whole numbers, or not in ascending order
 */
export function integer(low: number, high: number): Distribution<number> {
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low > high) {
    throw new RangeError(
      `integer: the range is ${low} to ${high}; give two whole numbers, the lower one first`,
    );
  }
  return {
    distribution: "integer",
    of: [low, high],
    at: (fraction) => low + floorOf(fraction, high - low + 1),
  };
}

/**
 * Uniform distribution over `values`, equivalent to a plain list.
 * @throws RangeError where `values` is empty
 * @throws TypeError where `values` is no array, or a value is not plain (JSON)
 */
export function choice<const V extends Json>(values: readonly V[]): Distribution<V> {
  if (!Array.isArray(values)) throw new TypeError(`choice: values is ${inWords(values)}; give an array`);
  checkValues("choice", "values", values);
  return { distribution: "choice", of: values, at: (fraction) => values[floorOf(fraction, values.length)] };
}

/** A whole number from 0 to count − 1, even where rounding leads to `count`. */
function floorOf(fraction: number, count: number): number {
  return Math.min(Math.floor(fraction * count), count - 1);
}

function shortened(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

function checkRange(name: string, low: number, high: number, above: number): void {
  if (!(low > above && low < high && Number.isFinite(low) && Number.isFinite(high))) {
    const bound = above === 0 ? " above 0" : "";
    throw new RangeError(
      `${name}: the range is ${low} to ${high}; give two finite numbers${bound}, the lower one first`,
    );
  }
}

function checkValues(search: string, name: string, values: readonly unknown[]): void {
  if (values.length === 0)
    throw new RangeError(`${search}: ${name} is an empty list; give one value or more`);
  values.forEach((value, i) => {
    if (!isPlain(value)) {
      throw new TypeError(
        `${search}: ${name}[${i}] is ${String(value)}; choices are plain values (numbers, strings, lists …): choose a name, and build the object in model or options`,
      );
    }
  });
}

/** Whether a value survives JSON unchanged. */
function isPlain(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain);
}

/**
 * @throws TypeError or RangeError naming the entry that is neither a list of plain values nor, where allowed, a
 *   distribution
 */
export function checkSpace(search: string, space: RandomSpace, distributions: boolean): void {
  const names = Object.keys(space ?? {});
  if (names.length === 0) {
    throw new TypeError(`${search}: the space is empty; name what to choose, such as { hidden: [10, 30] }`);
  }
  for (const name of names) {
    const entry = space[name];
    if (isList(entry)) checkValues(search, `space.${name}`, entry);
    else if (!distributions || typeof entry?.at !== "function") {
      throw new TypeError(
        `${search}: space.${name} is no list; give ${distributions ? "a list, or uniform(…), logUniform(…), integer(…) or choice(…)" : "a list of values, or search a distribution by randomSearch"}`,
      );
    }
  }
}

function isList(entry: readonly Json[] | Distribution): entry is readonly Json[] {
  return Array.isArray(entry);
}

/** Every combination of the lists' values; the last name varies fastest. */
export function combinations(space: GridSpace): Choices[] {
  return Object.entries(space).reduce<Choices[]>(
    (all, [name, values]) => all.flatMap((choices) => values.map((value) => ({ ...choices, [name]: value }))),
    [{}],
  );
}

/** The choices of trial `index`: each a function of the seed, the trial's number and the choice's name. */
export function drawn(space: RandomSpace, seed: number, index: number): Choices {
  const entries = Object.entries(space).map(([name, entry]) => {
    const { at } = isList(entry) ? choice(entry) : entry;
    return [name, at(randomU32(seed, hash(name), index) / 2 ** 32)] as const;
  });
  return Object.fromEntries(entries);
}

/** A 32-bit hash (FNV-1a over 16-bit units), for random streams and for identifying data. */
export function hash(values: string | ArrayLike<number>): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < values.length; i++) {
    const unit = typeof values === "string" ? values.charCodeAt(i) : values[i];
    state = Math.imul(state ^ unit, 0x01000193);
  }
  return state >>> 0;
}
