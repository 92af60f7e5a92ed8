/** The surfaces' formulas as traced tensors: the map and the racers' gradients come of the same. */
import { add, mul, square, sub, type Tensor } from "wgrad";
import type { SurfaceName } from "./surfaces.ts";

/** The loss at each place (x, y). */
export type Formula = (x: Tensor, y: Tensor) => Tensor;

export const FORMULAS: Readonly<Record<SurfaceName, Formula>> = {
  valley: (x, y) => add(mul(0.05, square(x)), mul(2.5, square(y))),
  rosenbrock: (x, y) => add(square(sub(1, x)), mul(100, square(sub(y, square(x))))),
  himmelblau: (x, y) => add(square(sub(add(square(x), y), 11)), square(sub(add(x, square(y)), 7))),
  saddle: (x, y) => add(mul(0.5, square(x)), mul(0.25, square(sub(square(y), 1)))),
};
