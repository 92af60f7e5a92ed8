/** The public surface of `wgrad/linear`. */
export {
  type LinearOptions,
  type LinearRegression,
  type LinearRows,
  linearRegression,
} from "./regression.ts";
