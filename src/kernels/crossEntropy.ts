import shader from "../../shaders/crossEntropy.wgsl?raw";
import type { Kernel } from "./kernel.ts";

/** Invocations of a workgroup, a row each: as many as there are rows, but no more than this. */
const MOST_ROWS = 128;

/** Up to this many logits, one workgroup takes them all, and so can add up the batch's loss. */
const SINGLE_GROUP_LIMIT = 65536;

export function fitsOneGroup(rows: number, classes: number): boolean {
  return rows * classes <= SINGLE_GROUP_LIMIT;
}

/** Constants for logits [rows, classes]; `smoothing` in [0, 1). */
export function crossEntropyConstants(rows: number, classes: number, smoothing: number) {
  let WORKGROUP = 1;
  while (WORKGROUP < Math.min(rows, MOST_ROWS)) WORKGROUP *= 2;
  const GROUPS = fitsOneGroup(rows, classes) ? 1 : Math.min(1024, Math.ceil(rows / WORKGROUP));
  return { ROWS: rows, CLASSES: classes, SMOOTHING: smoothing, WORKGROUP, GROUPS };
}

/** Softmax cross-entropy against class indices: losses, gradient, total and hits, whichever are asked for. */
export const crossEntropy: Kernel = {
  name: "crossEntropy",
  shader,
  entryPoint: "crossEntropy",
  bindings: {},
  constants: { ROWS: "u32", CLASSES: "u32", SMOOTHING: "f32", WORKGROUP: "u32", GROUPS: "u32" },
  hooks: {
    logit: "load",
    label: "load",
    storeLoss: "store",
    storeGradient: "store",
    storeTotal: "store",
    storeCorrect: "store",
  },
  grid: ({ GROUPS }) => [GROUPS, 1, 1],
  workgroup: ({ WORKGROUP }) => [WORKGROUP, 1],
  flops: ({ ROWS, CLASSES }) => 8 * ROWS * CLASSES,
  loads: ({ ROWS, CLASSES }) => ({ logit: ROWS * CLASSES, label: ROWS }),
};
