/** Parts of all benchmarks: repeated measurements and their statistics, the machine, and tables. */
import { type Spread, significant } from "../charts/numbers.ts";

export { type Spread, significant } from "../charts/numbers.ts";
export { isSoftware, type Machine, machine } from "../charts/origin.ts";
export { median, spreadOf } from "./statistics.ts";

/**
 * Measures each once to warm up, and then all in turn, again and again (A B A B): what else the machine does meets them
 * alike.
 */
export async function inTurn<Name extends string>(
  repetitions: number,
  measurements: Readonly<Record<Name, () => Promise<number>>>,
  note: (line: string) => void = () => {},
  onTurn: (soFar: Readonly<Record<Name, readonly number[]>>) => void = () => {},
): Promise<Record<Name, number[]>> {
  const entries = Object.entries(measurements) as [Name, () => Promise<number>][];
  for (const [, measure] of entries) await measure();
  const results = Object.fromEntries(entries.map(([name]) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [name, measure] of entries) results[name].push(await measure());
    note(`measured ${repetition + 1} of ${repetitions}`);
    onTurn(results);
  }
  return results;
}

/** "1.23 (1.20 – 1.40)": the median, and from the lowest to the highest, where these differ. */
export function formatSpread({ median, lowest, highest }: Spread): string {
  if (lowest === highest) return significant(median);
  return `${significant(median)} (${significant(lowest)} – ${significant(highest)})`;
}

/** 1234567 → "1.23 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  return `${significant(bytes / 1000 ** power)} ${units[power]}`;
}
