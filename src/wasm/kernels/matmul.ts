/** c[M, N] = A · B in batches: see `src/kernels/matmul.ts`. */
import type { Constants } from "../../kernels/kernel.ts";
import { f32, f32x4, i32, v128 } from "../assembler/instructions.ts";
import { transpose4 } from "../vectors/transpose.ts";
import type { KernelCall, LoadHook, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES } from "./loops.ts";
import { blockBytes, columnsOf, multiplyBlock, type Tile, VECTOR } from "./product.ts";

/** Multiplications and additions of a part, about. */
const PART_FLOPS = 1_500_000;
/** Elements that a part moves or adds up, about. */
const PART_ELEMENTS = 1 << 14;
/** Most columns and rows of a block: what is stored lies in the fastest cache. */
const BLOCK = 64;

/** An operand: its rows or columns of C, `size` of them, and where they lie, in bytes. */
interface Side {
  readonly size: number;
  readonly address: number;
  /** From one matrix of the batch to the next, one row or column to the next, one step of K to the next. */
  readonly batch: number;
  readonly next: number;
  readonly step: number;
}

export const matmul: WasmKernel = (call) => {
  const { memory, store } = call;
  const c = joined(call.constants);
  const phases: Phase[] = [];
  const place = (picks: number, name: "a" | "b", rows: number, columns: number, hooks: LoadHook[]) => {
    if (!picks) return memory[name].address;
    const address = call.scratch(4 * rows * columns);
    phases.push(pickRows(rows, columns, address, hooks[0], hooks[1]));
    return address;
  };
  const { M, N, K } = c;
  const { rowOfA, loadA, rowOfB, loadB } = call.load;
  const a: Side = {
    size: M,
    address: place(c.ROWS_A, "a", M, K, [rowOfA, loadA]),
    batch: 4 * c.BATCH_A,
    next: c.TRANSPOSE_A ? 4 : 4 * K,
    step: c.TRANSPOSE_A ? 4 * M : 4,
  };
  const b: Side = {
    size: N,
    address: place(c.ROWS_B, "b", K, N, [rowOfB, loadB]),
    batch: 4 * c.BATCH_B,
    next: c.TRANSPOSE_B ? 4 * K : 4,
    step: c.TRANSPOSE_B ? 4 : 4 * N,
  };
  const last: Phase[] = [];
  if (!store.store.isEmpty) {
    // Columns run along lanes: a few of them would leave lanes empty.
    const isTurned = N < LANES && M > N;
    const [pack, product] = multiply(call, c, isTurned ? b : a, isTurned ? a : b, isTurned);
    if (pack) phases.push(pack);
    last.push(product);
  }
  if (c.SUMS && !store.storeSum.isEmpty) last.push(sums(call, c, a));
  return [...phases, together(last)];
};

/** Where all matrices of the batch share B, and A's lie one behind the other, they are one matrix. */
function joined(c: Constants): Constants {
  const { BATCH, M, K, BATCH_A, BATCH_B, TRANSPOSE_A } = c;
  if (BATCH === 1 || TRANSPOSE_A || BATCH_B > 0 || BATCH_A !== M * K) return c;
  return { ...c, BATCH: 1, M: BATCH * M, BATCH_A: 0 };
}

/** Several phases as one, whose parts do not depend on each other. */
function together(phases: readonly Phase[]): Phase {
  return {
    parts: phases.reduce((sum, { parts }) => sum + parts, 0),
    build(f, part) {
      let first = 0;
      phases.forEach((phase) => {
        const start = i32.const(first);
        first += phase.parts;
        const build = () => phase.build(f, f.keep(i32.sub(part, start)));
        const isOwn = i32.and(i32.ge_u(part, start), i32.lt_u(part, i32.const(first)));
        if (phases.length === 1) phase.build(f, part);
        else f.if(isOwn, build);
      });
    },
  };
}

/** Copies rows out of a larger matrix, one behind the other. */
function pickRows(rows: number, columns: number, address: number, rowOf: LoadHook, element: LoadHook): Phase {
  const each = Math.max(1, Math.floor(PART_ELEMENTS / columns));
  return {
    parts: Math.ceil(rows / each),
    build(f, part) {
      inPart(f, part, each, rows, (row) => {
        const place = rowOf.at(f, [{ value: row, stride: 1, size: rows }]);
        const picked = f.keep(i32.trunc_sat_f32_u(place));
        const digit = { value: picked, stride: columns, size: Math.floor(2 ** 32 / columns), isLoaded: true };
        const values = element.along(f, [digit], { stride: 1, size: columns });
        const to = f.keep(i32.mul(row, i32.const(4 * columns)));
        inVectors(f, i32.const(0), i32.const(columns), (i, count) => {
          const at = f.keep(i32.add(to, i32.shl(i, i32.const(2))));
          const vector = f.keep(values(i));
          if (!count) f.store(at, vector, address);
          else {
            for (let lane = 0; lane < columns % LANES; lane++)
              f.storeLane(at, vector, lane, address + 4 * lane);
          }
        });
      });
    },
  };
}

/** The tile for so many rows: of few rows it has the more columns, so that additions do not wait for each other. */
function tileFor(rows: number): Tile {
  return rows < 3 ? { rows, vectors: 4 } : { rows: Math.min(rows, 4), vectors: 2 };
}

/** The phases of a product: the packing of its columns where these do not lie side by side, and the product. */
function multiply(
  call: KernelCall,
  c: Constants,
  rows: Side,
  columns: Side,
  isTurned: boolean,
): readonly [pack: Phase | undefined, product: Phase] {
  const { BATCH, M, N, K } = c;
  const tile = tileFor(rows.size);
  const width = columnsOf(tile);
  const panels = Math.ceil(columns.size / width);
  let pack: Phase | undefined;
  let panelStep = { address: columns.address, batch: columns.batch, panel: 4 * width, step: columns.step };
  if (columns.next !== 4) {
    // Packed four steps of K at once.
    const panel = Math.ceil(K / LANES) * LANES * 4 * width;
    const copies = columns.batch > 0 ? BATCH : 1;
    const address = call.scratch(copies * panels * panel);
    pack = packColumns(columns, tile, K, copies, address);
    panelStep = { address, batch: columns.batch > 0 ? panels * panel : 0, panel, step: 4 * width };
  }
  const tiles = Math.ceil(rows.size / tile.rows);
  const blockPanels = Math.min(panels, BLOCK / width);
  const wanted = PART_FLOPS / (2 * K * tile.rows * width * blockPanels);
  const most = Math.max(1, Math.min(tiles, Math.round(wanted), Math.floor(BLOCK / tile.rows)));
  const downwards = Math.ceil(tiles / most);
  const blockRows = Math.ceil(tiles / downwards) * tile.rows;
  const across = Math.ceil(panels / blockPanels);
  const blocks = BATCH * downwards * across;
  const each = Math.max(1, Math.floor(PART_FLOPS / (2 * K * blockRows * width * blockPanels)));
  const pitch = blockPanels * tile.vectors * VECTOR;
  const product: Phase = {
    parts: Math.ceil(blocks / each),
    build(f, part) {
      const scratch = f.keep(call.threadScratch(blockBytes(tile, blockRows, blockPanels)));
      inPart(f, part, each, blocks, (block) => {
        const digit = (div: number, mod: number) =>
          f.keep(i32.rem_u(i32.div_u(block, i32.const(div)), i32.const(mod)));
        const batch = digit(downwards * across, BATCH);
        const from = f.keep(i32.mul(digit(1, downwards), i32.const(blockRows)));
        const to = atMost(f, i32.add(from, i32.const(blockRows)), rows.size);
        const firstPanel = f.keep(i32.mul(digit(downwards, across), i32.const(blockPanels)));
        const lastPanel = atMost(f, i32.add(firstPanel, i32.const(blockPanels)), panels);
        const at = (address: number, bytes: number) =>
          f.keep(i32.add(i32.const(address), i32.mul(batch, i32.const(bytes))));
        const startA = at(rows.address, rows.batch);
        const startB = f.keep(
          i32.add(at(panelStep.address, panelStep.batch), i32.mul(firstPanel, i32.const(panelStep.panel))),
        );
        const addressOf = multiplyBlock(f, call.features, {
          tile,
          depth: K,
          a: { at: startA, row: rows.next, step: rows.step },
          allRows: rows.size,
          from,
          to,
          b: (panel) => ({
            at: i32.add(startB, i32.mul(panel, i32.const(panelStep.panel))),
            step: panelStep.step,
          }),
          panels: f.keep(i32.sub(lastPanel, firstPanel)),
          c: scratch,
          pitch,
        });
        const column = f.keep(i32.mul(firstPanel, i32.const(width)));
        const end = atMost(f, i32.mul(lastPanel, i32.const(width)), columns.size);
        f.loop(from, to, 1, (row) => {
          const line = [
            ...(BATCH > 1 ? [{ value: batch, stride: M * N, size: BATCH }] : []),
            { value: row, stride: isTurned ? 1 : N, size: rows.size },
          ];
          const keep = call.store.store.along(f, line, { stride: isTurned ? N : 1, size: columns.size });
          const values = f.keep(i32.sub(addressOf(row), i32.shl(column, i32.const(2))));
          inVectors(f, column, end, (i, count) =>
            keep(i, v128.load(i32.add(values, i32.shl(i, i32.const(2)))), count),
          );
        });
      });
    },
  };
  return [pack, product];
}

/** Puts columns that lie one behind the other side by side: in panels as wide as a tile, [panels, K, columns]. */
function packColumns(
  { size, address, batch, next }: Side,
  tile: Tile,
  depth: number,
  copies: number,
  to: number,
): Phase {
  const width = columnsOf(tile);
  const panels = Math.ceil(size / width);
  const bytes = Math.ceil(depth / LANES) * LANES * 4 * width;
  const each = Math.max(1, Math.floor(PART_ELEMENTS / (depth * width)));
  return {
    parts: Math.ceil((copies * panels) / each),
    build(f, part) {
      inPart(f, part, each, copies * panels, (panel) => {
        const matrix = f.keep(i32.mul(i32.div_u(panel, i32.const(panels)), i32.const(batch)));
        const first = f.keep(i32.mul(i32.rem_u(panel, i32.const(panels)), i32.const(width)));
        for (let vector = 0; vector < tile.vectors; vector++) {
          const columns = [0, 1, 2, 3].map((lane) => {
            // Past the last column, that one again.
            const column = atMost(f, i32.add(first, i32.const(vector * LANES + lane)), size - 1);
            return f.variable("i32", i32.add(matrix, i32.mul(column, i32.const(next))));
          });
          const at = f.variable("i32", i32.mul(panel, i32.const(bytes)));
          f.loop(i32.const(0), i32.const(depth), LANES, () => {
            const loaded = columns.map((column) => v128.load(column, address));
            transpose4(f, loaded).forEach((values, k) => {
              f.store(at, values, to + k * 4 * width + vector * VECTOR);
            });
            for (const column of columns) f.set(column, i32.add(column, i32.const(VECTOR)));
            f.set(at, i32.add(at, i32.const(LANES * 4 * width)));
          });
        }
      });
    },
  };
}

/** The sums of A's rows. */
function sums({ store: { storeSum } }: KernelCall, { BATCH, M, K }: Constants, a: Side): Phase {
  const isAcross = a.next === 4;
  // Along memory: rows in lanes where they lie side by side, or else steps of K.
  const group = isAcross ? Math.min(M, LANES * LANES) : 1;
  const groups = Math.ceil(M / group);
  const each = Math.max(1, Math.floor(PART_ELEMENTS / (K * group)));
  return {
    parts: Math.ceil((BATCH * groups) / each),
    build(f, part) {
      inPart(f, part, each, BATCH * groups, (n) => {
        const batch = f.keep(i32.div_u(n, i32.const(groups)));
        const row = f.keep(i32.mul(i32.rem_u(n, i32.const(groups)), i32.const(group)));
        const outer = BATCH > 1 ? [{ value: batch, stride: M, size: BATCH }] : [];
        const start = i32.add(i32.mul(batch, i32.const(a.batch)), i32.mul(row, i32.const(a.next)));
        const at = f.variable("i32", start);
        const zero = f.constant(f32x4.const(0));
        const totals = [0, 1, 2, 3].map(() => f.variable("v128", zero));
        const add = (v: number) =>
          f.set(totals[v], f32x4.add(totals[v], v128.load(at, a.address + v * VECTOR)));
        if (isAcross) {
          f.loop(i32.const(0), i32.const(K), 1, () => {
            for (let v = 0; v < Math.ceil(group / LANES); v++) add(v);
            f.set(at, i32.add(at, i32.const(a.step)));
          });
          const keep = storeSum.along(f, outer, { stride: 1, size: M });
          totals.slice(0, Math.ceil(group / LANES)).forEach((total, v) => {
            const i = f.keep(i32.add(row, i32.const(v * LANES)));
            const left = f.keep(i32.sub(i32.const(M), i));
            f.if(
              i32.ge_s(left, i32.const(LANES)),
              () => keep(i, total),
              () => keep(i, total, left),
            );
          });
          return;
        }
        f.loop(i32.const(0), i32.const(K - (K % VECTOR)), VECTOR, () => {
          for (const v of [0, 1, 2, 3]) add(v);
          f.set(at, i32.add(at, i32.const(4 * VECTOR)));
        });
        f.loop(i32.const(0), i32.const((K % VECTOR) - (K % LANES)), LANES, () => {
          add(0);
          f.set(at, i32.add(at, i32.const(VECTOR)));
        });
        const total = f.keep(f32x4.add(f32x4.add(totals[0], totals[1]), f32x4.add(totals[2], totals[3])));
        const lane = (n: number) => f32x4.extract_lane(total, n);
        let sum = f32.add(f32.add(lane(0), lane(1)), f32.add(lane(2), lane(3)));
        for (let n = 0; n < K % LANES; n++) sum = f32.add(sum, f32.load(at, a.address + 4 * n));
        storeSum.at(f, [...outer, { value: row, stride: 1, size: M }], f.keep(sum));
      });
    },
  };
}
