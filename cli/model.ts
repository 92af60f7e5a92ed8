/** From options to a model. The tables here are the values that `--model` and `--activation` take. */
import {
  batchNorm,
  conv2d,
  dense,
  dropout,
  elu,
  gelu,
  type Layer,
  leakyRelu,
  maxPool2d,
  relu,
  type Sequential,
  selu,
  sequential,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "wgrad";
import { LOSSES, type LossName } from "./training.ts";

export const ACTIVATIONS = {
  relu,
  leakyRelu,
  elu,
  selu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
} satisfies Record<string, () => Layer>;

interface ModelEntry {
  /** Widths of the hidden dense layers by default; a model without this has none. */
  readonly hidden?: readonly number[];
  /** The only activation that it takes. */
  readonly activation?: keyof typeof ACTIVATIONS;
}

export const MODELS = {
  mlp: { hidden: [256, 128] },
  convnet: { hidden: [256] },
  textbook: { hidden: [30], activation: "sigmoid" },
  linear: {},
} satisfies Record<string, ModelEntry>;

export type ActivationName = keyof typeof ACTIVATIONS;
export type ModelName = keyof typeof MODELS;

/** A convolution of the convnet, followed by max-pooling of 2×2: so many filters, of so many pixels along each side. */
export interface Filters {
  readonly filters: number;
  readonly kernel: number;
}

const CONVOLUTIONS: readonly Filters[] = [
  { filters: 24, kernel: 5 },
  { filters: 32, kernel: 3 },
];

export interface ModelOptions {
  readonly model: ModelName;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  /** The convnet's convolutions, if not the usual ones. */
  readonly filters?: readonly Filters[];
  /** Rate of dropout behind each hidden dense layer; 0 for none. */
  readonly dropout: number;
  readonly batchNorm: boolean;
  readonly loss: LossName;
}

export function modelEntry(name: ModelName): ModelEntry {
  return MODELS[name];
}

function convolutionsOf({ model, filters = CONVOLUTIONS }: ModelOptions): readonly Filters[] {
  return model === "convnet" ? filters : [];
}

export function buildModel(options: ModelOptions, classes: number): Sequential {
  const activation = ACTIVATIONS[options.activation] as () => Layer;
  const norm = options.batchNorm ? [batchNorm()] : [];
  return sequential(
    ...convolutionsOf(options).flatMap(({ filters, kernel }) => [
      conv2d(filters, kernel),
      ...norm,
      maxPool2d(2),
      activation(),
    ]),
    ...options.hidden.flatMap((width) => [
      dense(width),
      ...norm,
      activation(),
      ...(options.dropout > 0 ? [dropout(options.dropout)] : []),
    ]),
    dense(classes),
    ...(activatesOutputs(options) ? [activation()] : []),
  );
}

/** Whether the last layer has the hidden layers' activation, too; the losses that take logits bring their own. */
function activatesOutputs({ model, loss }: ModelOptions): boolean {
  if (loss === "quadratic") return true;
  return model === "textbook" && !LOSSES[loss].logits;
}

/** "784-256-128-10, relu", "784-24@5×5-32@3×3-256-10, relu, batch norm, dropout 0.5". */
export function describeModel(inputs: number, options: ModelOptions, classes: number): string {
  const filters = convolutionsOf(options).map(({ filters, kernel }) => `${filters}@${kernel}×${kernel}`);
  const activated = filters.length + options.hidden.length > 0 || activatesOutputs(options);
  return [
    [inputs, ...filters, ...options.hidden, classes].join("-"),
    ...(activated ? [options.activation] : []),
    ...(options.batchNorm ? ["batch norm"] : []),
    ...(options.dropout > 0 ? [`dropout ${options.dropout}`] : []),
  ].join(", ");
}
