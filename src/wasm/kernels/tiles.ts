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
const CALLS = 16;
/** Milliseconds of a measurement. */
const SLICE = 0.06;
/** Most milliseconds from one tick of a clock to the next that tell tiles apart: pages that are not isolated have more. */
const TICK = 0.03;
/** So much faster code becomes once a host has compiled it well: the least that is expected. */
const OPTIMIZED = 2;
/** Measurements by which a time is known: the best counts. */
const ROUNDS = 4;
/** Rounds after which timing gives up, some 10 ms: a host that has not compiled well by then gets the first tile. */
const PATIENCE = 64;

/**
 * Rows a unit of time by every tile, relative to the first one: 1 for it, and 0 for the others, where a host's clock does
 * not tell, or not within some milliseconds.
 */
export function measureTiles(features: Features): readonly number[] {
  const unknown = TILES.map((_, n) => (n === 0 ? 1 : 0));
  if (Math.min(tick(), tick(), tick()) > TICK) return unknown;
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
  for (const call of calls) call();
  const measure = () => calls.map((call, n) => timeOf(call) / TILES[n].rows);
  const better = (a: readonly number[], b: readonly number[]) => a.map((time, n) => Math.min(time, b[n]));
  const slow = better(measure(), measure());
  let best = slow;
  for (let left = ROUNDS, round = 0; left > 0; round++) {
    if (round === PATIENCE) return unknown;
    best = better(best, measure());
    if (best.every((time, n) => time * OPTIMIZED < slow[n])) left--;
  }
  return best.map((time) => best[0] / time);
}

/** Milliseconds from one tick of the clock to the next. */
function tick(): number {
  const began = performance.now();
  let now = began;
  while (now === began) now = performance.now();
  return now - began;
}

/** Milliseconds of a call, from a tick of the clock on. */
function timeOf(call: () => void): number {
  tick();
  const began = performance.now();
  let [count, took] = [0, 0];
  for (; took < SLICE; took = performance.now() - began) {
    call();
    count++;
  }
  return took / count;
}
