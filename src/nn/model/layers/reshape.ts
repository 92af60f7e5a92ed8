import { checkNothing } from "../../../checks.ts";
import { formatShape } from "../../../program.ts";
import { reshape as reshapeOp } from "../../graph/ops/view.ts";
import { refuseTensor } from "../factory.ts";
import type { Layer } from "../model.ts";

/**
 * Joins all axes except the first: [batch, …] → [batch, features].
 * @throws TypeError where an argument is given
 */
export function flatten(...nothing: readonly never[]): Layer {
  checkNothing("flatten", nothing);
  return { name: "flatten", apply: (x) => reshapeOp(x, [x.shape[0], -1]) };
}

/**
 * Reshapes each sample: `reshape(1, 28, 28)` turns [batch, 784] into [batch, 1, 28, 28]. One size may be −1.
 * @throws RangeError where a size is no whole number from 1, or more than one is −1; in a trace, ShapeError where the
 *   sizes do not fit
 */
export function reshape(...sizes: readonly number[]): Layer {
  refuseTensor("reshape", sizes[0], "layer", "x, shape");
  const bad = sizes.find((size) => size !== -1 && !(Number.isInteger(size) && size >= 1));
  if (bad !== undefined || sizes.filter((size) => size === -1).length > 1) {
    throw new RangeError(
      `reshape: sizes are ${formatShape(sizes)}; give the axes of a sample as whole numbers from 1, one of them may be -1`,
    );
  }
  return { name: "reshape", apply: (input) => reshapeOp(input, [input.shape[0], ...sizes]) };
}
