/** Splitting a data set into parts by ratios, such as training, validation and test sets. */
import { checkOptions, inWords, isList } from "../checks.ts";
import { epochOrder } from "../random.ts";
import { checkClassCounts, samplesByClass } from "./classes.ts";
import { checkDataset, type InputSet, subset } from "./dataset.ts";

export interface SplitOptions {
  /** Whether every part gets the same proportions of classes (default false). */
  readonly stratified?: boolean;
  /** Of the order in which samples are dealt out (default 0). */
  readonly seed?: number;
  /** Whether samples are dealt out in a random order (default true), or as they stand. */
  readonly shuffle?: boolean;
}

/** A data set for each ratio: a tuple where their number is known. */
export type Parts<T, Ratios extends readonly number[]> = { -readonly [Part in keyof Ratios]: T };

/** How far ratios may be from a sum of 1. */
const SUM_TOLERANCE = 1e-9;

/**
 * Whole numbers in proportion to `ratios` that sum to `count`, each within one of its exact share: the whole parts of the
 * shares first, then one more for the largest remainders (Hamilton's method). `behind` is added to the remainders.
 */
function largestRemainders(count: number, ratios: readonly number[], behind?: readonly number[]): number[] {
  // Rounded a little, so that 0.1 · 30 is no share of 2.9999…
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
      sizes[part] = (sizes[part] as number) + 1;
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
 * Parts of a data set, copied: `split(set, [0.8, 0.1, 0.1])` gives three. Every sample is in one of them. Sizes are the
 * ratios' exact shares of the count, rounded to sum to it; stratified, the same holds for each class. A pure function of
 * the data set and the options.
 * @throws RangeError where ratios are none or do not sum to 1, a part gets no sample, or, stratified, a class has fewer
 *   samples than there are parts; TypeError where there are no classes to stratify by
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
  // In the order of dealing: a part is no list of classes one after the other.
  for (const index of order) parts[partOf[index] as number]?.push(index);
  const sets = parts.map((indices, part) => {
    if (indices.length > 0) return subset(source, indices);
    throw new RangeError(
      `split: ${name}: part ${part} (ratio ${ratios[part]}) gets none of ${count} samples; give it a larger ratio`,
    );
  });
  return sets as Parts<T, Ratios>;
}

/** The part of each sample, where `samples` go to the parts one after the other. */
function consecutive(
  samples: ArrayLike<number>,
  sizes: readonly number[],
  into: Uint32Array = new Uint32Array(samples.length),
): Uint32Array {
  let next = 0;
  sizes.forEach((size, part) => {
    for (const end = next + size; next < end; next++) into[samples[next] as number] = part;
  });
  return into;
}

function stratifiedParts(source: InputSet, ratios: readonly number[], order: Uint32Array): Uint32Array {
  const byClass = samplesByClass("split", source, order);
  checkClassCounts("split", source, byClass, ratios.length, "parts");
  const partOf = new Uint32Array(source.count);
  // What parts are owed from the rounding of classes before: so that it does not add up.
  const behind = ratios.map(() => 0);
  for (const samples of byClass.values()) {
    const sizes = largestRemainders(samples.length, ratios, behind);
    consecutive(samples, sizes, partOf);
    ratios.forEach((ratio, part) => {
      behind[part] = (behind[part] as number) + ratio * samples.length - (sizes[part] as number);
    });
  }
  return partOf;
}
