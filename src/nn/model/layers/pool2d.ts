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
import { ShapeError } from "../../graph/tensor.ts";
import { refuseTensor } from "../factory.ts";
import type { Layer } from "../model.ts";

/** The maximum of each window of images. */
export function maxPool2d(kernel: Pair, options?: Pool2dOptions): Layer {
  refuseTensor("maxPool2d", kernel, "layer", "x, kernel");
  poolWindow("maxPool2d", kernel, options);
  return { name: "maxPool2d", apply: (x) => maxPoolOp(x, kernel, options) };
}

/** The mean of each window of images; padding counts as zeros. */
export function avgPool2d(kernel: Pair, options?: Pool2dOptions): Layer {
  refuseTensor("avgPool2d", kernel, "layer", "x, kernel");
  poolWindow("avgPool2d", kernel, options);
  return { name: "avgPool2d", apply: (x) => avgPoolOp(x, kernel, options) };
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
