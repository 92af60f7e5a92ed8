/** The line along which a field on a grid has one value. */

/** From (x, y) to (x, y), in steps of the grid. */
type Segment = readonly [number, number, number, number];

/**
 * Marching squares (Lorensen & Cline 1987, in two dimensions): the pieces of the line where the field, linear along the
 * edges of the grid, is `level`. `field` holds `columns` × `rows` values, row by row.
 */
export function contour(field: ArrayLike<number>, columns: number, rows: number, level: number): Segment[] {
  const segments: Segment[] = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const corner = (dx: number, dy: number) => field[(row + dy) * columns + column + dx] - level;
      const corners = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
      const crossings = EDGES.flatMap(([a, b]) => {
        if (corners[a] >= 0 === corners[b] >= 0) return [];
        const part = corners[a] / (corners[a] - corners[b]);
        const [[ax, ay], [bx, by]] = [CORNERS[a], CORNERS[b]];
        return [[column + ax + part * (bx - ax), row + ay + part * (by - ay)] as const];
      });
      // Two crossings, or four around a saddle, which the edges' order takes in pairs.
      for (let i = 0; i + 1 < crossings.length; i += 2) segments.push([...crossings[i], ...crossings[i + 1]]);
    }
  }
  return segments;
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
] as const;
const EDGES = [
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 0],
] as const;
