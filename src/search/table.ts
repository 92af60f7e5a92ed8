/** Tables as aligned text. */
import { table } from "../text.ts";

export type Cell = string | number | boolean | null | undefined | object;

/** Rows in aligned columns: numbers to the right, with four digits or, if whole, all of them; texts to the left. */
export function alignedTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(text))];
  const isNumeric = (column: number) =>
    rows.every((row) => row[column] === undefined || typeof row[column] === "number");
  return table(lines, isNumeric).join("\n");
}

function text(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "string") return cell;
  if (typeof cell !== "number") return JSON.stringify(cell);
  return Number.isInteger(cell) ? String(cell) : cell.toPrecision(4);
}

/** Mean and standard deviation of some numbers, divided by n. */
export function meanAndDeviation(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
