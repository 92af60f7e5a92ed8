/** Depthwise convolution, where each filter sees one channel, and its two gradients: variants for wide devices. */
import shader from "../../shaders/depthwise.wgsl?raw";
import weightShader from "../../shaders/depthwiseWeight.wgsl?raw";
import { channelPart, convolution, convolutionSizes, weightHooks } from "./conv2dKernel.ts";
import { forwardTwin, inputGradientTwin, weightGradientTwin } from "./conv2dTwins.ts";
import { defineKernel } from "./index.ts";
import type { Constants } from "./kernel.ts";

const WORKGROUP = 64;
/** Most taps that an invocation of the weight's gradient adds up in registers. */
const MOST_TAPS = 32;

export function isDepthwise({ GROUPS, CHANNELS }: Constants): boolean {
  return GROUPS === CHANNELS && CHANNELS > 1;
}

/** Constants of a depthwise kernel with an image as result, whose lines have `width` pixels. */
export function depthwiseConstants(width: number, backward: boolean) {
  // Pixels side by side share what they read, and should fill the lines.
  const runs = [4, 8, 7, 6, 5, 3, 2, 1].filter((run) => run <= Math.max(width, 1));
  const waste = (run: number) => Math.ceil(width / run) * run;
  const TILE_N = runs.reduce((best, run) => (waste(run) < waste(best) ? run : best));
  return { TILE_N, WORKGROUP, BACKWARD: backward ? 1 : 0 };
}

/** Constants of the weight's gradient. */
export function depthwiseWeightConstants({ KERNEL_H, KERNEL_W, OUT_W }: Constants) {
  const taps = KERNEL_H * KERNEL_W;
  const TILE_TAPS = Math.ceil(taps / Math.ceil(taps / MOST_TAPS));
  return { TILE_N: depthwiseConstants(OUT_W, false).TILE_N, TILE_TAPS, WORKGROUP };
}

const { GROUPS: _, ...sizes } = convolutionSizes;

const images = {
  ...convolution,
  shader,
  entryPoint: "depthwise",
  numbers: () => ["BATCH"],
  neighbours: { store: { vector: "storeVector" } },
  constants: { ...sizes, TILE_N: "u32", WORKGROUP: "u32", BACKWARD: "u32" },
  workgroup: ({ WORKGROUP }: Constants) => [WORKGROUP, 1] as const,
} as const;

function imageGrid(planes: number, height: number, width: number, { TILE_N }: Constants) {
  return [Math.ceil((planes * height * Math.ceil(width / TILE_N)) / WORKGROUP), 1, 1] as const;
}

/** y = conv(x, w): a = x, b = w. */
export const depthwiseForward = defineKernel({
  ...images,
  name: "depthwiseForward",
  parts: (c) => channelPart(c, c.OUT_H * c.OUT_W, c.FILTERS),
  grid: (c) => imageGrid(c.BATCH * c.FILTERS, c.OUT_H, c.OUT_W, c),
  twin: forwardTwin,
});

/** Gradient of x: a = dy, b = w. */
export const depthwiseInputGradient = defineKernel({
  ...images,
  name: "depthwiseInputGradient",
  parts: (c) => channelPart(c, c.H * c.W, c.CHANNELS),
  grid: (c) => imageGrid(c.BATCH * c.CHANNELS, c.H, c.W, c),
  twin: inputGradientTwin,
});

/** Gradient of w in SPLITS partial sums: a = x, b = dy. */
export const depthwiseWeightGradient = defineKernel({
  ...convolution,
  shader: weightShader,
  hooks: weightHooks,
  name: "depthwiseWeightGradient",
  numbers: () => ["BATCH", "SPLITS"],
  entryPoint: "depthwiseWeight",
  constants: { ...sizes, SPLITS: "u32", SUMS: "u32", TILE_N: "u32", TILE_TAPS: "u32", WORKGROUP: "u32" },
  workgroup: ({ WORKGROUP }: Constants) => [WORKGROUP, 1] as const,
  valueBytes: ({ TILE_TAPS, WORKGROUP }) => 4 * (TILE_TAPS + 1) * (WORKGROUP + 1),
  grid: ({ KERNEL_H, KERNEL_W, TILE_TAPS, FILTERS, SPLITS }) => [
    Math.ceil((KERNEL_H * KERNEL_W) / TILE_TAPS),
    FILTERS,
    SPLITS,
  ],
  twin: weightGradientTwin,
});
