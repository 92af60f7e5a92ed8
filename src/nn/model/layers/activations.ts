/** Activations as layers. `nn/graph/ops/activations.ts` has the ops of the same names. */
import { checkFinite, checkNothing } from "../../../checks.ts";
import * as ops from "../../graph/ops/activations.ts";
import { softmax as softmaxOp } from "../../graph/ops/softmax.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Factory, factory } from "../factory.ts";
import type { Layer } from "../model.ts";

function made<Arguments extends readonly unknown[]>(
  name: string,
  make: (...args: Arguments) => Layer["apply"],
): Factory<Layer, Arguments> {
  return factory(
    name,
    (...args: Arguments) => ({ name, role: "activation", apply: make(...args) }),
    "layer",
    "x",
  );
}

/** An activation without parameters. */
function plain(name: string, op: (x: Tensor) => Tensor): Factory<Layer> {
  return made(name, (...nothing: readonly never[]) => {
    // `Array.from({ length: 3 }, relu)` passes undefined.
    if (nothing[0] !== undefined) checkNothing(name, nothing);
    // Only the tensor is passed on: ops take operands, no scopes.
    return (x) => op(x);
  });
}

/**
 * max(x, 0).
 * @throws TypeError where an argument is given
 */
export const relu = /* @__PURE__ */ plain("relu", ops.relu);
/**
 * SELU: keeps activations at mean 0 and variance 1 (Klambauer et al. 2017).
 * @throws TypeError where an argument is given
 */
export const selu = /* @__PURE__ */ plain("selu", ops.selu);
/**
 * x · Φ(x), exact (Hendrycks & Gimpel 2016).
 * @throws TypeError where an argument is given
 */
export const gelu = /* @__PURE__ */ plain("gelu", ops.gelu);
/**
 * x · sigmoid(x), also called swish.
 * @throws TypeError where an argument is given
 */
export const silu = /* @__PURE__ */ plain("silu", ops.silu);
/**
 * 1 / (1 + e⁻ˣ).
 * @throws TypeError where an argument is given
 */
export const sigmoid = /* @__PURE__ */ plain("sigmoid", ops.sigmoid);
/**
 * Hyperbolic tangent.
 * @throws TypeError where an argument is given
 */
export const tanh = /* @__PURE__ */ plain("tanh", ops.tanh);
/**
 * log(1 + eˣ).
 * @throws TypeError where an argument is given
 */
export const softplus = /* @__PURE__ */ plain("softplus", ops.softplus);
/**
 * exp(x) / Σ exp(x) along the last axis.
 * @throws TypeError where an argument is given
 */
export const softmax = /* @__PURE__ */ plain("softmax", softmaxOp);

/**
 * x for x > 0, else slope · x (default slope 0.01).
 * @throws RangeError where `slope` is not finite
 * @throws TypeError where `slope` is no number
 */
export const leakyRelu: Factory<Layer, [slope?: number]> = /* @__PURE__ */ made(
  "leakyRelu",
  (slope = 0.01) => {
    checkFinite("leakyRelu: slope", slope);
    return (x) => ops.leakyRelu(x, slope);
  },
);

/**
 * x for x > 0, else alpha · (eˣ − 1) (default alpha 1; Clevert et al. 2016).
 * @throws RangeError where `alpha` is not finite
 * @throws TypeError where `alpha` is no number
 */
export const elu: Factory<Layer, [alpha?: number]> = /* @__PURE__ */ made("elu", (alpha = 1) => {
  checkFinite("elu: alpha", alpha);
  return (x) => ops.elu(x, alpha);
});
