/**
 * Sums of rows by index, as `src/kernels/scatterRows.ts` says. A first phase sorts the rows' numbers by index, in order;
 * then each sum is that of a list, in registers.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, v128 } from "../assembler/instructions.ts";
import type { KernelCall, WasmKernel } from "./kernel.ts";
import { inPart, LANES, overLanes } from "./loops.ts";

/** Elements of a part, of those that are added and those that are stored. */
const PART = 1 << 14;
/** Most vectors of a row that are added up at once. */
const MOST_VECTORS = 8;

export const scatterRows: WasmKernel = (call) => {
  const { ROWS, WIDTH, COUNT } = call.constants;
  const lists = new Lists(call);
  const vectors = Math.min(MOST_VECTORS, Math.ceil(WIDTH / LANES));
  const blocks = Math.ceil(WIDTH / (vectors * LANES));
  const columns = Math.min(WIDTH, vectors * LANES);
  const each = Math.max(1, Math.floor(PART / (columns * (1 + COUNT / ROWS))));
  const parts = Math.ceil(ROWS / each);
  return [
    { parts: 1, build: (f) => lists.write(f) },
    {
      parts: parts * blocks,
      build(f, part) {
        const block = f.keep(i32.rem_u(part, i32.const(blocks)));
        const rows = f.keep(i32.div_u(part, i32.const(blocks)));
        const add = (first: I32, size: number) =>
          inPart(f, rows, each, ROWS, (row) => sumRow(f, call, lists, row, first, size));
        const whole = Math.floor(WIDTH / columns);
        if (blocks === 1) add(i32.const(0), WIDTH);
        else if (whole === blocks) add(f.keep(i32.mul(block, i32.const(columns))), columns);
        else {
          f.if(
            i32.lt_s(block, i32.const(whole)),
            () => add(f.keep(i32.mul(block, i32.const(columns))), columns),
            () => add(i32.const(whole * columns), WIDTH - whole * columns),
          );
        }
      },
    },
  ];
};

/** Adds up `size` columns from `first` on, of the rows that belong to `row`. */
function sumRow(f: FunctionBuilder, call: KernelCall, lists: Lists, row: I32, first: I32, size: number) {
  const { ROWS, WIDTH, COUNT } = call.constants;
  const zero = f.constant(f32x4.const(0));
  const lanes = { stride: 1, size: WIDTH };
  const sums = Array.from({ length: Math.ceil(size / LANES) }, () => f.variable("v128", zero));
  const columnOf = (n: number) => i32.add(first, i32.const(n * LANES));
  const isWhole = (n: number) => (n + 1) * LANES <= size;
  lists.forEach(f, row, (from) => {
    const values = call.load.element.along(f, [{ value: from, stride: WIDTH, size: COUNT }], lanes);
    for (const [n, sum] of sums.entries()) f.set(sum, f32x4.add(sum, values(columnOf(n), isWhole(n))));
  });
  const keep = call.store.store.along(f, [{ value: row, stride: WIDTH, size: ROWS }], lanes);
  for (const [n, sum] of sums.entries()) keep(columnOf(n), sum, Math.min(LANES, size - n * LANES));
}

const WORD = 4;

/** For each result, the numbers of the rows that belong to it, in order. */
class Lists {
  /** Addresses: of each row's result, or -1 where there is none; of the ends of lists, behind a 0; of the lists. */
  readonly #results: number;
  readonly #ends: number;
  readonly #numbers: number;

  constructor(readonly call: KernelCall) {
    const { ROWS, COUNT } = call.constants;
    this.#results = call.scratch(WORD * (COUNT + LANES));
    this.#ends = call.scratch(WORD * (ROWS + 2));
    this.#numbers = call.scratch(WORD * COUNT);
  }

  write(f: FunctionBuilder): void {
    const { ROWS, COUNT } = this.call.constants;
    const zero = f.constant(f32x4.const(0));
    const rows = f.constant(f32x4.const(ROWS));
    f.fillMemory(i32.const(this.#ends), i32.const(0), i32.const(WORD * (ROWS + 2)));
    const indices = this.call.load.rowOf.along(f, [], { stride: 1, size: COUNT });
    overLanes(f, i32.const(0), COUNT, 1, (i, count) => {
      const index = f.keep(indices(i, count === LANES));
      const isInside = v128.and(f32x4.ge(index, zero), f32x4.lt(index, rows));
      const results = f.keep(v128.or(i32x4.trunc_sat_f32x4_s(index), v128.not(isInside)));
      f.store(i32.shl(i, i32.const(2)), results, this.#results);
      // Of each result, how many rows it has: two places behind its own.
      for (let lane = 0; lane < count; lane++) {
        this.#ifInside(f, i32x4.extract_lane(results, lane), (at) => {
          f.store(at, i32.add(i32.load(at, this.#ends + 2 * WORD), i32.const(1)), this.#ends + 2 * WORD);
        });
      }
    });
    // Where lists begin: one place behind their own.
    const sum = f.variable("i32", i32.const(0));
    f.loop(i32.const(0), i32.const(ROWS), 1, (row) => {
      const at = f.keep(i32.shl(row, i32.const(2)));
      f.set(sum, i32.add(sum, i32.load(at, this.#ends + WORD)));
      f.store(at, sum, this.#ends + WORD);
    });
    // Each row moves the beginning of its list on, up to its end.
    f.loop(i32.const(0), i32.const(COUNT), 1, (n) => {
      this.#ifInside(f, i32.load(i32.shl(n, i32.const(2)), this.#results), (at) => {
        const place = f.keep(i32.load(at, this.#ends + WORD));
        f.store(at, i32.add(place, i32.const(1)), this.#ends + WORD);
        f.store(i32.shl(place, i32.const(2)), n, this.#numbers);
      });
    });
  }

  #ifInside(f: FunctionBuilder, result: I32, body: (at: I32) => void): void {
    const kept = f.keep(result);
    f.if(i32.ge_s(kept, i32.const(0)), () => body(f.keep(i32.shl(kept, i32.const(2)))));
  }

  /** Runs `body` for the numbers of the rows that belong to a result. */
  forEach(f: FunctionBuilder, result: I32, body: (row: I32) => void): void {
    const at = f.keep(i32.shl(result, i32.const(2)));
    const start = i32.load(at, this.#ends);
    f.loop(start, i32.load(at, this.#ends + WORD), 1, (n) => {
      body(f.keep(i32.load(i32.shl(n, i32.const(2)), this.#numbers)));
    });
  }
}
