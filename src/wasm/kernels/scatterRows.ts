/**
 * Sums of rows by index, as `src/kernels/scatterRows.ts` says. A part adds up some columns of all sums in the thread's own
 * memory, in the order of the rows.
 */
import { f32, f32x4, type I32, i32, v128 } from "../assembler/instructions.ts";
import type { Index, Lanes, WasmKernel } from "./kernel.ts";
import { LANES } from "./loops.ts";

/** Most columns of a part: a cache line's. */
const COLUMNS = 16;

export const scatterRows: WasmKernel = ({
  constants: { ROWS, WIDTH, COUNT },
  load,
  store,
  threadScratch,
}) => {
  const columns = Math.ceil(Math.min(WIDTH, COLUMNS) / LANES) * LANES;
  const parts = Math.ceil(WIDTH / columns);
  const bytes = 4 * columns;
  const sums = threadScratch(ROWS * bytes);
  return [
    {
      parts,
      build(f, part) {
        const first = f.keep(i32.mul(part, i32.const(columns)));
        const addressOf = (row: I32) => f.keep(i32.add(sums, i32.mul(row, i32.const(bytes))));
        /** Runs what `prepare` gives for the part's columns of a row of `count`. */
        const inColumns = (
          row: I32,
          count: number,
          prepare: (index: Index, lanes: Lanes) => (column: I32, at: number, left: I32 | number) => void,
        ) => {
          const each = prepare([{ value: row, stride: WIDTH, size: count }], { stride: 1, size: WIDTH });
          for (let at = 0; at < columns; at += LANES) {
            const column = f.keep(i32.add(first, i32.const(at)));
            const left = WIDTH % columns === 0 ? LANES : i32.sub(i32.const(WIDTH), column);
            each(column, 4 * at, parts === 1 ? Math.min(LANES, WIDTH - at) : left);
          }
        };
        f.fillMemory(sums, i32.const(0), i32.const(ROWS * bytes));
        f.loop(i32.const(0), i32.const(COUNT), 1, (row) => {
          const index = f.keep(load.rowOf.at(f, [{ value: row, stride: 1, size: COUNT }]));
          const isInside = i32.and(f32.ge(index, f32.const(0)), f32.lt(index, f32.const(ROWS)));
          f.if(isInside, () => {
            const to = addressOf(i32.trunc_sat_f32_s(index));
            inColumns(row, COUNT, (...line) => {
              const values = load.element.along(f, ...line);
              return (column, at) => f.store(to, f32x4.add(v128.load(to, at), values(column)), at);
            });
          });
        });
        f.loop(i32.const(0), i32.const(ROWS), 1, (row) => {
          const from = addressOf(row);
          inColumns(row, ROWS, (...line) => {
            const keep = store.store.along(f, ...line);
            return (column, at, left) => keep(column, v128.load(from, at), left);
          });
        });
      },
    },
  ];
};
