import shader from "../../shaders/softmax.wgsl?raw";
import { type Constants, type Kernel, lanesFor, spread } from "./kernel.ts";

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
export const softmax: Kernel = {
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
};
