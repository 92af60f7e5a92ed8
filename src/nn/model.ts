/** Models: layers in a row, or any function of traced tensors. */
import { formatShape } from "../program.ts";
import type { Scope } from "./parameters.ts";
import { type SummaryOptions, summary } from "./summary.ts";
import { Tensor, withLabel } from "./tensor.ts";

/** A part of a model: a function of traced tensors, with a name for people and a scope for its parameters. */
export interface Layer {
  readonly name: string;
  /** `activation`: the initializer of the layer before follows it. `weights`: it begins such a stretch. */
  readonly role?: "activation" | "weights";
  apply(x: Tensor, scope: Scope): Tensor;
}

/** A model is a layer; a plain function is one, too. */
export type Model = Layer | LayerFunction;
export type LayerFunction = (x: Tensor, scope: Scope) => Tensor;

export interface Sequential extends Layer {
  readonly layers: readonly Layer[];
  /** The same model around other layers. */
  withLayers(layers: readonly Layer[]): Sequential;
  /** The layers as a table: output shapes, parameters, FLOPs, memory. */
  summary(options: SummaryOptions): string;
}

export function isSequential(model: Layer): model is Sequential {
  return "withLayers" in model;
}

export function asLayer(model: Model): Layer {
  if (typeof model === "function") return { name: model.name || "function", apply: model };
  if (typeof model?.apply !== "function") {
    throw new TypeError(
      `a layer is an object with apply(x, scope), or a function (x, scope) => tensor; got ${model}`,
    );
  }
  return model;
}

/** Layers one after the other. Parameters are named by position, as PyTorch's: `0.weight`, `0.bias`, `2.weight` … */
export function sequential(...models: readonly Model[]): Sequential {
  if (models.length === 0) throw new TypeError("sequential: give it at least one layer");
  return inRow(models.map(asLayer));
}

function inRow(layers: readonly Layer[]): Sequential {
  const model: Sequential = {
    name: "sequential",
    layers,
    withLayers: inRow,
    summary: (options) => summary(model, options),
    apply: (x, scope) =>
      layers.reduce((input, layer, i) => {
        const inner = scope.child(String(i), activationAfter(layers, i));
        const output = withLabel(`${inner.path}.${layer.name}`, () => layer.apply(input, inner));
        if (!(output instanceof Tensor)) {
          throw new TypeError(
            `layer ${inner.path}.${layer.name} returned ${output}; a layer returns a tensor`,
          );
        }
        return output;
      }, x),
  };
  return model;
}

/** The first activation behind layer i, before the next layer with weights. */
function activationAfter(layers: readonly Layer[], i: number): string | undefined {
  for (const layer of layers.slice(i + 1)) {
    if (layer.role === "activation") return layer.name;
    if (layer.role === "weights") return undefined;
  }
  return undefined;
}

/** Traces a model; errors on the way name its input. */
export function applyModel(model: Layer, x: Tensor, scope: Scope): Tensor {
  const output = model.apply(x, scope);
  if (output instanceof Tensor) return output;
  throw new TypeError(
    `the model returned ${output} for an input ${formatShape(x.shape)}; it must return a tensor`,
  );
}
