import { checkOptions, checkWhole } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import { matmul } from "../../graph/ops/matmul.ts";
import { add } from "../../graph/ops/scalar.ts";
import { reshape, transpose } from "../../graph/ops/view.ts";
import { ShapeError, type Tensor } from "../../graph/tensor.ts";
import { type Initializer, initializerFor, zeros } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface DenseOptions {
  /** Whether to add a bias (default true). */
  readonly bias?: boolean;
  /** Initializer of the weight (default: by the activation that follows). */
  readonly init?: Initializer;
  /** Initializer of the bias (default zeros). */
  readonly biasInit?: Initializer;
}

/**
 * A fully connected layer: x · weightᵀ + bias on the last axis, [..., in] → [..., units]. Images [batch, channels,
 * height, width] are first flattened to [batch, channels · height · width]. Parameters as PyTorch's `nn.Linear`:
 * `weight` [units, in], `bias` [units].
 * @throws RangeError where `units` is no whole number from 1
 * @throws TypeError where an option is unknown or of another kind; in a trace, ShapeError where the input has no
 *   features
 */
export function dense(units: number, options: DenseOptions = {}): Layer {
  checkWhole("dense: units", units);
  checkOptions("dense", options, { bias: "boolean", init: "function", biasInit: "function" });
  return {
    name: "dense",
    role: "weights",
    apply(input, scope) {
      const x = flattenedImages(input);
      const fanIn = x.shape[x.rank - 1];
      const init = options.init ?? initializerFor(scope.nextActivation);
      const weight = scope.parameter("weight", [units, fanIn], { init });
      const product = matmul(x, transpose(weight));
      if (options.bias === false) return product;
      return add(product, scope.parameter("bias", [units], { init: options.biasInit ?? zeros() }));
    },
  };
}

function flattenedImages(x: Tensor): Tensor {
  if (x.rank < 2) {
    throw new ShapeError("dense", `the input is ${formatShape(x.shape)}; expected [batch, features]`);
  }
  return x.rank === 4 ? reshape(x, [x.shape[0], -1]) : x;
}
