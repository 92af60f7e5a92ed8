/** The loss of a run became no finite number. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}
