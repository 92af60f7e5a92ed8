import { checkOptions, checkWhole, inWords } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import {
  CONV2D_OPTIONS,
  type Conv2dOptions,
  checkConv2dOptions,
  checkGroups,
  conv2d as conv2dOp,
  type Pair,
  pair,
} from "../../graph/ops/conv2d.ts";
import { add } from "../../graph/ops/scalar.ts";
import { reshape } from "../../graph/ops/view.ts";
import { ShapeError } from "../../graph/tensor.ts";
import { refuseTensor } from "../factory.ts";
import { type Initializer, initializerFor, zeros } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Whether to add a bias (default true). */
  readonly bias?: boolean;
  /** Initializer of the weight (default: by the activation that follows). */
  readonly init?: Initializer;
  /** Initializer of the bias (default zeros). */
  readonly biasInit?: Initializer;
}

/**
 * Convolves images [batch, channels, height, width] with `filters` kernels: [batch, filters, height', width'].
 * Parameters as PyTorch's `nn.Conv2d`: `weight` [filters, channels / groups, kernel height, kernel width], `bias`
 * [filters].
 * @throws RangeError where `filters` is no whole number from 1, or `groups` does not divide it
 * @throws ShapeError where the kernel, stride, padding or dilation is wrong; in a trace, where the input does not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function conv2d(filters: number, kernel: Pair, options: Conv2dLayerOptions = {}): Layer {
  refuseTensor("conv2d", filters, "layer", "x, weight");
  checkWhole("conv2d: filters", filters);
  checkOptions("conv2d", options, {
    ...CONV2D_OPTIONS,
    bias: "boolean",
    init: "function",
    biasInit: "function",
  });
  const { groups = 1 } = options;
  if (!Number.isInteger(groups) || groups < 1 || filters % groups !== 0) {
    throw new RangeError(
      `conv2d: groups is ${inWords(groups)}; give a whole number that divides the ${filters} filters`,
    );
  }
  checkConv2dOptions("conv2d", options);
  const size = pair("conv2d", "kernel", kernel, 1);
  const { bias: _bias, init: _init, biasInit: _biasInit, ...opOptions } = options;
  return {
    name: "conv2d",
    role: "weights",
    apply(x, scope) {
      if (x.rank !== 4) {
        throw new ShapeError(
          "conv2d",
          `the input is ${formatShape(x.shape)}; expected images [batch, channels, height, width]: put reshape(channels, height, width) in front`,
        );
      }
      checkGroups("conv2d", groups, x.shape[1], filters);
      const init = options.init ?? initializerFor(scope.nextActivation);
      const weight = scope.parameter("weight", [filters, x.shape[1] / groups, ...size], { init });
      const y = conv2dOp(x, weight, opOptions);
      if (options.bias === false) return y;
      const bias = scope.parameter("bias", [filters], { init: options.biasInit ?? zeros() });
      return add(y, reshape(bias, [filters, 1, 1]));
    },
  };
}
