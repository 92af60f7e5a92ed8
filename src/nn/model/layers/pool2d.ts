import { checkNothing } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import type { Pair } from "../../graph/ops/conv2d.ts";
import {
  avgPool2d as avgPoolOp,
  maxPool2d as maxPoolOp,
  type Pool2dOptions,
  poolWindow,
} from "../../graph/ops/pool2d.ts";
import { mean } from "../../graph/ops/reduce.ts";
import { ShapeError, Tensor } from "../../graph/tensor.ts";
import type { Layer } from "../model.ts";

/** The maximum of each window of images. Called with a tensor first, it is the op. */
export function maxPool2d(kernel: Pair, options?: Pool2dOptions): Layer;
export function maxPool2d(x: Tensor, kernel: Pair, options?: Pool2dOptions): Tensor;
export function maxPool2d(
  first: Pair | Tensor,
  second?: Pair | Pool2dOptions,
  third?: Pool2dOptions,
): Layer | Tensor {
  if (first instanceof Tensor) return maxPoolOp(first, second as Pair, third);
  const options = second as Pool2dOptions | undefined;
  poolWindow("maxPool2d", first, options);
  return { name: "maxPool2d", apply: (x) => maxPoolOp(x, first, options) };
}

/** The mean of each window of images; padding counts as zeros. Called with a tensor first, it is the op. */
export function avgPool2d(kernel: Pair, options?: Pool2dOptions): Layer;
export function avgPool2d(x: Tensor, kernel: Pair, options?: Pool2dOptions): Tensor;
export function avgPool2d(
  first: Pair | Tensor,
  second?: Pair | Pool2dOptions,
  third?: Pool2dOptions,
): Layer | Tensor {
  if (first instanceof Tensor) return avgPoolOp(first, second as Pair, third);
  const options = second as Pool2dOptions | undefined;
  poolWindow("avgPool2d", first, options);
  return { name: "avgPool2d", apply: (x) => avgPoolOp(x, first, options) };
}

/** The mean of each channel of images: [batch, channels, height, width] → [batch, channels] (Lin et al. 2014). */
export function globalAvgPool2d(...nothing: readonly never[]): Layer {
  checkNothing("globalAvgPool2d", nothing);
  return {
    name: "globalAvgPool2d",
    apply(x) {
      if (x.rank !== 4) {
        throw new ShapeError(
          "globalAvgPool2d",
          `the input is ${formatShape(x.shape)}; expected images [batch, channels, height, width]`,
        );
      }
      return mean(x, [2, 3]);
    },
  };
}
