import { checkOptions, checkWhole } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import { attention } from "../../graph/ops/attention.ts";
import { matmul } from "../../graph/ops/matmul.ts";
import { add } from "../../graph/ops/scalar.ts";
import { slice } from "../../graph/ops/slice.ts";
import { reshape, transpose } from "../../graph/ops/view.ts";
import { ShapeError, type Tensor } from "../../graph/tensor.ts";
import { xavierUniform, zeros } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface AttentionOptions {
  /** Whether no position attends to a later one (default false). */
  readonly causal?: boolean;
}

/**
 * Multi-head self-attention (Vaswani et al. 2017): [batch, length, width] → the same shape. Parameters as PyTorch's
 * `nn.MultiheadAttention`: `in_proj_weight` [3 · width, width], `in_proj_bias`, `out_proj.weight` [width, width],
 * `out_proj.bias`.
 * @throws RangeError where `heads` is no whole number from 1; in a trace, ShapeError where the input is not [batch,
 *   length, width] or `heads` does not divide the width
 * @throws TypeError where an option is unknown or of another kind
 */
export function multiHeadAttention(heads: number, options: AttentionOptions = {}): Layer {
  checkWhole("multiHeadAttention: heads", heads);
  const { causal = false } = checkOptions("multiHeadAttention", options, { causal: "boolean" });
  return {
    name: "multiHeadAttention",
    role: "weights",
    apply(x, scope) {
      if (x.rank !== 3) {
        throw new ShapeError(
          "multiHeadAttention",
          `the input is ${formatShape(x.shape)}; expected [batch, length, width]`,
        );
      }
      const [batch, length, width] = x.shape;
      if (width % heads !== 0) {
        throw new ShapeError(
          "multiHeadAttention",
          `${heads} heads do not divide the width ${width}; use a divisor of it`,
        );
      }
      const inWeight = scope.parameter("in_proj_weight", [3 * width, width], { init: xavierUniform() });
      const inBias = scope.parameter("in_proj_bias", [3 * width], { init: zeros() });
      const out = scope.child("out_proj");
      const outWeight = out.parameter("weight", [width, width], { init: xavierUniform() });
      const outBias = out.parameter("bias", [width], { init: zeros() });
      const projected = add(matmul(x, transpose(inWeight)), inBias);
      const [q, k, v] = [0, 1, 2].map((part) =>
        byHeads(slice(projected, part * width, (part + 1) * width, 2), heads),
      );
      const mixed = reshape(transpose(attention(q, k, v, { causal }), [0, 2, 1, 3]), [batch, length, width]);
      return add(matmul(mixed, transpose(outWeight)), outBias);
    },
  };
}

/** [batch, length, width] → [batch, heads, length, width / heads]. */
function byHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape;
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}
