import lanes from "../../shaders/lanes.wgsl?raw";
import shader from "../../shaders/reduce.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, isNarrow, spread } from "./kernel.ts";
import { busyLanes, narrowLanes, withSubgroup } from "./lanes.ts";
import { exceeds } from "./scalar.ts";
import { inParts, stored } from "./twin.ts";

export const REDUCE_MODES = { sum: 0, max: 1, argmax: 2 } as const;
export type ReduceMode = keyof typeof REDUCE_MODES;

/** A reduction over the middle axis of [outer, size, inner]. */
export interface ReduceShape {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  /** Elements of a part of the axis, each with a result of its own (default: the whole axis). */
  readonly chunk?: number;
}

const WORKGROUP = 64;
/** Invocations of a workgroup of a wide device where each would have many elements to read. */
const LARGE_WORKGROUP = 256;
/** Least number of neighbouring results that read side by side: a processor's vector, or a sector of a GPU's cache. */
const COLUMNS = 8;
/** Number of elements that a lane of a wide device may have in sequence without a larger workgroup. */
const SHORT = 32;
/** Elements of a lane whose loads are under way together, on narrow devices and on wide ones. */
const NARROW_AHEAD = 4;
const AHEAD = 8;
export function reduceConstants(mode: ReduceMode, { outer, size, inner, chunk = size }: ReduceShape) {
  const PARTS = Math.ceil(size / chunk);
  const LANES = narrowLanes(outer * PARTS * inner, chunk, WORKGROUP);
  const constants = {
    MODE: REDUCE_MODES[mode],
    OUTER: outer,
    SIZE: size,
    INNER: inner,
    PARTS,
    CHUNK: chunk,
    LANES,
    LANE_STRIDE: inner === 1 ? 1 : WORKGROUP / LANES,
    AHEAD: NARROW_AHEAD,
    WORKGROUP,
    SUBGROUP: 1,
  };
  return { ...constants, GROUPS_X: groups(constants)[0] };
}

/** A reduction of fewer elements is done at once. */
const LONG = 2 ** 18;
/** Invocations that a long reduction should have, and elements of each. */
const LONG_INVOCATIONS = 2 ** 16;
const LONG_ELEMENTS = 16;
/** Fewer parts are not worth a second reduction. */
const FEWEST_PARTS = 8;

/**
 * Elements of a part of a long axis: where few results have many elements, parts have results of their own, which a
 * second reduction combines. The size of the axis where that gains nothing.
 */
export function chunkOf(mode: ReduceMode, { outer, size, inner }: ReduceShape): number {
  const results = outer * inner;
  if (mode === "argmax" || results * size < LONG) return size;
  const lanes = inner === 1 ? WORKGROUP : COLUMNS;
  const parts = Math.min(LONG_INVOCATIONS / (results * lanes), size / (lanes * LONG_ELEMENTS));
  return parts < FEWEST_PARTS ? size : Math.ceil(size / parts / WORKGROUP) * WORKGROUP;
}

/** Invocations that keep a wide device busy. */
const WIDE_INVOCATIONS = 16384;

/** Lanes read side by side along rows, and results along columns; no invocation has many elements in sequence. */
function wideConstants(constants: Constants): Constants {
  const { INNER, CHUNK: size } = constants;
  const results = outputs(constants);
  const way = (workgroup: number, most: number, wanted?: number) => {
    const LANES = busyLanes({ results, size, workgroup }, most, wanted);
    const made = {
      ...constants,
      LANES,
      LANE_STRIDE: INNER === 1 ? 1 : workgroup / LANES,
      AHEAD: Math.min(AHEAD, Math.max(1, Math.floor(size / LANES))),
      WORKGROUP: workgroup,
    };
    return { ...made, GROUPS_X: groups(made)[0] };
  };
  if (INNER === 1) return way(WORKGROUP, WORKGROUP);
  let columns = 1;
  while (columns < Math.min(results, COLUMNS)) columns *= 2;
  const small = way(WORKGROUP, WORKGROUP / columns, WIDE_INVOCATIONS);
  const short = results * small.LANES >= WIDE_INVOCATIONS || size / small.LANES <= SHORT;
  return short ? small : way(LARGE_WORKGROUP, LARGE_WORKGROUP / columns, WIDE_INVOCATIONS);
}

function outputs({ OUTER, PARTS, INNER }: Constants): number {
  return OUTER * PARTS * INNER;
}

function groups(constants: Constants) {
  return spread(Math.ceil(outputs(constants) / (constants.WORKGROUP / constants.LANES)));
}

/** Sum, maximum or index of the first maximum over the middle axis of [OUTER, SIZE, INNER]; NaN counts as the largest. */
export const reduce = defineKernel({
  name: "reduce",
  shader: shader + lanes,
  entryPoint: "reduce",
  bindings: {},
  constants: {
    OUTER: "u32",
    SIZE: "u32",
    INNER: "u32",
    PARTS: "u32",
    CHUNK: "u32",
    LANES: "u32",
    LANE_STRIDE: "u32",
    AHEAD: "u32",
    WORKGROUP: "u32",
    MODE: "u32",
    GROUPS_X: "u32",
    SUBGROUP: "u32",
  },
  hooks: { element: "load", store: "store" },
  variants: (constants, traits) =>
    isNarrow(traits) ? [] : [{ kernel: "reduce", constants: withSubgroup(wideConstants(constants), traits) }],
  grid: groups,
  workgroup: ({ WORKGROUP }) => [WORKGROUP, 1],
  joinable: true,
  numbers: ({ PARTS, CHUNK }) => [
    "OUTER",
    "GROUPS_X",
    ...(PARTS === 1 && CHUNK > 16 ? ["SIZE", "CHUNK"] : []),
  ],
  flops: ({ OUTER, SIZE, INNER }) => OUTER * SIZE * INNER,
  loads: ({ OUTER, SIZE, INNER }) => ({ element: OUTER * SIZE * INNER }),
  *twin({ constants: { OUTER, SIZE, INNER, PARTS, CHUNK, MODE }, load, store }) {
    const first = MODE === REDUCE_MODES.sum ? 0 : -Infinity;
    const totals = new Float64Array(OUTER * PARTS * INNER).fill(first);
    const positions = new Float64Array(MODE === REDUCE_MODES.argmax ? totals.length : 0);
    /** Result and position along the axis of the next element. */
    let result = 0;
    let r = 0;
    let inner = 0;
    yield* inParts(OUTER * SIZE * INNER, (start, end) => {
      const values = load.element(start, end - start);
      for (let i = 0; i < end - start; i++) {
        if (MODE === REDUCE_MODES.sum) totals[result] += values[i];
        else if (exceeds(values[i], totals[result])) {
          totals[result] = values[i];
          if (MODE === REDUCE_MODES.argmax) positions[result] = r;
        }
        result++;
        if (++inner < INNER) continue;
        inner = 0;
        r++;
        // The same results again, unless a part or the axis ends.
        if (r < SIZE && r % CHUNK !== 0) result -= INNER;
        else if (r === SIZE) r = 0;
      }
    });
    yield* stored(store.store, MODE === REDUCE_MODES.argmax ? positions : totals);
  },
});
