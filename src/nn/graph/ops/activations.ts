/** Activations as ops. `nn/model/layers/activations.ts` has the layers of the same names. */
import { checkFinite } from "../../../checks.ts";
import type { Tensor } from "../tensor.ts";
import {
  asTensor,
  choose,
  exp,
  greater,
  mul,
  normalCdf,
  type Operand,
  scalarOp,
  square,
  sub,
  unary,
} from "./scalar.ts";

/**
 * max(x, 0). The result is 0 exactly where the gradient is.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const relu = unary("relu", "relu", (node, arriving) => [choose(node, arriving, 0)]);

const leakyReluOp = scalarOp("leakyRelu", "leakyRelu", ({ inputs: [x, slope] }, arriving) => [
  choose(greater(x, 0), arriving, mul(arriving, slope)),
  undefined,
]);
/**
 * x for x > 0, else slope · x.
 * @throws RangeError where `slope` is not finite
 * @throws TypeError where x is neither a tensor nor a number
 */
export function leakyRelu(x: Operand, slope = 0.01): Tensor {
  checkFinite("leakyRelu: slope", slope);
  return leakyReluOp(x, slope);
}

/** For x ≤ 0 the derivative is αeˣ, computed anew: result + α = α(eˣ − 1) + α has few correct digits. */
const eluOp = scalarOp("elu", "elu", ({ inputs: [x, alpha] }, arriving) => [
  mul(arriving, choose(greater(x, 0), 1, mul(alpha, expBelow0(x)))),
  undefined,
]);
/**
 * x for x > 0, else alpha · (eˣ − 1) (Clevert et al. 2016).
 * @throws RangeError where `alpha` is not finite
 * @throws TypeError where x is neither a tensor nor a number
 */
export function elu(x: Operand, alpha = 1): Tensor {
  checkFinite("elu: alpha", alpha);
  return eluOp(x, alpha);
}

/** eˣ for x ≤ 0, else 1. */
function expBelow0(x: Tensor): Tensor {
  return exp(choose(greater(x, 0), 0, x));
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;
/**
 * SELU: keeps activations at mean 0 and variance 1 (Klambauer et al. 2017).
 * @throws TypeError where x is neither a tensor nor a number
 */
export const selu = unary("selu", "selu", ({ inputs: [x] }, arriving) => [
  mul(arriving, choose(greater(x, 0), SELU_SCALE, mul(expBelow0(x), SELU_SCALE * SELU_ALPHA))),
]);

/**
 * 1 / (1 + e⁻ˣ).
 * @throws TypeError where x is neither a tensor nor a number
 */
export const sigmoid = unary("sigmoid", "sigmoid", (node, arriving) => [
  mul(arriving, mul(node, sub(1, node))),
]);

/**
 * Hyperbolic tangent.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const tanh = unary("tanh", "hyperbolicTangent", (node, arriving) => [
  mul(arriving, sub(1, square(node))),
]);

/**
 * log(1 + eˣ).
 * @throws TypeError where x is neither a tensor nor a number
 */
export const softplus = unary("softplus", "softplus", ({ inputs: [x] }, arriving) => [
  mul(arriving, sigmoid(x)),
]);

/**
 * x · Φ(x), exact (Hendrycks & Gimpel 2016).
 * @throws TypeError where x is neither a tensor nor a number
 */
export function gelu(x: Operand): Tensor {
  const input = asTensor(x, "gelu");
  return mul(input, normalCdf(input));
}
/**
 * x · sigmoid(x), also called swish.
 * @throws TypeError where x is neither a tensor nor a number
 */
export function silu(x: Operand): Tensor {
  const input = asTensor(x, "silu");
  return mul(input, sigmoid(input));
}
