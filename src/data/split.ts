/** Splits a data set by ratios, into training, validation and test sets for example. */
import { checkOptions, inWords, isList } from "../checks.ts";
import { epochOrder } from "../random.ts";
import { checkClassCounts, samplesByClass } from "./classes.ts";
import { checkDataset, type InputSet, subset } from "./dataset.ts";

export interface SplitOptions {
  /** Whether each part keeps the proportions of classes (default false). */
  readonly stratified?: boolean;
  /** Seed of the shuffle (default 0). */
  readonly seed?: number;
  /** Whether samples are shuffled before they are dealt to parts (default true). */
  readonly shuffle?: boolean;
}

/** A data set for each ratio: a tuple where the number of ratios is known. */
export type Parts<T, Ratios extends readonly number[]> = { -readonly [Part in keyof Ratios]: T };

/** Largest distance of the ratios' sum from 1. */
const SUM_TOLERANCE = 1e-9;

/**
 * Whole numbers in proportion to `ratios` that sum to `count`: first the shares rounded down, then one more for the
 * largest remainders (Hamilton's method). Each number is within 1 of the exact share. `behind` is added to the
 * remainders.
 */
function largestRemainders(count: number, ratios: readonly number[], behind?: readonly number[]): number[] {
  // Rounded slightly: 0.1 · 30 is a share of 3, not of 2.9999…
  const shares = ratios.map((ratio) => Number((ratio * count).toFixed(9)));
  const sizes = shares.map(Math.floor);
  const left = count - sizes.reduce((sum, size) => sum + size, 0);
  const remainders = shares.map((share, part) => ({ part, remainder: share - Math.floor(share) }));
  remainders
    .filter(({ remainder }) => remainder > 0)
    .map(({ part, remainder }) => ({ part, claim: remainder + (behind?.[part] ?? 0) }))
    .sort((a, b) => b.claim - a.claim || a.part - b.part)
    .slice(0, left)
    .forEach(({ part }) => {
      sizes[part] = sizes[part] + 1;
    });
  return sizes;
}

function checkRatios(name: string, ratios: readonly number[]): void {
  if (!isList(ratios)) {
    throw new TypeError(
      `split: ${name}: the ratios are ${inWords(ratios)}; give those of all parts: [0.8, 0.2]`,
    );
  }
  const bad = ratios.findIndex((ratio) => !(Number.isFinite(ratio) && ratio > 0 && ratio <= 1));
  if (bad >= 0) {
    throw new RangeError(
      `split: ${name}: ratio ${bad} is ${inWords(ratios[bad])}; give parts of the whole, from above 0 to 1`,
    );
  }
  const sum = ratios.reduce((total, ratio) => total + ratio, 0);
  if (!(Math.abs(sum - 1) <= SUM_TOLERANCE)) {
    throw new RangeError(`split: ${name}: ratios [${ratios.join(", ")}] sum to ${sum}; they must sum to 1`);
  }
}

/**
 * Splits a data set into copied parts: `split(set, [0.8, 0.1, 0.1])` gives three. Every sample is in one part. Sizes
 * are the ratios' shares of the count, rounded so that they sum to it; stratified, the same holds within each class.
 * The result is a pure function of the arguments.
 * @throws RangeError where ratios are missing or do not sum to 1, a part gets no sample, or, stratified, a class has
 *   fewer samples than there are parts
 * @throws TypeError where `source` is no data set in memory, an option is unknown, or, stratified, the data set has no
 *   classes
 */
export function split<T extends InputSet, const Ratios extends readonly number[]>(
  source: T,
  ratios: Ratios,
  options: SplitOptions = {},
): Parts<T, Ratios> {
  checkDataset("split", source);
  checkOptions("split", options, { stratified: "boolean", seed: "number", shuffle: "boolean" });
  const { stratified = false, seed = 0, shuffle = true } = options;
  const { name, count } = source;
  checkRatios(name, ratios);
  const order = epochOrder(count, seed, 0, shuffle);
  const partOf = stratified
    ? stratifiedParts(source, ratios, order)
    : consecutive(order, largestRemainders(count, ratios));
  const parts: number[][] = ratios.map(() => []);
  // In the order of dealing: otherwise a part would list class after class.
  for (const index of order) parts[partOf[index]]?.push(index);
  const sets = parts.map((indices, part) => {
    if (indices.length > 0) return subset(source, indices);
    throw new RangeError(
      `split: ${name}: part ${part} (ratio ${ratios[part]}) gets none of ${count} samples; give it a larger ratio`,
    );
  });
  return sets as Parts<T, Ratios>;
}

/** The part of each sample, where parts take `samples` in order. */
function consecutive(
  samples: ArrayLike<number>,
  sizes: readonly number[],
  into: Uint32Array = new Uint32Array(samples.length),
): Uint32Array {
  let next = 0;
  sizes.forEach((size, part) => {
    for (const end = next + size; next < end; next++) into[samples[next]] = part;
  });
  return into;
}

function stratifiedParts(source: InputSet, ratios: readonly number[], order: Uint32Array): Uint32Array {
  const byClass = samplesByClass("split", source, order);
  checkClassCounts("split", source, byClass, ratios.length, "parts");
  const partOf = new Uint32Array(source.count);
  // Samples that rounding in earlier classes still owes each part: rounding errors do not add up.
  const behind = ratios.map(() => 0);
  for (const samples of byClass.values()) {
    const sizes = largestRemainders(samples.length, ratios, behind);
    consecutive(samples, sizes, partOf);
    ratios.forEach((ratio, part) => {
      behind[part] = behind[part] + ratio * samples.length - sizes[part];
    });
  }
  return partOf;
}
