/** Losses of targets with large values. */
import { formatShape } from "../../program.ts";
import { mul, sub } from "../graph/ops/scalar.ts";
import { tensor } from "../graph/ops/source.ts";
import { ShapeError, type Tensor } from "../graph/tensor.ts";
import type { Uncalled } from "../model/factory.ts";
import type { ScalingOptions } from "../model/layers/scaling.ts";
import { asLoss, type Loss, type LossFunction } from "./losses.ts";

/**
 * Applies a loss to scaled outputs and targets: (x − offset) · factor of both. With the layer `unscaling` at the end, a
 * model learns numbers around 0, however large its targets are, while its outputs and metrics are in the targets' own
 * unit.
 * @param scaler fitted on the targets of the training set: `standardScaler().fit(train, { of: "targets" })`
 * @throws TypeError where the scaler is not fitted, or `loss` is none; in a trace, ShapeError where the scaler does not
 *   fit the targets
 */
export function scaledLoss(scaler: ScalingOptions, loss: Loss | LossFunction | Uncalled<Loss>): Loss {
  const { offset, factor, shape = [] } = Object(scaler) as ScalingOptions;
  if (!offset || !factor) {
    throw new TypeError(
      'scaledLoss: the scaler is not fitted; give what standardScaler().fit(train, { of: "targets" }) returns',
    );
  }
  const inner = asLoss("scaledLoss", loss);
  const scaled = (x: Tensor): Tensor => {
    if (shape.length > 0 && formatShape(x.shape.slice(1)) !== formatShape(shape)) {
      throw new ShapeError(
        "scaledLoss",
        `outputs and targets are ${formatShape(x.shape)}, the scaler is for ${formatShape(shape)}; fit it on such targets`,
      );
    }
    return mul(sub(x, tensor(Array.from(offset), shape)), tensor(Array.from(factor), shape));
  };
  return {
    name: `scaled ${inner.name}`,
    apply: (outputs, targets) => inner.apply(scaled(outputs), scaled(targets)),
  };
}
