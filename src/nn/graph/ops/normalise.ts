/** Normalisation, composed of other ops. */
import { checkOptions } from "../../../checks.ts";
import { checkTensor, type Tensor } from "../tensor.ts";
import { mean as meanOf } from "./reduce.ts";
import { add, div, mul, sqrt, square, sub } from "./scalar.ts";

/**
 * (x − mean) / √(variance + epsilon) · weight + bias, in the shape of x; all operands broadcast to x.
 * @throws ShapeError where shapes do not broadcast
 * @throws TypeError where an operand is no tensor, or an option is unknown
 */
export function normalise(
  x: Tensor,
  measured: Moments,
  affine: { readonly weight: Tensor; readonly bias: Tensor; readonly epsilon: number },
): Tensor {
  const { mean, variance } = checkOptions("normalise", measured, { mean: "any", variance: "any" });
  const { weight, bias, epsilon } = checkOptions("normalise", affine, {
    weight: "any",
    bias: "any",
    epsilon: "number",
  });
  checkTensor("normalise", x, mean, variance, weight, bias);
  return add(mul(div(sub(x, mean), sqrt(add(variance, epsilon))), weight), bias);
}

export interface Moments {
  readonly mean: Tensor;
  /** Biased: divided by the number of elements. */
  readonly variance: Tensor;
}

/**
 * Mean and variance of x over `axes`, which keep size 1.
 * @throws ShapeError where an axis is outside x
 * @throws TypeError where x is no tensor
 */
export function moments(x: Tensor, axes: readonly number[]): Moments {
  checkTensor("moments", x);
  const mean = meanOf(x, axes, { keepDims: true });
  return { mean, variance: meanOf(square(sub(x, mean)), axes, { keepDims: true }) };
}
