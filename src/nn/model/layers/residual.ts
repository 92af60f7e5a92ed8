import { formatShape } from "../../../program.ts";
import { add } from "../../graph/ops/scalar.ts";
import { sameShape } from "../../graph/shape.ts";
import { ShapeError } from "../../graph/tensor.ts";
import { asLayer, type Layer, type Model, sequential } from "../model.ts";

/**
 * x + layers(x) (He et al. 2016); the layers must keep the shape. Parameters are named by position inside.
 * @throws TypeError where there is no layer, or an argument is none; in a trace, ShapeError where the layers change the
 *   shape
 */
export function residual(...layers: readonly Model[]): Layer {
  if (layers.length === 0) throw new TypeError("residual: give it at least one layer");
  const inner = sequential(...layers.map((layer, i) => asLayer(layer, "residual", `layer ${i}`)));
  return {
    name: "residual",
    role: "weights",
    apply(x, scope) {
      const y = inner.apply(x, scope);
      if (!sameShape(x.shape, y.shape)) {
        throw new ShapeError(
          "residual",
          `the layers turn ${formatShape(x.shape)} into ${formatShape(y.shape)}; what is added must keep its shape`,
        );
      }
      return add(x, y);
    },
  };
}
