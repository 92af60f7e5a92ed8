/** Normalisation layers. */
import { checkOptions, checkPositiveF32 } from "../../../checks.ts";
import { elementCount, formatShape } from "../../../program.ts";
import { normalise } from "../../graph/ops/normalise.ts";
import {
  batchNorm as batchNormOp,
  layerNorm as layerNormOp,
  type NormOptions,
} from "../../graph/ops/norms.ts";
import { mul } from "../../graph/ops/scalar.ts";
import { reshape } from "../../graph/ops/view.ts";
import { ShapeError, type Tensor } from "../../graph/tensor.ts";
import { refuseTensor } from "../factory.ts";
import { constantValue, zeros } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface BatchNormOptions extends NormOptions {
  /** Fraction of the way to a batch's statistics that running statistics move (default 0.1, as in PyTorch). */
  readonly momentum?: number;
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of [batch, features] or [batch, channels, …], by the batch's mean and
 * variance in training, by running ones in evaluation and where frozen. Parameters `weight` and `bias` and statistics
 * `running_mean` and `running_var` (unbiased), all [channels], as in PyTorch.
 * @throws RangeError where `epsilon` is no number above 0 that 32 bits hold, or `momentum` is not from 0 to 1; in a trace,
 *   ShapeError where the input does not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function batchNorm(options: BatchNormOptions = {}): Layer {
  checkOptions("batchNorm", options, { epsilon: "number", momentum: "number" });
  const { epsilon = 1e-5, momentum = 0.1 } = options;
  checkPositiveF32("batchNorm: epsilon", epsilon);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`batchNorm: momentum is ${momentum}; give a fraction from 0 to 1`);
  }
  return {
    name: "batchNorm",
    apply(x, scope) {
      if (x.rank < 2) {
        throw new ShapeError(
          "batchNorm",
          `the input is ${formatShape(x.shape)}; expected [batch, channels, …]`,
        );
      }
      const channels = x.shape[1];
      const alongChannels = (tensor: Tensor) =>
        reshape(tensor, [1, channels, ...x.shape.slice(2).map(() => 1)]);
      const weight = scope.parameter("weight", [channels], { init: constantValue(1) });
      const bias = scope.parameter("bias", [channels], { init: zeros() });
      const runningMean = scope.statistic("running_mean", [channels], { initial: 0, momentum });
      const runningVar = scope.statistic("running_var", [channels], { initial: 1, momentum });
      if (!scope.trains("weight") && !scope.trains("bias")) {
        const measured = {
          mean: alongChannels(runningMean.value),
          variance: alongChannels(runningVar.value),
        };
        const affine = { weight: alongChannels(weight), bias: alongChannels(bias), epsilon };
        return normalise(x, measured, affine);
      }
      const count = elementCount(x.shape) / channels;
      if (count < 2) {
        throw new ShapeError(
          "batchNorm",
          `one value a channel, in ${formatShape(x.shape)}, has no variance; train on batches of 2 or more, or use dropLast`,
        );
      }
      const { y, mean, variance } = batchNormOp(x, weight, bias, epsilon);
      runningMean.observe(mean);
      runningVar.observe(mul(variance, count / (count - 1)));
      return y;
    },
  };
}

/**
 * Layer normalisation (Ba, Kiros & Hinton 2016) over the last axis. Parameters `weight` and `bias` of that axis's size,
 * as PyTorch's `nn.LayerNorm`.
 * @throws RangeError where `epsilon` is no number above 0 that 32 bits hold; in a trace, ShapeError where the input does not fit
 * @throws TypeError where an option is unknown or of another kind
 */
export function layerNorm(options: NormOptions = {}): Layer {
  refuseTensor("layerNorm", options, "layer", "x, weight, bias");
  const { epsilon = 1e-5 } = checkOptions("layerNorm", options, { epsilon: "number" });
  checkPositiveF32("layerNorm: epsilon", epsilon);
  return {
    name: "layerNorm",
    apply(x, scope) {
      if (x.rank < 2) {
        throw new ShapeError(
          "layerNorm",
          `the input is ${formatShape(x.shape)}; expected [batch, …, features]`,
        );
      }
      const size = x.shape[x.rank - 1];
      const weight = scope.parameter("weight", [size], { init: constantValue(1) });
      const bias = scope.parameter("bias", [size], { init: zeros() });
      return layerNormOp(x, weight, bias, { epsilon });
    },
  };
}
