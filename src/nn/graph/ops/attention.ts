/** Scaled dot-product attention (Vaswani et al. 2017), composed of other ops. */
import { checkOptions } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import { checkTensor, ShapeError, type Tensor } from "../tensor.ts";
import { matmul } from "./matmul.ts";
import { choose, greater, mul } from "./scalar.ts";
import { softmax } from "./softmax.ts";
import { iota } from "./source.ts";
import { transpose } from "./view.ts";

/** Score of a masked position: its weight underflows to 0 without arithmetic on infinities. */
const MASKED = -1e30;

/**
 * softmax(q · kᵀ / √width) · v over [batch, heads, length, width]. With `causal`, no position attends to a later one.
 * @throws ShapeError where the shapes do not fit
 * @throws TypeError where q, k or v is no tensor, or an option is unknown
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { readonly causal?: boolean } = {},
): Tensor {
  checkTensor("attention", q, k, v);
  const { causal = false } = checkOptions("attention", options, { causal: "boolean" });
  if (q.rank < 2 || q.rank !== k.rank || k.rank !== v.rank || q.shape[q.rank - 1] !== k.shape[k.rank - 1]) {
    throw new ShapeError(
      "attention",
      `q is ${formatShape(q.shape)}, k ${formatShape(k.shape)}, v ${formatShape(v.shape)}; expected [batch, heads, length, width] with q and k of one width`,
    );
  }
  const scores = mul(matmul(q, transpose(k)), 1 / Math.sqrt(q.shape[q.rank - 1]));
  if (!causal) return matmul(softmax(scores), v);
  const square = scores.shape.slice(-2);
  const later = greater(iota(square, 1), iota(square, 0));
  return matmul(softmax(choose(later, MASKED, scores)), v);
}
