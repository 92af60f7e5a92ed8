/** Models: layers in sequence, or any function of traced tensors. */
import { inWords, isClass } from "../../checks.ts";
import { formatShape } from "../../program.ts";
import { Tensor, withLabel } from "../graph/tensor.ts";
import { resolveUncalled, type Uncalled } from "./factory.ts";
import type { Scope } from "./parameters.ts";

/** A part of a model: a function of traced tensors, with a name for people and a scope for its parameters. */
export interface Layer {
  readonly name: string;
  /**
   * `activation`: the default initializer of the layer before adapts to it. `weights`: no activation behind this layer
   * affects the layer before.
   */
  readonly role?: "activation" | "weights";
  /** Traces the layer: from its input to its output. Parameters come from `scope`. */
  apply(x: Tensor, scope: Scope): Tensor;
}

/** A model: a layer, a plain function, or an activation without a call. */
export type Model = Layer | LayerFunction | Uncalled<Layer>;
export type LayerFunction = (x: Tensor, scope: Scope) => Tensor;

export interface Sequential extends Layer {
  readonly layers: readonly Layer[];
  /** The same model with other layers. */
  withLayers(layers: readonly Layer[]): Sequential;
}

export function isSequential(model: Layer): model is Sequential {
  return "withLayers" in model;
}

/** @throws TypeError in the name of `owner`, where `given` is no model */
export function asLayer(given: Model, owner = "sequential", what = "the model"): Layer {
  const model = resolveUncalled<Layer, LayerFunction>(given);
  if (typeof model === "function") {
    if (!isClass(model)) return { name: model.name || "function", apply: model };
    throw new TypeError(
      `${owner}: ${what} is the class ${model.name}; give an instance: new ${model.name}(…)`,
    );
  }
  if (typeof model?.apply === "function") return model;
  const remedy = Array.isArray(model)
    ? "give layers one by one: sequential(...layers)"
    : "give a layer such as dense(10), sequential(…), or a function (x, scope) => tensor";
  throw new TypeError(`${owner}: ${what} is ${inWords(model)}; ${remedy}`);
}

/**
 * Applies layers in sequence. Parameters are named by position, as in PyTorch: `0.weight`, `0.bias`, `2.weight` …
 * @throws TypeError where there is no layer, or an argument is none
 */
export function sequential(...models: readonly Model[]): Sequential {
  if (models.length === 0) throw new TypeError("sequential: give it at least one layer");
  return inRow(models.map((model, i) => asLayer(model, "sequential", `layer ${i}`)));
}

function inRow(layers: readonly Layer[]): Sequential {
  const activations = activationsBehind(layers);
  const model: Sequential = {
    name: "sequential",
    layers,
    withLayers: inRow,
    apply: (x, scope) =>
      layers.reduce((input, layer, i) => {
        const inner = scope.child(String(i), activations[i]);
        const output = withLabel(`${inner.path}.${layer.name}`, () => layer.apply(input, inner));
        if (!(output instanceof Tensor)) {
          throw new TypeError(
            `layer ${inner.path}.${layer.name} returned ${inWords(output)}; a layer returns a tensor (and one that is made by a call is called first: dense(10), flatten())`,
          );
        }
        return output;
      }, x),
  };
  return model;
}

/** For each layer the first activation after it and before the next layer with weights. */
function activationsBehind(layers: readonly Layer[]): (string | undefined)[] {
  let next: string | undefined;
  const behind = new Array<string | undefined>(layers.length);
  for (let i = layers.length - 1; i >= 0; i--) {
    behind[i] = next;
    const { role, name } = layers[i];
    if (role) next = role === "activation" ? name : undefined;
  }
  return behind;
}

/** Traces a model; errors name its input. */
export function applyModel(model: Layer, x: Tensor, scope: Scope): Tensor {
  const output = model.apply(x, scope);
  if (output instanceof Tensor) return output;
  throw new TypeError(
    `the model returned ${inWords(output)} for an input ${formatShape(x.shape)}; it must return a tensor`,
  );
}
