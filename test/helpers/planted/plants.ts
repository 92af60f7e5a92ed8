/** NaN and infinities planted into small models in training, and where they are to be found. */
import type { Model, SessionOptions } from "wgrad";
import type { Data } from "../../../src/train/source.ts";
import type { DivergenceReport } from "../../../src/train/trace/report.ts";
import type { TracedStep } from "../../../src/train/trace/step.ts";

/** A training step in which something is planted. */
export interface Bed {
  /** Sets one element of a parameter, a statistic (`1.running_mean`) or a moment (`second of 2.weight`). */
  set(tensor: string, value: number, element?: number): void;
  /** Sets all its elements. */
  fill(tensor: string, value: number): void;
  /** Sets an element of the batch's sample number `sample`, as it lies in memory. */
  input(sample: number, element: number, value: number): void;
  target(sample: number, element: number, value: number): void;
  /** Sets numbers of the step. */
  step(change: Partial<TracedStep>): void;
}

/** What the report must say. Of an op, one of several names will do, where kernels may fail in the one or the other. */
export type Expected = { readonly [K in keyof DivergenceReport]?: unknown };

export interface Plant {
  readonly name: string;
  plant(bed: Bed): void;
  readonly expected: Expected;
}

/** A model in training, and what is planted into it, one at a time. */
export interface Network {
  readonly name: string;
  readonly model: () => Model;
  readonly data: () => Data;
  readonly options: SessionOptions;
  readonly plants: readonly Plant[];
}

const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minus } = Number;

/** The three kinds of bad numbers, in turns. */
export const BAD = [nan, inf, minus] as const;

/** One bad number in each of these tensors, in turns. */
export function inState(
  place: "parameter" | "statistic" | "moment",
  tensors: readonly (readonly [tensor: string, element: number])[],
  bad: readonly number[] = BAD,
): Plant[] {
  return tensors.map(([tensor, element], i) => {
    const value = bad[i % bad.length];
    return {
      name: `${value} in ${tensor}`,
      plant: (bed) => bed.set(tensor, value, element),
      expected: { place, tensor, element, value },
    };
  });
}

/** One bad number in the batch: samples are those of the third batch. */
export function inBatch(
  place: "input" | "target",
  spots: readonly (readonly [sample: number, element: number])[],
): Plant[] {
  return spots.map(([sample, element], i) => {
    const value = BAD[i % BAD.length];
    return {
      name: `${value} as ${place} ${sample}, ${element}`,
      plant: (bed) => bed[place](sample, element, value),
      expected: { place, sample, element, value },
    };
  });
}

/** Finite numbers that make an op fail. */
export function inOp(name: string, plant: Plant["plant"], expected: Expected): Plant {
  return { name, plant, expected: { place: "op", ...expected } };
}

/** The numbers of the first that is not as expected, in words; undefined where all is. */
export function difference(report: DivergenceReport, expected: Expected): string | undefined {
  for (const [key, wanted] of Object.entries(expected)) {
    const found = report[key as keyof DivergenceReport];
    const fits = Array.isArray(wanted)
      ? wanted.some((one) => Object.is(one, found)) || String(wanted) === String(found)
      : Object.is(wanted, found);
    if (!fits) return `${key} is ${String(found)}, expected ${String(wanted)}`;
  }
  return undefined;
}
