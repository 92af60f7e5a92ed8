/** Messages of the training worker to the page, as plain data. */
import type { Device } from "../device.tsx";
import type { DatasetName } from "../network/settings.ts";

export type Status = "idle" | "preparing" | "training" | "paused" | "finished" | "failed";

/** One point of the curves. */
export interface Point {
  /** Steps taken. */
  readonly step: number;
  readonly loss: number;
  /** From 0 to 1. */
  readonly accuracy: number;
}

/** A point of training: means of the steps since the point before. */
export interface TrainingPoint extends Point {
  readonly learningRate: number;
  /** Spent since the run's beginning, without pauses. */
  readonly seconds: number;
}

export interface DataInfo {
  readonly name: DatasetName;
  readonly train: number;
  readonly test: number;
  /** Why these are not the data that were asked for. */
  readonly instead?: string;
}

interface Speed {
  readonly samplesPerSecond: number;
  readonly msPerStep: number;
  /** Seconds until the last epoch's end. */
  readonly secondsLeft: number;
}

/** The run's progress, with all events since the previous message, each once. */
export interface Told {
  readonly status: Status;
  /** The current action, or the error. */
  readonly words: string;
  /** The finished fraction of the current action, where known. */
  readonly part?: number;
  /** A note that must not be missed about this run. */
  readonly notice?: string;
  readonly device?: Device;
  readonly data?: DataInfo;
  readonly step: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly parameters: number;
  readonly speed?: Speed;
  readonly training: readonly TrainingPoint[];
  readonly validation: readonly Point[];
  /** Points from this step on are no longer true: the run went back to a snapshot. */
  readonly backTo?: number;
  readonly insight?: Insight;
  /** Probabilities of the drawing, by digit. */
  readonly probabilities?: readonly number[];
}

/** Pictures and figures of a network in training. */
export interface Insight {
  readonly step: number;
  /** Rows are true digits, columns the digits read. */
  readonly confusion: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
  readonly filters: Filters;
  readonly gradients: readonly GradientHistogram[];
}

export interface Mistake {
  /** The image's index in the test set. */
  readonly index: number;
  /** 28 × 28 bytes. */
  readonly image: Uint8Array;
  readonly label: number;
  readonly guess: number;
  /** The probability of the network's guess, from 0 to 1. */
  readonly probability: number;
}

/** Weights of the first layer, as a picture for each neuron. */
export interface Filters {
  readonly layer: string;
  readonly side: number;
  /** Number of neurons or filters; pictures show the first ones. */
  readonly count: number;
  readonly images: readonly Float32Array[];
}

export interface GradientHistogram {
  readonly layer: string;
  /** By bin: the part of the layer's weights whose gradient is of that size. */
  readonly parts: readonly number[];
  /** The part whose gradient is exactly 0. */
  readonly zeros: number;
}

/** Bins of log10 |gradient|: this many, each so wide, from here on. Smaller and larger ones count in the outer bins. */
export const GRADIENT_BINS = { from: -9, width: 0.25, count: 40 } as const;

/** An image of the test set, to be drawn from. */
export interface TestImage {
  readonly index: number;
  readonly image: Uint8Array;
  readonly label: number;
}
