/** Statistics of repeated measurements, for programs and pages alike. */
import type { Spread } from "../charts/numbers.ts";

/** The middle value; of an even number, the mean of the two in the middle. @throws RangeError for none, or for NaN */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median: no values");
  if (values.some(Number.isNaN)) throw new RangeError(`median: not all are numbers: ${values.join(", ")}`);
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}
