/** c[M, N] = A · B in batches: see `src/kernels/matmul.ts`. */
import type { Constants } from "../../kernels/kernel.ts";
import { f32, f32x4, type I32, i32, v128 } from "../assembler/instructions.ts";
import type { KernelCall, LoadHook, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES } from "./loops.ts";
import { copyPanel, packed, panelBytes, type Side, unpacked } from "./panels.ts";
import { blockBytes, columnsOf, multiplyBlock, type Tile, VECTOR } from "./product.ts";
import { tileFor } from "./tiles.ts";

/** Multiplications and additions of a part, about; small products are cut into {@link PARTS}, or as many as that gives. */
const PART_FLOPS = { least: 500_000, most: 1_500_000 };
const PARTS = 32;
/** Elements that a part moves or adds up, about. */
const PART_ELEMENTS = 1 << 14;
/** Most rows by which a panel is read, and most bytes of it, where parts copy their panels for themselves. */
const OWN_ROWS = 128;
const OWN_BYTES = 1 << 18;
/** Most columns and rows of a block: what is stored lies in the fastest cache. */
const BLOCK = 64;

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
    const made = multiply(call, c, isTurned ? b : a, isTurned ? a : b, isTurned);
    phases.push(...made.slice(0, -1));
    last.push(...made.slice(-1));
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
      const choose = (n: number, own: I32): void => {
        const phase = phases[n];
        const mine = () => phase.build(f, own);
        const others = () => choose(n + 1, f.keep(i32.sub(own, i32.const(phase.parts))));
        if (n === phases.length - 1) mine();
        else f.if(i32.lt_u(own, i32.const(phase.parts)), mine, others);
      };
      if (phases.length > 0) choose(0, part);
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

/**
 * Sides that lie across memory, with each step of K in another place, are copied into panels where many tiles read them
 * and these places are many or far from each other.
 */
function isFar({ next, step }: Side, depth: number, uses: number): boolean {
  return next === 4 && uses >= 8 && depth >= 16 && (depth >= 256 || step >= 2048);
}

/** The phases of a product: the packing of its sides where that pays, and the product. */
function multiply(
  call: KernelCall,
  c: Constants,
  rows: Side,
  columns: Side,
  isTurned: boolean,
): readonly Phase[] {
  const { BATCH, M, N, K } = c;
  const tile = tileFor(call.features, rows.size, BATCH * M * N * K);
  const width = columnsOf(tile);
  const isPacked = columns.next !== 4 || isFar(columns, K, rows.size);
  // Panels that one part alone reads are its own.
  const bytes = panelBytes(width, K);
  const isOwn = isPacked && rows.size <= OWN_ROWS && bytes <= OWN_BYTES;
  const packs: Phase[] = [];
  const panelsOf = (side: Side, size: number, isCopied: boolean) => {
    if (!isCopied) return unpacked(side, size);
    const [made, phase] = packed(side, size, K, side.batch > 0 ? BATCH : 1, call.scratch);
    packs.push(phase);
    return made;
  };
  const isLeftPacked = isFar(rows, K, columns.size);
  const left = panelsOf(rows, tile.rows, isLeftPacked);
  const right = panelsOf(columns, width, isPacked && !isOwn);
  const blocks = blocksOf(tile, rows.size, columns.size, BATCH, K, isOwn);
  const { downwards, across, high, wide } = blocks;
  const pitch = wide * tile.vectors * VECTOR;
  const product: Phase = {
    parts: Math.ceil(blocks.count / blocks.each),
    build(f, part) {
      const scratch = f.keep(call.threadScratch(blockBytes(tile, high, wide)));
      const own = isOwn ? f.keep(call.threadScratch(bytes)) : undefined;
      inPart(f, part, blocks.each, blocks.count, (block) => {
        const digit = (div: number, mod: number) =>
          f.keep(i32.rem_u(i32.div_u(block, i32.const(div)), i32.const(mod)));
        const batch = digit(downwards * across, BATCH);
        const from = f.keep(i32.mul(digit(1, downwards), i32.const(high)));
        const to = atMost(f, i32.add(from, i32.const(high)), rows.size);
        const first = f.keep(i32.mul(digit(downwards, across), i32.const(wide)));
        const end = atMost(f, i32.add(first, i32.const(wide)), Math.ceil(columns.size / width));
        const matrix = (side: Side) => f.keep(i32.mul(batch, i32.const(side.batch)));
        const startA = f.keep(i32.add(matrix(left), i32.const(left.address)));
        const startB = matrix(right);
        const panelAt = (n: I32) => {
          const panel = f.keep(i32.add(first, n));
          if (!own) {
            const at = i32.add(
              i32.add(startB, i32.mul(panel, i32.const(right.panel))),
              i32.const(right.address),
            );
            return { at, step: right.step };
          }
          copyPanel(f, columns, [K, width], [startB, f.keep(i32.mul(panel, i32.const(width)))], own);
          return { at: own, step: 4 * width };
        };
        const addressOf = multiplyBlock(f, call.features, {
          tile,
          depth: K,
          a: {
            at: startA,
            row: left.next,
            step: left.step,
            ...(isLeftPacked && { panel: left.panel }),
          },
          allRows: rows.size,
          from,
          to,
          b: panelAt,
          panels: f.keep(i32.sub(end, first)),
          c: scratch,
          pitch,
        });
        const column = f.keep(i32.mul(first, i32.const(width)));
        const last = atMost(f, i32.mul(end, i32.const(width)), columns.size);
        f.loop(from, to, 1, (row) => {
          const line = [
            ...(BATCH > 1 ? [{ value: batch, stride: M * N, size: BATCH }] : []),
            { value: row, stride: isTurned ? 1 : N, size: rows.size },
          ];
          const keep = call.store.store.along(f, line, { stride: isTurned ? N : 1, size: columns.size });
          const values = f.keep(i32.sub(addressOf(row), i32.shl(column, i32.const(2))));
          inVectors(f, column, last, (i, count) =>
            keep(i, v128.load(i32.add(values, i32.shl(i, i32.const(2)))), count),
          );
        });
      });
    },
  };
  return [...(packs.length > 0 ? [together(packs)] : []), product];
}

/**
 * C in blocks: their rows and panels, their number in both directions and in all, and how many are a part.
 * @param isTall whether a block has all rows
 */
function blocksOf(tile: Tile, rows: number, columns: number, batch: number, depth: number, isTall: boolean) {
  const width = columnsOf(tile);
  const panels = Math.ceil(columns / width);
  const tiles = Math.ceil(rows / tile.rows);
  const flops = 2 * Math.max(1, depth) * tile.rows * width;
  const all = batch * tiles * panels * flops;
  const part = Math.min(PART_FLOPS.most, Math.max(PART_FLOPS.least, all / PARTS));
  const upTo = (wanted: number, most: number) => Math.max(1, Math.min(Math.round(wanted), most));
  const widest = Math.min(panels, BLOCK / width);
  const wide = isTall
    ? upTo(Math.min(part / (flops * tiles), (BLOCK * BLOCK) / (rows * width)), widest)
    : widest;
  const most = isTall ? tiles : upTo(part / (flops * wide), Math.min(tiles, Math.floor(BLOCK / tile.rows)));
  const downwards = Math.ceil(tiles / most);
  const across = Math.ceil(panels / wide);
  const high = Math.ceil(tiles / downwards) * tile.rows;
  const each = Math.max(1, Math.floor((part * tile.rows) / (flops * high * wide)));
  return { high, wide, downwards, across, count: batch * downwards * across, each };
}

/** The sums of A's rows. */
function sums({ store: { storeSum } }: KernelCall, { BATCH, M, K }: Constants, a: Side): Phase {
  const isAcross = a.next === 4;
  // Along memory: rows in lanes where they lie side by side, or else steps of K.
  const group = isAcross ? Math.min(M, LANES * LANES) : 1;
  const groups = Math.ceil(M / group);
  const each = Math.max(1, Math.floor(PART_ELEMENTS / Math.max(1, K * group)));
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
