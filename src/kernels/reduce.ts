import shader from "../../shaders/reduce.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, lanesFor, spread } from "./kernel.ts";
import { exceeds } from "./scalar.ts";
import { inParts, stored } from "./twin.ts";

const WORKGROUP = 64;

export const REDUCE_MODES = { sum: 0, max: 1, argmax: 2 } as const;
export type ReduceMode = keyof typeof REDUCE_MODES;

/** Constants for `outputs` results, each over `size` elements. */
export function reduceConstants(mode: ReduceMode, outputs: number, size: number) {
  // With many outputs, one invocation each keeps the device busy; with few, lanes share an output.
  const LANES = outputs >= 4096 ? 1 : lanesFor(size, WORKGROUP);
  const constants = { MODE: REDUCE_MODES[mode], OUTPUTS: outputs, SIZE: size, LANES, WORKGROUP };
  return { ...constants, GROUPS_X: groups(constants)[0] };
}

function groups({ OUTPUTS, LANES, WORKGROUP }: Constants) {
  return spread(Math.ceil(OUTPUTS / (WORKGROUP / LANES)));
}

/** Sum, maximum or index of the first maximum over the last axis of a virtual [OUTPUTS, SIZE]; NaN counts as the largest. */
export const reduce = defineKernel({
  name: "reduce",
  shader,
  entryPoint: "reduce",
  bindings: {},
  constants: { OUTPUTS: "u32", SIZE: "u32", LANES: "u32", WORKGROUP: "u32", MODE: "u32", GROUPS_X: "u32" },
  hooks: { element: "load", store: "store" },
  grid: groups,
  workgroup: () => [WORKGROUP, 1],
  joinable: true,
  flops: ({ OUTPUTS, SIZE }) => OUTPUTS * SIZE,
  loads: ({ OUTPUTS, SIZE }) => ({ element: OUTPUTS * SIZE }),
  *twin({ constants: { OUTPUTS, SIZE, MODE }, load, store }) {
    const results = new Float64Array(OUTPUTS);
    const first = MODE === REDUCE_MODES.sum ? 0 : -Infinity;
    let output = 0;
    let r = 0;
    let total = first;
    let position = 0;
    yield* inParts(OUTPUTS * SIZE, (start, end) => {
      const values = load.element(start, end - start);
      for (let i = 0; i < end - start; i++) {
        if (MODE === REDUCE_MODES.sum) total += values[i];
        else if (exceeds(values[i], total)) {
          total = values[i];
          position = r;
        }
        if (++r < SIZE) continue;
        results[output++] = MODE === REDUCE_MODES.argmax ? position : total;
        r = 0;
        total = first;
        position = 0;
      }
    });
    yield* stored(store.store, results);
  },
});
