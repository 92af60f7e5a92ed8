import shader from "../../shaders/softmax.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, lanesFor, spread } from "./kernel.ts";
import { inRows } from "./twin.ts";

const WORKGROUP = 64;

/** Constants for softmax, or its logarithm, along the last axis of [rows, size]. */
export function softmaxConstants(rows: number, size: number, logarithm: boolean) {
  const LANES = rows >= 4096 ? 1 : lanesFor(size, WORKGROUP);
  const constants = { ROWS: rows, SIZE: size, LANES, WORKGROUP, LOGARITHM: logarithm ? 1 : 0 };
  return { ...constants, GROUPS_X: groups(constants)[0] };
}

function groups({ ROWS, LANES, WORKGROUP }: Constants) {
  return spread(Math.ceil(ROWS / (WORKGROUP / LANES)));
}

/** Softmax or log-softmax along the last axis, shifted by the row's maximum. */
export const softmax = defineKernel({
  name: "softmax",
  shader,
  entryPoint: "softmax",
  bindings: {},
  constants: { ROWS: "u32", SIZE: "u32", LANES: "u32", WORKGROUP: "u32", LOGARITHM: "u32", GROUPS_X: "u32" },
  hooks: { element: "load", store: "store" },
  grid: groups,
  workgroup: () => [WORKGROUP, 1],
  flops: ({ ROWS, SIZE }) => 5 * ROWS * SIZE,
  loads: ({ ROWS, SIZE }) => ({ element: ROWS * SIZE }),
  twin({ constants: { ROWS, SIZE, LOGARITHM }, load, store }) {
    return inRows(ROWS, SIZE, (row, count, results) => {
      const values = load.element(row * SIZE, count * SIZE);
      for (let first = 0; first < results.length; first += SIZE) {
        const end = first + SIZE;
        let highest = -Infinity;
        for (let i = first; i < end; i++) highest = Math.max(highest, values[i]);
        let sum = 0;
        for (let i = first; i < end; i++) sum += Math.exp(values[i] - highest);
        for (let i = first; i < end; i++) {
          const shifted = values[i] - highest;
          results[i] = LOGARITHM === 1 ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
        }
      }
      store.store(row * SIZE, results);
    });
  },
});
