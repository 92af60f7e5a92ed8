import { checkDropoutRate, dropout as dropoutOp } from "../../graph/ops/random.ts";
import { refuseTensor } from "../factory.ts";
import type { Layer } from "../model.ts";

/**
 * Inverted dropout (Srivastava et al. 2014): training zeroes each element with probability `rate` (default 0.5) and
 * divides the others by 1 − rate; evaluation changes nothing. The mask is a function of (seed, step, position), equal
 * on every engine.
 * @throws RangeError where `rate` is not from 0 up to 1
 * @throws TypeError where `rate` is no number
 */
export function dropout(rate = 0.5): Layer {
  refuseTensor("dropout", rate, "layer", "x, rate, stream");
  checkDropoutRate(rate);
  return {
    name: "dropout",
    apply: (x, scope) => (scope.training && rate > 0 ? dropoutOp(x, rate, scope.stream()) : x),
  };
}
