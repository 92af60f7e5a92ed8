/** The public surface of `wgrad/minimize`. */
export {
  type DescentOptions,
  gradientDescent,
  type LbfgsOptions,
  lbfgs,
  type MinimizeOptions,
  type Minimum,
  newtonCG,
} from "./minimize.ts";
export { type Objective, objective } from "./objective.ts";
