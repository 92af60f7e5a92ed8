/** The tile of a product: hosts differ in which is the fastest, and timing finds it out. Results are the same by all. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { i32 } from "../assembler/instructions.ts";
import { MAX_PAGES, ModuleBuilder } from "../assembler/module.ts";
import type { Features } from "./kernel.ts";
import { columnsOf, multiplyTile, type Tile, VECTOR } from "./product.ts";

/** Tiles for many rows: the first one is good everywhere, others better in some hosts, and much slower elsewhere. */
const TILES: readonly Tile[] = [
  { rows: 4, vectors: 2 },
  { rows: 6, vectors: 2 },
];

/** Products below so many multiplications take less time than timing. */
const LARGE = 1 << 18;

/** Relative speeds of {@link TILES}, once measured. */
let measured: readonly number[] | undefined;

/**
 * The tile for so many rows. Of few rows it has the more columns, so that additions do not wait for each other.
 * @param multiplications of the whole product
 */
export function tileFor(features: Features, rows: number, multiplications: number): Tile {
  const [first] = TILES;
  if (rows < 3) return { rows, vectors: 4 };
  if (rows <= first.rows) return { rows, vectors: first.vectors };
  const fitting = TILES.filter((tile) => tile.rows <= rows);
  if (features.tileRows) return fitting.find((tile) => tile.rows === features.tileRows) ?? first;
  // Products that are rounded before they are added need a register more.
  if (multiplications < LARGE || fitting.length === 1 || !features.relaxed) return first;
  measured ??= measureTiles(features);
  const speeds = measured;
  const costs = fitting.map((tile, n) => (Math.ceil(rows / tile.rows) * tile.rows) / speeds[n]);
  return fitting[costs.indexOf(Math.min(...costs))];
}

/** Steps of K and tiles of a call: calls are short, since one that begins in slow code ends in it. */
const DEPTH = 128;
const CALLS = 64;
/** Milliseconds after which timing gives up: a host that compiles more slowly gets the first tile. */
const PATIENCE = 10;
/** So much faster code becomes once a host has compiled it well: the least that is expected. */
const OPTIMIZED = 2;
/** Rounds before and after that. */
const ROUNDS = 4;

/**
 * Rows a unit of time by every tile, relative to the first one: 1 for it alone, and 0 for the others, where a host does
 * not tell within some milliseconds.
 */
export function measureTiles(features: Features): readonly number[] {
  const module = new ModuleBuilder(false);
  const [A, B, C] = [0, 1 << 15, (1 << 16) - 1024].map((address) => i32.const(address));
  TILES.forEach((tile, n) => {
    const write = (f: FunctionBuilder) =>
      f.loop(i32.const(0), i32.const(CALLS), 1, () => {
        const rows = { at: A, row: 4, step: 4 * tile.rows };
        const sums = multiplyTile(f, features, tile, DEPTH, rows, { at: B, step: 4 * columnsOf(tile) });
        sums.flat().forEach((sum, v) => {
          f.store(C, sum, v * VECTOR);
        });
      });
    module.function([], [], write, `${n}`);
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  new Float32Array(memory.buffer).fill(1);
  const compiled = new WebAssembly.Module(module.encode());
  const { exports } = new WebAssembly.Instance(compiled, { wgrad: { memory } });
  const calls = TILES.map((_, n) => exports[n] as () => void);
  const timed = TILES.map(({ rows }, n) => () => {
    const began = performance.now();
    calls[n]();
    return (performance.now() - began) / rows;
  });
  const best = TILES.map(() => Number.POSITIVE_INFINITY);
  const round = () => {
    timed.forEach((time, n) => {
      best[n] = Math.min(best[n], time());
    });
  };
  const began = performance.now();
  for (let i = 0; i < ROUNDS; i++) round();
  const slow = [...best];
  for (let left = ROUNDS; left > 0; ) {
    if (performance.now() - began > PATIENCE) return TILES.map((_, n) => (n === 0 ? 1 : 0));
    round();
    if (best.every((time, n) => time * OPTIMIZED < slow[n])) left--;
  }
  // A clock without such small units gives 0.
  return best.map((time, n) => (n === 0 ? 1 : best[0] / time || 0));
}
