/** Normalisation, out of other ops. */
import { checkOptions } from "../../../checks.ts";
import { checkTensor, type Tensor } from "../tensor.ts";
import { mean } from "./reduce.ts";
import { add, div, mul, sqrt, square, sub } from "./scalar.ts";

/** (x - center) / √(variance + epsilon), scaled and shifted; all broadcast to x. */
export function normalise(
  x: Tensor,
  measured: Moments,
  affine: { readonly weight: Tensor; readonly bias: Tensor; readonly epsilon: number },
): Tensor {
  const { center, variance } = checkOptions("normalise", measured, { center: "any", variance: "any" });
  const { weight, bias, epsilon } = checkOptions("normalise", affine, {
    weight: "any",
    bias: "any",
    epsilon: "number",
  });
  checkTensor("normalise", x, center, variance, weight, bias);
  return add(mul(div(sub(x, center), sqrt(add(variance, epsilon))), weight), bias);
}

export interface Moments {
  readonly center: Tensor;
  /** Biased: divided by the number of elements. */
  readonly variance: Tensor;
}

/** Mean and variance over `axes`, which keep size 1. */
export function moments(x: Tensor, axes: readonly number[]): Moments {
  checkTensor("moments", x);
  const center = mean(x, axes, { keepDims: true });
  return { center, variance: mean(square(sub(x, center)), axes, { keepDims: true }) };
}
