/** NaN and the infinities among numbers that users pass. */

/** What to do about numbers that are not finite: one option, wherever they come in. */
export type NonFinite = "refuse" | "allow";

/** @throws RangeError unless it is one of the two */
export function checkNonFinite(owner: string, nonFinite: NonFinite): void {
  if (nonFinite !== "refuse" && nonFinite !== "allow") {
    throw new RangeError(
      `${owner}: nonFinite is ${JSON.stringify(nonFinite)}; give "refuse" or "allow", or leave it out`,
    );
  }
}

/** Where the first number stands that is not finite; -1 where all are. */
export function firstNonFinite(data: Float32Array): number {
  // 0 · x is 0 unless x is not finite: a sum without branches, for inputs of every step go through it.
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += data[i] * 0;
  return zero === 0 ? -1 : data.findIndex((value) => !Number.isFinite(value));
}
