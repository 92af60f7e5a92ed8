/** Sides of matrix products, and their packing into panels. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32, v128 } from "../assembler/instructions.ts";
import { transpose4 } from "../vectors/transpose.ts";
import type { Phase } from "./kernel.ts";
import { atMost, inPart, LANES } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Elements that a part copies, about. */
const PART = 1 << 14;

/** A side of a product: its rows or columns of C, and where they lie. All distances are in bytes. */
export interface Side {
  /** Number of rows or columns. */
  readonly size: number;
  readonly address: number;
  /** From one matrix of the batch to the next: 0 where all share one. */
  readonly batch: number;
  /** From one row or column to the next. */
  readonly next: number;
  /** From one step of K to the next. */
  readonly step: number;
}

/** A side in groups of as many rows or columns as a tile has. */
export interface Panels extends Side {
  /** From one panel to the next. */
  readonly panel: number;
}

/** A side as it lies. */
export function unpacked(side: Side, width: number): Panels {
  return { ...side, panel: side.next * width };
}

/**
 * Bytes of a panel, [K, width]: whole vectors are stored into it, and whole fours of steps where these are turned, some
 * of it past the end.
 */
export function panelBytes(width: number, depth: number): number {
  return Math.ceil(depth / LANES) * LANES * 4 * width + VECTOR;
}

/**
 * Copies a panel of a side, where all that a tile reads then lies together: what lies past the last row or column is of
 * no meaning.
 * @param matrix bytes to the matrix of the batch
 * @param first row or column
 * @param target bytes from `to` on
 */
export function copyPanel(
  f: FunctionBuilder,
  { size, address, next, step }: Side,
  [depth, width]: readonly [number, number],
  [matrix, first]: readonly [I32, I32],
  target: I32,
  to = 0,
): void {
  const stride = 4 * width;
  const offsets = Array.from({ length: Math.ceil(width / LANES) }, (_, v) => v * VECTOR);
  const at = f.variable("i32", target);
  if (next === 4) {
    const from = f.variable("i32", i32.add(matrix, i32.shl(first, i32.const(2))));
    f.loop(i32.const(0), i32.const(depth), 1, () => {
      for (const offset of offsets) f.store(at, v128.load(from, address + offset), to + offset);
      f.set(from, i32.add(from, i32.const(step)));
      f.set(at, i32.add(at, i32.const(stride)));
    });
    return;
  }
  const lines = Array.from({ length: offsets.length * LANES }, (_, n) => {
    // Past the last one, that one again.
    const line = atMost(f, i32.add(first, i32.const(n)), size - 1);
    return f.variable("i32", i32.add(matrix, i32.mul(line, i32.const(next))));
  });
  f.loop(i32.const(0), i32.const(depth), LANES, () => {
    for (const offset of offsets) {
      const four = lines.slice(offset / LANES, offset / LANES + LANES);
      const loaded = four.map((line) => v128.load(line, address));
      transpose4(f, loaded).forEach((values, k) => {
        f.store(at, values, to + k * stride + offset);
      });
    }
    for (const line of lines) f.set(line, i32.add(line, i32.const(VECTOR)));
    f.set(at, i32.add(at, i32.const(LANES * stride)));
  });
}

/**
 * Copies a side into panels [copies, panels, K, width].
 * @param copies number of matrices
 * @param scratch gives the memory of the panels
 */
export function packed(
  side: Side,
  width: number,
  depth: number,
  copies: number,
  scratch: (bytes: number) => number,
): readonly [Panels, Phase] {
  const { size, batch } = side;
  const panels = Math.ceil(size / width);
  const bytes = panelBytes(width, depth);
  const address = scratch(copies * panels * bytes);
  const each = Math.max(1, Math.floor(PART / (depth * width)));
  const phase: Phase = {
    parts: Math.ceil((copies * panels) / each),
    build(f, part) {
      inPart(f, part, each, copies * panels, (panel) => {
        const matrix = f.keep(i32.mul(i32.div_u(panel, i32.const(panels)), i32.const(batch)));
        const first = f.keep(i32.mul(i32.rem_u(panel, i32.const(panels)), i32.const(width)));
        copyPanel(f, side, [depth, width], [matrix, first], i32.mul(panel, i32.const(bytes)), address);
      });
    },
  };
  const layout = { size, address, batch: batch > 0 ? panels * bytes : 0, next: 4, step: 4 * width };
  return [{ ...layout, panel: bytes }, phase];
}
