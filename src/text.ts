/** Tables as text. */

/**
 * Rows of cells as lines, in columns two spaces apart. The columns in `flushRight` are aligned to the right, the others
 * to the left (default: the first).
 */
export function table(
  rows: readonly (readonly string[])[],
  flushRight: (column: number) => boolean = (column) => column > 0,
): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (flushRight(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}
