import type { Layer } from "../model.ts";
import { reshape } from "../ops/view.ts";

/** All axes but the first joined into one: [batch, …] → [batch, features]. */
export function flatten(): Layer {
  return { name: "flatten", apply: (x) => reshape(x, [x.shape[0], -1]) };
}
