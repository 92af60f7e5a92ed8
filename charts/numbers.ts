/** Numbers as charts and tables have them. */

/** Repeated measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Three significant digits or more: 0.0123, 1.23, 123, 12,345. */
export function significant(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

/** 1e-7 → "1e-7", 0.001 → "0.001", 20000 → "20,000". */
export function plain(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(0).replace("+", "");
  return Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}
