/**
 * Matrix products in registers: a tile of C stays in vectors over the whole of K, so that every element is the sum of its
 * products in the order of K, whatever the tile. Each step of K reads the columns' side as vectors, and the rows' side one
 * number at a time, spread over all lanes.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, type V128, v128 } from "../assembler/instructions.ts";
import { madd } from "../vectors/arithmetic.ts";
import type { Features } from "./kernel.ts";
import { LANES } from "./loops.ts";

/** Rows and vectors of columns of C that are computed at once. */
export interface Tile {
  readonly rows: number;
  readonly vectors: number;
}

/** Bytes of a vector. */
export const VECTOR = 16;

/** Where the rows' side lies, in bytes: element (row, k) at `at` + row · `row` + k · `step`. */
export interface RowSide {
  readonly at: I32;
  readonly row: number;
  readonly step: number;
}

/**
 * Where the columns' side lies, in bytes: columns side by side from `at` + k · `step` on, or from `at` + the k-th of the
 * i32 at `offsets` on.
 */
export type ColumnSide =
  | { readonly at: I32; readonly step: number }
  | { readonly at: I32; readonly offsets: I32 };

/** The tile's columns. */
export function columnsOf({ vectors }: Tile): number {
  return vectors * LANES;
}

/** Computes a tile of C over `depth` steps of K: its rows of vectors, in locals. */
export function multiplyTile(
  f: FunctionBuilder,
  features: Features,
  { rows, vectors }: Tile,
  depth: number,
  a: RowSide,
  b: ColumnSide,
): readonly (readonly V128[])[] {
  const zero = f.constant(f32x4.const(0));
  const tile = Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, () => f.variable("v128", zero)),
  );
  if (depth === 0) return tile;
  const atA = f.variable("i32", a.at);
  const [start, step] = "step" in b ? [b.at, b.step] : [b.offsets, 4];
  const atB = f.variable("i32", start);
  const end = f.keep(i32.add(atB, i32.const(depth * step)));
  // By hand, the loop is not unrolled: hosts lose by it.
  f.repeat((repeat) => {
    const first = "step" in b ? atB : f.keep(i32.add(b.at, i32.load(atB)));
    const column = (v: number) => f.keep(v128.load(first, v * VECTOR));
    const value = (r: number) => f.keep(v128.load32_splat(atA, r * a.row));
    const add = (r: number, v: number, x: V128, y: V128) =>
      f.set(tile[r][v], madd({ f, features }, x, y, tile[r][v]));
    // The shorter side stays in registers.
    if (rows < vectors) {
      const values = tile.map((_, r) => value(r));
      for (let v = 0; v < vectors; v++) {
        const y = column(v);
        values.forEach((x, r) => void add(r, v, x, y));
      }
    } else {
      const columns = tile[0].map((_, v) => column(v));
      for (let r = 0; r < rows; r++) {
        const x = value(r);
        columns.forEach((y, v) => void add(r, v, x, y));
      }
    }
    f.set(atA, i32.add(atA, i32.const(a.step)));
    f.set(atB, i32.add(atB, i32.const(step)));
    repeat(i32.ne(atB, end));
  });
  return tile;
}

/** A block of C: whole tiles, which it keeps in the running thread's memory until they are stored. */
export interface Block {
  readonly tile: Tile;
  readonly depth: number;
  /**
   * The rows' side from its first row on, and the number of all its rows: at least a tile's. With `panel`, the distance
   * from a tile's rows to the next tile's, the last tile is whole; else it overlaps the one before.
   */
  readonly a: RowSide & { readonly panel?: number };
  readonly allRows: number;
  /** Rows of the block: from, and up to but not including. */
  readonly from: I32;
  readonly to: I32;
  /** The columns' side of a panel: as many columns as a tile has. */
  readonly b: (panel: I32) => ColumnSide;
  /** Number of panels. */
  readonly panels: I32;
  /** Address of the block's memory: {@link blockBytes}. */
  readonly c: I32;
  /** Bytes from one of its rows to the next. */
  readonly pitch: number;
}

/** Bytes of memory for a block of so many rows and panels. */
export function blockBytes(tile: Tile, rows: number, panels: number): number {
  return (rows + tile.rows) * panels * tile.vectors * VECTOR;
}

/**
 * Computes a block. The returned function gives the address of a row's first value in the block's memory. Where tiles
 * overlap, elements come out the same both times.
 */
export function multiplyBlock(f: FunctionBuilder, features: Features, block: Block): (row: I32) => I32 {
  const { tile, depth, a, allRows, from, to, b, panels, c, pitch } = block;
  const last = i32.const(allRows - tile.rows);
  const firstOf = (row: I32) => (a.panel ? row : f.keep(i32.select(row, last, i32.lt_s(row, last))));
  const first = firstOf(from);
  const addressOf = (row: I32) => i32.add(c, i32.mul(i32.sub(row, first), i32.const(pitch)));
  f.loop(i32.const(0), panels, 1, (panel) => {
    const columns = b(panel);
    const side = { ...columns, at: f.keep(columns.at) };
    f.loop(from, to, tile.rows, (start) => {
      const row = firstOf(start);
      const offset = a.panel
        ? i32.mul(i32.div_u(row, i32.const(tile.rows)), i32.const(a.panel))
        : i32.mul(row, i32.const(a.row));
      const rows = { ...a, at: i32.add(a.at, offset) };
      const sums = multiplyTile(f, features, tile, depth, rows, side);
      const at = f.keep(i32.add(addressOf(row), i32.mul(panel, i32.const(tile.vectors * VECTOR))));
      sums.forEach((vectors, r) => {
        vectors.forEach((sum, v) => {
          f.store(at, sum, r * pitch + v * VECTOR);
        });
      });
    });
  });
  return addressOf;
}
