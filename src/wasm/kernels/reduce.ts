/**
 * Sums, maxima, and positions of maxima over the middle axis of [OUTER, SIZE, INNER], as `src/kernels/reduce.ts` says.
 *
 * Where INNER is 1, lanes run along the axis; otherwise along INNER. Few results of a long axis come in pieces of it,
 * which a second phase combines.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { firstLanes } from "../vectors/lanes.ts";
import { type FoldMode, foldOf } from "./fold.ts";
import type { Index, KernelCall, Lanes, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES, overLanes, upTo } from "./loops.ts";
import { merged } from "./row.ts";
import { loadScratch, storeScratch } from "./scratch.ts";

/** Elements of a part. */
const PART = 1 << 14;
/** With fewer parts than these, a long axis is cut. */
const FEW_PARTS = 8;
/** Vectors that are under way together. */
const WAYS = 4;

/** A reduction to [OUTER, parts, INNER]. */
interface Reduction {
  readonly call: KernelCall;
  readonly fold: FoldMode;
  readonly parts: number;
  readonly chunk: number;
  /** Addresses of what parts keep to be combined; undefined where the hook takes the results. */
  readonly pieces?: readonly number[];
}

export const reduce: WasmKernel = (call) => {
  const { OUTER, SIZE, INNER, PARTS, CHUNK, MODE } = call.constants;
  const fold = foldOf(MODE);
  const results = OUTER * PARTS * Math.ceil(INNER / (WAYS * LANES));
  const piece = Math.ceil(PART / Math.min(INNER, WAYS * LANES));
  if (PARTS > 1 || results >= FEW_PARTS || SIZE < 2 * piece)
    return [phaseOf({ call, fold, parts: PARTS, chunk: CHUNK })];
  const parts = Math.ceil(SIZE / piece);
  const pieces = (fold.ordered ? [0, 1] : [0]).map(() => call.scratch(4 * OUTER * parts * INNER));
  const cut = { call, fold, parts, chunk: piece, pieces };
  return [phaseOf(cut), { parts: 1, build: (f) => combine(f, cut, pieces) }];
};

const phaseOf = (reduction: Reduction): Phase =>
  reduction.call.constants.INNER === 1 ? ofRows(reduction) : ofColumns(reduction);

/** The numbers that a hook is given. */
function resultOf({ ordered }: FoldMode, values: readonly V128[]): V128 {
  return ordered ? f32x4.convert_i32x4_s(values[1]) : values[0];
}

function ofRows({ call, fold, parts, chunk, pieces }: Reduction): Phase {
  const { OUTER, SIZE } = call.constants;
  const { load, store } = call;
  const results = OUTER * parts;
  const ofPart = Math.ceil(PART / chunk);
  const ways = fold.ordered ? 1 : WAYS;
  const row = (f: FunctionBuilder, outer: I32, first: I32, size: number): readonly V128[] => {
    const values = load.element.along(f, [{ value: outer, stride: SIZE, size: OUTER }], {
      stride: 1,
      size: SIZE,
    });
    const states = Array.from({ length: Math.min(ways, Math.ceil(size / LANES)) }, () => fold.begin(f));
    overLanes(f, first, size, states.length, (i, count, way) => {
      const x = values(i);
      const inside =
        count === LANES ? x : v128.bitselect(x, neutralOf(f, fold), f.constant(firstLanes(count)));
      states[way].take(f.keep(inside), () => from(f, i));
    });
    return merged(states).together();
  };
  return {
    parts: Math.ceil(results / ofPart),
    build(f, part) {
      inPart(f, part, ofPart, results, (result) => {
        const outer = f.keep(parts === 1 ? result : i32.div_u(result, i32.const(parts)));
        const number = f.keep(i32.sub(result, i32.mul(outer, i32.const(parts))));
        const first = f.keep(i32.mul(number, i32.const(chunk)));
        const write = (size: number) => {
          const values = row(f, outer, first, size);
          const at = i32.mul(result, i32.const(4));
          if (pieces) pieces.forEach((address, n) => void f.storeLane(at, values[n], 0, address));
          else {
            const value = f32x4.extract_lane(resultOf(fold, values), 0);
            store.store.at(f, [{ value: result, stride: 1, size: results }], value);
          }
        };
        const last = SIZE - (parts - 1) * chunk;
        if (last === chunk) write(chunk);
        else
          f.if(
            i32.eq(number, i32.const(parts - 1)),
            () => write(last),
            () => write(chunk),
          );
      });
    },
  };
}

function ofColumns({ call, fold, parts, chunk, pieces }: Reduction): Phase {
  const { OUTER, SIZE, INNER } = call.constants;
  const vectors = Math.min(WAYS, Math.ceil(INNER / LANES));
  const width = vectors * LANES;
  const blocks = Math.ceil(INNER / width);
  const items = OUTER * parts * blocks;
  const ofPart = Math.max(1, Math.floor(PART / (Math.min(chunk, SIZE) * width)));
  /** Rows that are under way together. */
  const rows = fold.ordered ? 1 : Math.max(1, Math.min(Math.floor(WAYS / vectors), chunk));
  const lanes: Lanes = { stride: 1, size: INNER };
  return {
    parts: Math.ceil(items / ofPart),
    build(f, part) {
      inPart(f, part, ofPart, items, (item) => {
        const result = f.keep(i32.div_u(item, i32.const(blocks)));
        const column = f.keep(i32.mul(i32.sub(item, i32.mul(result, i32.const(blocks))), i32.const(width)));
        const outer = f.keep(i32.div_u(result, i32.const(parts)));
        const number = f.keep(i32.sub(result, i32.mul(outer, i32.const(parts))));
        const first = f.keep(i32.mul(number, i32.const(chunk)));
        const end = atMost(f, i32.add(first, i32.const(chunk)), SIZE);
        const states = Array.from({ length: rows }, () =>
          Array.from({ length: vectors }, () => fold.begin(f)),
        );
        const take = (r: I32, way: number) => {
          const index: Index = [
            { value: outer, stride: SIZE * INNER, size: OUTER },
            { value: f.keep(r), stride: INNER, size: SIZE },
          ];
          const values = call.load.element.along(f, index, lanes);
          for (const [k, state] of states[way].entries()) {
            const x = f.keep(values(i32.add(column, i32.const(k * LANES))));
            state.take(x, () => i32x4.splat(r));
          }
        };
        const whole = f.keep(i32.sub(end, i32.rem_u(i32.sub(end, first), i32.const(rows))));
        f.loop(first, whole, rows, (r) => {
          for (let way = 0; way < rows; way++) take(i32.add(r, i32.const(way)), way);
        });
        if (rows > 1) f.loop(whole, end, 1, (r) => take(r, 0));
        const index: Index = [
          { value: outer, stride: parts * INNER, size: OUTER },
          { value: number, stride: INNER, size: parts },
        ];
        const keeps = pieces
          ? pieces.map((address) => storeScratch(f, address, index))
          : [call.store.store.along(f, index, lanes)];
        states[0].forEach((_, k) => {
          const at = f.keep(i32.add(column, i32.const(k * LANES)));
          const values = merged(states.map((ofRow) => ofRow[k])).lanes();
          const results = pieces ? values : [resultOf(fold, values)];
          upTo(f, at, INNER, blocks === 1 ? k * LANES : undefined, (count) => {
            keeps.forEach((keep, n) => void keep(at, results[n], count));
          });
        });
      });
    },
  };
}

/** Combines the pieces of each result, in order. */
function combine(f: FunctionBuilder, { call, fold, parts }: Reduction, pieces: readonly number[]): void {
  const { OUTER, INNER } = call.constants;
  f.loop(i32.const(0), i32.const(OUTER), 1, (outer) => {
    const keep = call.store.store.along(f, [{ value: outer, stride: INNER, size: OUTER }], {
      stride: 1,
      size: INNER,
    });
    inVectors(f, i32.const(0), i32.const(INNER), (i, count) => {
      const state = fold.begin(f);
      f.loop(i32.const(0), i32.const(parts), 1, (part) => {
        const index: Index = [
          { value: outer, stride: parts * INNER, size: OUTER },
          { value: part, stride: INNER, size: parts },
        ];
        const [value, position] = pieces.map((address) => loadScratch(f, address, index)(i));
        state.take(f.keep(value), () => position);
      });
      keep(i, resultOf(fold, state.lanes()), count);
    });
  });
}

function neutralOf(f: FunctionBuilder, { neutral }: FoldMode): V128 {
  return f.constant(f32x4.const(neutral));
}

/** The positions of four lanes from `i` on. */
function from(f: FunctionBuilder, i: I32): V128 {
  return i32x4.add(i32x4.splat(i), f.constant(i32x4.const(0, 1, 2, 3)));
}
