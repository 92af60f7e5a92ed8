/** Numbers as people read them. */

/** Three digits that count: "1,230", "0.0123". */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
}

/** 0.9712 → "97.12 %". */
export function percent(part: number, digits = 2): string {
  return Number.isFinite(part) ? `${(100 * part).toFixed(digits)} %` : "–";
}

/** 95 s → "1 min 35 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 1) return "< 1 s";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** 1234567 → "1.18 MiB". */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = count > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(count) / 10)) : 0;
  return `${significant(count / 1024 ** power)} ${units[power]}`;
}

/** 1234567 → "1.23 M", for counts of things without a unit of their own. */
export function amount(count: number): string {
  const units = ["", "k", "M", "G", "T", "P"];
  const power = count > 0 ? Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))) : 0;
  return `${significant(count / 1000 ** power)} ${units[power]}`.trimEnd();
}
