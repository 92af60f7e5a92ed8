import { checkDropoutRate, dropout as dropoutOp } from "../../graph/ops/random.ts";
import { refuseTensor } from "../factory.ts";
import type { Layer } from "../model.ts";

/**
 * Inverted dropout (Srivastava et al. 2014): in training each element is zeroed with probability `rate` (default 0.5),
 * and the others are divided by 1 - rate; in evaluation nothing happens. The mask is a function of (seed, step,
 * position): the same on every engine.
 */
export function dropout(rate = 0.5): Layer {
  refuseTensor("dropout", rate, "layer", "x, rate, stream");
  checkDropoutRate(rate);
  return {
    name: "dropout",
    apply: (x, scope) => (scope.training && rate > 0 ? dropoutOp(x, rate, scope.stream()) : x),
  };
}
