/**
 * Why programs differ between two builds, by program and engine. Empty where nothing may. These are of the change that
 * made optimizers rules instead of kernels: BEFORE is a build without it.
 */

const UPDATES = /\((?:optimizer|clipping|running statistics)\)/;

/** @type {readonly import("./compare.mjs").Reason[]} */
export const reasons = [
  {
    of: "launches",
    launch: UPDATES,
    because: "what updates parameters and statistics is written as hooks of an elementwise launch",
  },
  {
    of: "numbers",
    engine: "cpu",
    launch: UPDATES,
    within: 400,
    because: "updates round to 32 bits after each operation, as on the GPU; before, at their end",
  },
  {
    of: "numbers",
    engine: "cpu",
    program: /multiHeadAttention|transformer block/,
    because:
      "as all updates; the gradient of the keys' bias is 0 but for rounding, which Adam brings to full size",
  },
];
