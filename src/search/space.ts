/** What a search may choose from: lists and distributions, and how choices are drawn. */
import { inWords } from "../checks.ts";
import { randomU32 } from "../random.ts";

/** A value that a record can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One value for each name of a space. */
export type Choices = Readonly<Record<string, Json>>;

/** Values by their probability: data for records, and how a value comes out of a number. */
export interface Distribution<V extends Json = Json> {
  readonly distribution: string;
  readonly of: readonly Json[];
  /** The value at a fraction of the distribution, from 0 up to 1. */
  at(fraction: number): V;
}

/** Lists of values, by name. */
export type GridSpace = Readonly<Record<string, readonly Json[]>>;
/** Lists, of which each value is as likely, or distributions, by name. */
export type RandomSpace = Readonly<Record<string, readonly Json[] | Distribution>>;

/** The choices that a space gives: a value of each list or distribution. */
export type ChoicesOf<S extends RandomSpace> = {
  readonly [K in keyof S]: S[K] extends readonly (infer V)[]
    ? V
    : S[K] extends Distribution<infer V>
      ? V
      : never;
};

/** Digits of a drawn number: fewer than a double has, so that engines' logarithms cannot differ in the last one. */
const DIGITS = 12;

/** Numbers from `low` up to `high`, all as likely. */
export function uniform(low: number, high: number): Distribution<number> {
  checkRange("uniform", low, high, Number.NEGATIVE_INFINITY);
  const at = (fraction: number) => shortened(low + fraction * (high - low));
  return { distribution: "uniform", of: [low, high], at };
}

/** Numbers from `low` (above 0) up to `high` whose logarithms are all as likely: for learning rates and penalties. */
export function logUniform(low: number, high: number): Distribution<number> {
  checkRange("logUniform", low, high, 0);
  const at = (fraction: number) =>
    shortened(Math.exp(Math.log(low) + fraction * (Math.log(high) - Math.log(low))));
  return { distribution: "logUniform", of: [low, high], at };
}

/** Whole numbers from `low` to `high`, both included. */
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

/** One of `values`, all as likely; a plain list is the same. */
export function choice<const V extends Json>(values: readonly V[]): Distribution<V> {
  if (!Array.isArray(values)) throw new TypeError(`choice: values is ${inWords(values)}; give an array`);
  checkValues("choice", "values", values);
  return { distribution: "choice", of: values, at: (fraction) => values[floorOf(fraction, values.length)] };
}

/** One of 0 … count - 1; rounding must not lead beyond. */
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
        `${search}: ${name}[${i}] is ${String(value)}; choices are plain values (numbers, strings, lists …): name one, and make of it what you need in model or options`,
      );
    }
  });
}

/** Whether a value comes back from JSON as it was. */
function isPlain(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain);
}

/** @throws TypeError | RangeError naming the entry that is no list of plain values, or (where allowed) distribution */
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

/** Every combination of the lists' values; the last name changes fastest. */
export function combinations(space: GridSpace): Choices[] {
  return Object.entries(space).reduce<Choices[]>(
    (all, [name, values]) => all.flatMap((choices) => values.map((value) => ({ ...choices, [name]: value }))),
    [{}],
  );
}

/** The choices of trial `index`: each a function of the seed, the trial's number and the choice's name alone. */
export function drawn(space: RandomSpace, seed: number, index: number): Choices {
  const entries = Object.entries(space).map(([name, entry]) => {
    const { at } = isList(entry) ? choice(entry) : entry;
    return [name, at(randomU32(seed, hash(name), index) / 2 ** 32)] as const;
  });
  return Object.fromEntries(entries);
}

/** A 32-bit hash (FNV-1a over 16-bit units), for streams of random numbers and for telling data apart. */
export function hash(values: string | ArrayLike<number>): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < values.length; i++) {
    const unit = typeof values === "string" ? values.charCodeAt(i) : values[i];
    state = Math.imul(state ^ unit, 0x01000193);
  }
  return state >>> 0;
}
