/** Prints a device's measured peaks. */
import type { Ceiling } from "wgrad";

/** "1,234 GFLOP/s, 56.7 GB/s". */
export function formatCeiling({ flops, bytes }: Ceiling): string {
  const giga = (amount: number) => (amount / 1e9).toLocaleString("en-US", { maximumSignificantDigits: 3 });
  return `${giga(flops)} GFLOP/s (multiplying and adding), ${giga(bytes)} GB/s (copying)`;
}
