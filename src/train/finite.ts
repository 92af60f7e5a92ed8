/** Checks for NaN and infinities in users' numbers. */

/** Treatment of numbers that are not finite, one option for all functions. */
export type NonFinite = "refuse" | "allow";

/** @throws RangeError unless `nonFinite` is one of the two */
export function checkNonFinite(owner: string, nonFinite: NonFinite): void {
  if (nonFinite !== "refuse" && nonFinite !== "allow") {
    throw new RangeError(
      `${owner}: nonFinite is ${JSON.stringify(nonFinite)}; give "refuse" or "allow", or leave it out`,
    );
  }
}

/** Options of saving weights. */
export interface SaveOptions {
  /** Whether weights may hold NaN and infinities (default "refuse"). */
  readonly nonFinite?: NonFinite;
}

/** @throws RangeError naming the first number of `what` that is not finite, unless `nonFinite` is "allow" */
export function checkFinite(what: string, data: Float32Array, nonFinite: NonFinite = "refuse"): void {
  checkNonFinite(what, nonFinite);
  const at = nonFinite === "allow" ? -1 : firstNonFinite(data);
  if (at < 0) return;
  throw new RangeError(
    `${what} holds ${data[at]} at element ${at}: the training diverged; use weights saved before, and a lower learning rate, or pass nonFinite: "allow" to keep the numbers`,
  );
}

/** Position of the first number that is not finite; −1 where all are finite. */
export function firstNonFinite(data: Float32Array): number {
  // 0 · x is 0 exactly for finite x: a sum without branches, because the inputs of every step pass here.
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += data[i] * 0;
  return zero === 0 ? -1 : data.findIndex((value) => !Number.isFinite(value));
}
