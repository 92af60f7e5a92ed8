import shader from "../../shaders/scatterRows.wgsl?raw";
import type { Constants, Kernel } from "./kernel.ts";

const WORKGROUP = 64;
/** Sums that a workgroup keeps in its own memory: half of what every device has, so that two fit at a time. */
const SUMS = 2048;

/** Constants for [rows, width], of which `count` rows of that width are parts. */
export function scatterRowsConstants(rows: number, width: number, count: number) {
  let COLUMNS = 1;
  while (COLUMNS < Math.min(width, WORKGROUP)) COLUMNS *= 2;
  return { ROWS: rows, WIDTH: width, COUNT: count, BLOCK: SUMS / COLUMNS, COLUMNS, WORKGROUP };
}

/** Rows added up by their indices: what a gather sends back to its source. */
export const scatterRows: Kernel = {
  name: "scatterRows",
  shader,
  entryPoint: "scatterRows",
  bindings: {},
  constants: { ROWS: "u32", WIDTH: "u32", COUNT: "u32", BLOCK: "u32", COLUMNS: "u32", WORKGROUP: "u32" },
  hooks: { rowOf: "load", element: "load", store: "store" },
  grid: ({ ROWS, WIDTH, BLOCK, COLUMNS }: Constants) => [
    Math.ceil(ROWS / BLOCK),
    Math.ceil(WIDTH / COLUMNS),
    1,
  ],
  workgroup: () => [WORKGROUP, 1],
  joinable: true,
  flops: ({ WIDTH, COUNT }) => COUNT * WIDTH,
  loads: ({ WIDTH, COUNT }) => ({ rowOf: COUNT, element: COUNT * WIDTH }),
};
