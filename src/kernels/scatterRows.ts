import shader from "../../shaders/scatterRows.wgsl?raw";
import { defineKernel } from "./index.ts";
import {
  type Constants,
  type DeviceTraits,
  isNarrow,
  MAX_WORKGROUP_BYTES,
  SMALL_WORKGROUP_BYTES,
  type Variant,
} from "./kernel.ts";
import { inRows, stored } from "./twin.ts";

const WORKGROUP = 64;
/** Bytes of a workgroup's memory for the places of the indices looked through at a time, and a bit for each. */
const PLACES_BYTES = 16 * WORKGROUP * (4 + 1 / 8);
/** Most sums of a workgroup: beside them and the places, other parts of a launch have their memory. */
const SUMS = (MAX_WORKGROUP_BYTES - SMALL_WORKGROUP_BYTES - PLACES_BYTES) / 4;

/** Constants for sums [rows, width] over `count` rows of that width. */
export function scatterRowsConstants(rows: number, width: number, count: number) {
  let COLUMNS = 1;
  while (COLUMNS < Math.min(width, WORKGROUP)) COLUMNS *= 2;
  return { ROWS: rows, WIDTH: width, COUNT: count, BLOCK: Math.floor(SUMS / COLUMNS), COLUMNS, WORKGROUP };
}

/** Workgroups that keep a wide device busy. */
const WIDE_GROUPS = 256;

/** Fewer rows a workgroup where there are few: each sum is the same to the bit, and more workgroups add up. */
function variants(constants: Constants, traits: DeviceTraits): Variant[] {
  if (isNarrow(traits)) return [];
  const { ROWS, WIDTH, COLUMNS } = constants;
  const wanted = Math.ceil((ROWS * Math.ceil(WIDTH / COLUMNS)) / WIDE_GROUPS);
  const BLOCK = Math.min(constants.BLOCK, Math.max(WORKGROUP / COLUMNS, wanted));
  return [{ kernel: "scatterRows", constants: { ...constants, BLOCK } }];
}

/** Sums of rows by index: the gradient that a gather sends to its source. */
export const scatterRows = defineKernel({
  name: "scatterRows",
  shader,
  entryPoint: "scatterRows",
  bindings: {},
  constants: { ROWS: "u32", WIDTH: "u32", COUNT: "u32", BLOCK: "u32", COLUMNS: "u32", WORKGROUP: "u32" },
  hooks: { rowOf: "load", element: "load", store: "store" },
  variants,
  grid: ({ ROWS, WIDTH, BLOCK, COLUMNS }: Constants) => [
    Math.ceil(ROWS / BLOCK),
    Math.ceil(WIDTH / COLUMNS),
    1,
  ],
  workgroup: () => [WORKGROUP, 1],
  // Sums, and of each index looked through its place and a bit.
  valueBytes: ({ BLOCK, COLUMNS }) => 4 * BLOCK * COLUMNS + 16 * WORKGROUP * (4 + 1 / 8),
  joinable: true,
  workgroupBytes: ({ BLOCK, COLUMNS }) => 4 * BLOCK * COLUMNS + PLACES_BYTES,
  numbers: (_constants, traits) => (isNarrow(traits) ? ["ROWS", "WIDTH", "COUNT"] : ["ROWS", "COUNT"]),
  flops: ({ WIDTH, COUNT }) => COUNT * WIDTH,
  loads: ({ WIDTH, COUNT }) => ({ rowOf: COUNT, element: COUNT * WIDTH }),
  *twin({ constants: { ROWS, WIDTH, COUNT }, load, store }) {
    const sums = new Float64Array(ROWS * WIDTH);
    yield* inRows(COUNT, WIDTH, (first, count) => {
      const indices = load.rowOf(first, count);
      const elements = load.element(first * WIDTH, count * WIDTH);
      for (let i = 0; i < count; i++) {
        const index = indices[i];
        if (!(index >= 0 && index < ROWS)) continue;
        const row = Math.trunc(index) * WIDTH;
        for (let column = 0; column < WIDTH; column++) sums[row + column] += elements[i * WIDTH + column];
      }
    });
    yield* stored(store.store, sums);
  },
});
