/** From an engine's results to figures for people. Pure functions. */
import type { Dataset } from "wgrad/data";
import { type Filters, GRADIENT_BINS, type GradientHistogram, type Mistake } from "./messages.ts";

const CLASSES = 10;
const PIXELS = 28 * 28;
const MOST_MISTAKES = 12;
const MOST_FILTERS = 30;

/** A tensor's values by its name and shape, as a trainer's layout has them. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Judged {
  readonly loss: number;
  readonly accuracy: number;
  readonly confusion: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
}

/** Scores of logarithms of probabilities [images, 10], against the images' labels. */
export function judge(logProbabilities: Float32Array, { inputs, targets, count }: Dataset): Judged {
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  const wrong: { index: number; label: number; guess: number; own: number; probability: number }[] = [];
  let loss = 0;
  for (let index = 0; index < count; index++) {
    const row = logProbabilities.subarray(index * CLASSES, (index + 1) * CLASSES);
    const label = targets.data[index];
    let guess = 0;
    for (let digit = 1; digit < CLASSES; digit++) if (row[digit] > row[guess]) guess = digit;
    loss -= row[label] / count;
    confusion[label][guess]++;
    if (guess !== label)
      wrong.push({ index, label, guess, own: row[label], probability: Math.exp(row[guess]) });
  }
  wrong.sort((a, b) => a.own - b.own);
  const mistakes = wrong.slice(0, MOST_MISTAKES).map(({ own: _, ...mistake }) => ({
    ...mistake,
    image: Uint8Array.from(inputs.data.subarray(mistake.index * PIXELS, (mistake.index + 1) * PIXELS)),
  }));
  return { loss, accuracy: 1 - wrong.length / count, confusion, mistakes };
}

/** The first layer's weights [neurons, 784] or [filters, 1, side, side], a picture for each of the first ones. */
export function filtersOf({ name, shape, data }: NamedTensor): Filters {
  const [count] = shape;
  const size = data.length / count;
  const images = Array.from({ length: Math.min(count, MOST_FILTERS) }, (_, i) =>
    data.slice(i * size, (i + 1) * size),
  );
  return { layer: name, side: Math.sqrt(size), count, images };
}

/** A histogram of a layer's gradients by powers of ten, as gradients differ by orders of magnitude. */
export function gradientHistogram({ name, shape, data }: NamedTensor): GradientHistogram {
  const { from, width, count } = GRADIENT_BINS;
  const parts = new Array<number>(count).fill(0);
  let zeros = 0;
  for (const value of data) {
    if (value === 0) {
      zeros++;
      continue;
    }
    const bin = Math.floor((Math.log10(Math.abs(value)) - from) / width);
    // NaN falls into no bin.
    if (!Number.isNaN(bin)) parts[Math.min(count - 1, Math.max(0, bin))]++;
  }
  return {
    layer: `${name.replace(/\.weight$/, "")}: ${shape.join(" × ")}`,
    parts: parts.map((n) => n / data.length),
    zeros: zeros / data.length,
  };
}
