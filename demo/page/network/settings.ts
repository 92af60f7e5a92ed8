/** The choices of a training, as plain data, for workers and addresses. Nothing here needs the library. */
import { type ActivationName, OPTIMIZERS, type OptimizerName } from "../../../presets/choices.ts";
import type { EngineName } from "../device.tsx";

export const MODELS = {
  linear: "Linear",
  mlp: "MLP",
  textbook: "Textbook, 784-30-10",
  convnet: "ConvNet",
} as const;

/** Learning rates that suit these images better than an optimizer's default. */
const RATES: Partial<Record<OptimizerName, number>> = { sgd: 0.1, momentum: 0.05, nesterov: 0.05 };

/** The learning rate to begin with, and where another optimizer is chosen. */
export function rateFor(optimizer: OptimizerName): number {
  return RATES[optimizer] ?? OPTIMIZERS[optimizer].defaults.learningRate;
}

export const SCHEDULES = {
  constant: "Constant",
  cosine: "Cosine, down to 0",
  oneCycle: "One cycle",
  exponential: "× 0.9 each epoch",
  step: "× 0.1 every 3 epochs",
  plateau: "× 0.1 on a plateau",
} as const;

export const AUGMENTATIONS = {
  none: "None",
  shift: "Shift by 2 pixels",
  affine: "Rotate, scale, shift",
  elastic: "Elastic",
} as const;

export type ModelName = keyof typeof MODELS;
export type ScheduleName = keyof typeof SCHEDULES;
export type AugmentationName = keyof typeof AUGMENTATIONS;
export type DatasetName = "mnist" | "digits";

export interface Settings {
  readonly engine: EngineName;
  readonly dataset: DatasetName;
  readonly model: ModelName;
  /** Widths of the hidden layers of an MLP. */
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  readonly batchSize: number;
  readonly epochs: number;
  /** The part of hidden units that is dropped, from 0 to below 1. */
  readonly dropout: number;
  /** Factor of the sum of squared weights in the loss. */
  readonly l2: number;
  readonly augmentation: AugmentationName;
  readonly seed: number;
}

export const DEFAULTS: Settings = {
  engine: "gpu",
  dataset: "mnist",
  model: "mlp",
  hidden: [128, 64],
  activation: "relu",
  optimizer: "adam",
  learningRate: rateFor("adam"),
  schedule: "constant",
  batchSize: 128,
  epochs: 10,
  dropout: 0,
  l2: 0,
  augmentation: "none",
  seed: 1,
};

/** Defaults for the CPU engine, which is some hundred times slower: a small network, and data that need no download. */
export const CPU_DEFAULTS: Settings = {
  ...DEFAULTS,
  engine: "cpu",
  dataset: "digits",
  hidden: [32],
  batchSize: 32,
};

/** "128, 64" → [128, 64]. @throws RangeError with the expected form */
export function parseHidden(text: string): number[] {
  const widths = text
    .split(/[\s,;-]+/)
    .filter(Boolean)
    .map(Number);
  const fits = (width: number) => Number.isInteger(width) && width >= 1 && width <= 4096;
  if (widths.length >= 1 && widths.length <= 8 && widths.every(fits)) return widths;
  throw new RangeError("expected 1 to 8 whole numbers from 1 to 4096, such as 128, 64");
}

/** Whether the choice has a meaning for the model: a linear one has no activation. */
export function hasActivation({ model }: Settings): boolean {
  return model === "mlp" || model === "convnet";
}

export function hasDropout({ model }: Settings): boolean {
  return model !== "linear";
}
