/** A loss or a weight is no longer finite. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}
