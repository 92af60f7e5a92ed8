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

/**
 * Maximum of each window of images [batch, channels, height, width]. The window is `kernel`, square or [height, width].
 * @throws ShapeError where the window, stride or padding is wrong; in a trace, where the input does not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function maxPool2d(kernel: Pair, options?: Pool2dOptions): Layer {
  refuseTensor("maxPool2d", kernel, "layer", "x, kernel");
  poolWindow("maxPool2d", kernel, options);
  return { name: "maxPool2d", apply: (x) => maxPoolOp(x, kernel, options) };
}

/**
 * Mean of each window of images [batch, channels, height, width]; padding counts as zeros.
 * @throws ShapeError where the window, stride or padding is wrong; in a trace, where the input does not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function avgPool2d(kernel: Pair, options?: Pool2dOptions): Layer {
  refuseTensor("avgPool2d", kernel, "layer", "x, kernel");
  poolWindow("avgPool2d", kernel, options);
  return { name: "avgPool2d", apply: (x) => avgPoolOp(x, kernel, options) };
}

/**
 * Mean of each channel of images: [batch, channels, height, width] → [batch, channels] (Lin et al. 2014).
 * @throws TypeError where an argument is given; in a trace, ShapeError where the input is no batch of images
 */
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
