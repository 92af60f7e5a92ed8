/** Normalisation, out of other ops. */
import type { Tensor } from "../tensor.ts";
import { mean } from "./reduce.ts";
import { add, div, mul, sqrt, square, sub } from "./scalar.ts";

/** (x - center) / √(variance + epsilon), scaled and shifted; all broadcast to x. */
export function normalise(
  x: Tensor,
  { center, variance }: Moments,
  { weight, bias, epsilon }: { weight: Tensor; bias: Tensor; epsilon: number },
): Tensor {
  return add(mul(div(sub(x, center), sqrt(add(variance, epsilon))), weight), bias);
}

export interface Moments {
  readonly center: Tensor;
  /** Biased: divided by the number of elements. */
  readonly variance: Tensor;
}

/** Mean and variance over `axes`, which keep size 1. */
export function moments(x: Tensor, axes: readonly number[]): Moments {
  const center = mean(x, axes, { keepDims: true });
  return { center, variance: mean(square(sub(x, center)), axes, { keepDims: true }) };
}
