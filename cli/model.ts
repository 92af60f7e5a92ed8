/** Builds a model from options. The table lists the values of `--model`. */
import type { Sequential } from "wgrad";
import { network } from "../presets/build.ts";
import { type ActivationName, CONVOLUTIONS, type Filters, layerSizes } from "../presets/choices.ts";
import { LOSSES, type LossName } from "./training.ts";

interface ModelEntry {
  /** Default widths of the hidden dense layers; missing for a model without hidden layers. */
  readonly hidden?: readonly number[];
  /** The only activation of this model. */
  readonly activation?: ActivationName;
}

export const MODELS = {
  mlp: { hidden: [256, 128] },
  convnet: { hidden: [256] },
  textbook: { hidden: [30], activation: "sigmoid" },
  linear: {},
} satisfies Record<string, ModelEntry>;

export type ModelName = keyof typeof MODELS;

export interface ModelOptions {
  readonly model: ModelName;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  /** The convnet's convolutions, where not the default ones. */
  readonly filters?: readonly Filters[];
  /** Rate of dropout after each hidden dense layer; 0 for none. */
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
  const { hidden, activation, batchNorm, dropout } = options;
  return network({
    convolutions: convolutionsOf(options),
    hidden,
    classes,
    activation,
    batchNorm,
    dropout,
    activatesOutputs: activatesOutputs(options),
  });
}

/** Whether the last layer has the hidden layers' activation; losses of logits include their own. */
function activatesOutputs({ model, loss }: ModelOptions): boolean {
  if (loss === "quadratic") return true;
  return model === "textbook" && !LOSSES[loss].logits;
}

/** "784-256-128-10, relu", "784-24@5×5-32@3×3-256-10, relu, batch norm, dropout 0.5". */
export function describeModel(inputs: number, options: ModelOptions, classes: number): string {
  const sizes = layerSizes(inputs, convolutionsOf(options), options.hidden, classes);
  const activated = sizes.length > 2 || activatesOutputs(options);
  return [
    sizes.join("-"),
    ...(activated ? [options.activation] : []),
    ...(options.batchNorm ? ["batch norm"] : []),
    ...(options.dropout > 0 ? [`dropout ${options.dropout}`] : []),
  ].join(", ");
}
