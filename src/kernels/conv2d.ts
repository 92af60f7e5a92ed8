import shader from "../../shaders/conv2d.wgsl?raw";
import tiledShader from "../../shaders/conv2dTiled.wgsl?raw";
import weightTiledShader from "../../shaders/conv2dWeightTiled.wgsl?raw";
import tileShader from "../../shaders/tile.wgsl?raw";
import {
  blockConstants,
  blocksFor,
  type ProductSize,
  plainBlock,
  tileConstants,
  tileInvocations,
} from "./blocks.ts";
import { channelPart, convolution, convolutionSizes, weightHooks } from "./conv2dKernel.ts";
import { imageTiles, weightTiles } from "./conv2dTiles.ts";
import { forwardTwin, inputGradientTwin, weightGradientTwin } from "./conv2dTwins.ts";
import { depthwiseConstants, depthwiseWeightConstants, isDepthwise } from "./depthwise.ts";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, type Variant } from "./kernel.ts";
import { tileBytes } from "./tiles.ts";

/** Sizes of a convolution's loops. Pairs are [vertical, horizontal]. */
export interface ConvShape {
  readonly batch: number;
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly filters: number;
  readonly outSize: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** Least number of invocations of the weight gradient: fewer leave a device idle. */
const WANTED_INVOCATIONS = 1024;
/** Number of tiles, of filters × taps, that keeps a large device busy: a wide device has one for each workgroup. */
const WANTED_TILES = 512;
const TILE = [32, 64] as const;
/** Elements of the partial sums, 1 MiB, that are well spent on more of them. */
const WANTED_PARTIALS = 2 ** 18;

function shared(shape: ConvShape) {
  return {
    BATCH: shape.batch,
    CHANNELS: shape.channels,
    H: shape.size[0],
    W: shape.size[1],
    FILTERS: shape.filters,
    OUT_H: shape.outSize[0],
    OUT_W: shape.outSize[1],
    KERNEL_H: shape.kernel[0],
    KERNEL_W: shape.kernel[1],
    STRIDE_H: shape.stride[0],
    STRIDE_W: shape.stride[1],
    PAD_H: shape.padding[0],
    PAD_W: shape.padding[1],
    DILATION_H: shape.dilation[0],
    DILATION_W: shape.dilation[1],
    GROUPS: shape.groups,
  };
}

export function convForwardConstants(shape: ConvShape) {
  const pixels = shape.batch * shape.outSize[0] * shape.outSize[1];
  return { ...shared(shape), SPLITS: 1, SUMS: 0, ...plainBlock(product(shape, shape.filters, pixels)) };
}

export function convInputConstants(shape: ConvShape) {
  const pixels = shape.batch * shape.size[0] * shape.size[1];
  return { ...shared(shape), SPLITS: 1, SUMS: 0, ...plainBlock(product(shape, shape.channels, pixels)) };
}

/**
 * With partial sums [SPLITS, …weight]: a weight has few elements, each a sum over all pixels. `sums` also requests the
 * bias's partial sums, [SPLITS, filters].
 */
export function convWeightConstants(shape: ConvShape, sums = false) {
  const filters = shape.filters / shape.groups;
  const columns = (shape.channels / shape.groups) * shape.kernel[0] * shape.kernel[1];
  const rows = shape.batch * shape.outSize[0];
  const block = plainBlock({ copies: shape.groups * rows, rows: filters, columns });
  const invocations = shape.groups * Math.ceil(filters / block.TILE_M) * Math.ceil(columns / block.TILE_N);
  const tiles = shape.groups * Math.ceil(filters / TILE[0]) * Math.ceil(columns / TILE[1]);
  const splits = Math.max(
    Math.ceil(WANTED_INVOCATIONS / invocations),
    Math.min(Math.floor(WANTED_PARTIALS / (shape.filters * columns)), Math.ceil(WANTED_TILES / tiles)),
  );
  const share = Math.ceil(rows / Math.min(rows, splits));
  return { ...shared(shape), SPLITS: Math.ceil(rows / share), SUMS: sums ? 1 : 0, ...block };
}

/** A convolution's groups are products side by side, each with the group's share of `channels` and `columns`. */
function product({ groups }: ConvShape, channels: number, columns: number): ProductSize {
  return { copies: groups, rows: channels / groups, columns };
}

/** Variants in blocks of invocations on their own, or on wide devices those that `wide` returns. */
function variants(
  kernel: string,
  size: (c: Constants) => ProductSize,
  wide: (c: Constants, traits: DeviceTraits) => Variant[],
): (constants: Constants, traits: DeviceTraits) => Variant[] {
  return (constants, traits) => {
    const { LANES: _, ...others } = constants;
    const found = isNarrow(traits) ? [] : wide(others, traits);
    if (found.length > 0) return found.map((way) => ({ ...way, constants: { ...others, ...way.constants } }));
    return blocksFor(size(constants), traits, false).map(({ VECTOR_B: _, ...block }) => ({
      kernel,
      constants: { ...constants, ...block },
    }));
  };
}

function grid({ rows, columns }: ProductSize, { GROUPS, SPLITS, TILE_M, TILE_N, GROUP_X }: Constants) {
  return [Math.ceil(columns / (TILE_N * GROUP_X)), GROUPS * Math.ceil(rows / TILE_M), SPLITS] as const;
}

function tiledGrid({ rows, columns }: ProductSize, c: Constants) {
  const { GROUPS, SPLITS = 1, TILE_M, TILE_N, GROUP_X, GROUP_Y } = c;
  return [
    Math.ceil(columns / (TILE_N * GROUP_X)),
    GROUPS * Math.ceil(rows / (TILE_M * GROUP_Y)),
    SPLITS,
  ] as const;
}

const forwardSize = (c: Constants): ProductSize => ({
  copies: c.GROUPS,
  rows: c.FILTERS / c.GROUPS,
  columns: c.BATCH * c.OUT_H * c.OUT_W,
});
const inputSize = (c: Constants): ProductSize => ({
  copies: c.GROUPS,
  rows: c.CHANNELS / c.GROUPS,
  columns: c.BATCH * c.H * c.W,
});
const weightSize = (c: Constants): ProductSize => ({
  copies: c.GROUPS * c.SPLITS,
  rows: c.FILTERS / c.GROUPS,
  columns: (c.CHANNELS / c.GROUPS) * c.KERNEL_H * c.KERNEL_W,
});

/** Ways of wide devices to compute y. */
function wideForward(c: Constants, traits: DeviceTraits): Variant[] {
  if (isDepthwise(c)) return [{ kernel: "depthwiseForward", constants: depthwiseConstants(c.OUT_W, false) }];
  return inTiles("convForwardTiled", forwardSize(c), c.CHANNELS, c, traits);
}

/** Ways of wide devices to compute the gradient of x. */
function wideInputGradient(c: Constants, traits: DeviceTraits): Variant[] {
  if (isDepthwise(c)) return [{ kernel: "depthwiseInputGradient", constants: depthwiseConstants(c.W, true) }];
  return inTiles("convInputGradientTiled", inputSize(c), c.FILTERS, c, traits);
}

/** Images in tiles, summed over `summed` channels and over taps. */
function inTiles(kernel: string, size: ProductSize, summed: number, c: Constants, traits: DeviceTraits) {
  const taps = c.KERNEL_H * c.KERNEL_W;
  const BACKWARD = kernel === "convInputGradientTiled" ? 1 : 0;
  const product = { ...size, taps, k: (summed / c.GROUPS) * taps, inOrder: BACKWARD === 0 };
  return imageTiles(product, traits).map((tile) => ({ kernel, constants: { ...tile, BACKWARD } }));
}

/** Whether any tap of any pixel can fall into the padding. */
function isPadded(c: Constants): boolean {
  return (
    c.PAD_H > 0 ||
    c.PAD_W > 0 ||
    (c.OUT_H - 1) * c.STRIDE_H + (c.KERNEL_H - 1) * c.DILATION_H >= c.H ||
    (c.OUT_W - 1) * c.STRIDE_W + (c.KERNEL_W - 1) * c.DILATION_W >= c.W
  );
}

/** Ways of wide devices to compute the gradient of w. */
function wideWeightGradient(c: Constants, traits: DeviceTraits): Variant[] {
  if (isDepthwise(c)) return [{ kernel: "depthwiseWeightGradient", constants: depthwiseWeightConstants(c) }];
  const size = weightSize(c);
  const lines = Math.ceil((c.BATCH * c.OUT_H) / c.SPLITS);
  const columns = size.columns + c.SUMS;
  const tiles = weightTiles({ ...size, columns, lines, width: c.OUT_W, isPadded: isPadded(c) }, traits);
  return tiles.map((tile) => ({ kernel: "convWeightGradientTiled", constants: tile }));
}

/** A convolution in blocks of invocations on their own. */
/** The other sizes divide positions in the inner loop. */
const batchOnly = (_constants: Constants, traits: DeviceTraits) => (isNarrow(traits) ? ["BATCH"] : []);

const plain = {
  ...convolution,
  shader,
  constants: { ...convolutionSizes, SPLITS: "u32", SUMS: "u32", ...blockConstants },
  workgroup: ({ GROUP_X, GROUP_Y }: Constants) => [GROUP_X, GROUP_Y] as const,
} as const;

/** A convolution with an image as result, in tiles that a workgroup shares. */
const tiledImages = {
  ...convolution,
  shader: tiledShader + tileShader,
  entryPoint: "images",
  numbers: () => ["BATCH"],
  neighbours: { store: { vector: "storeVector" } },
  constants: { ...convolutionSizes, ...tileConstants, RUN: "u32", BACKWARD: "u32" },
  workgroup: tileInvocations,
  workgroupBytes: tileBytes,
} as const;

/** y = conv(x, w): a = x [batch, channels, h, w], b = w. */
export const convForward = defineKernel({
  ...plain,
  name: "convForward",
  numbers: batchOnly,
  entryPoint: "forward",
  grid: (c) => grid(forwardSize(c), c),
  variants: variants("convForward", forwardSize, wideForward),
  twin: forwardTwin,
});

export const convForwardTiled = defineKernel({
  ...tiledImages,
  name: "convForwardTiled",
  parts: (c) => channelPart(c, c.OUT_H * c.OUT_W, c.FILTERS),
  grid: (c) => tiledGrid(forwardSize(c), c),
  twin: forwardTwin,
});

/** Gradient of x: a = dy, b = w. */
export const convInputGradient = defineKernel({
  ...plain,
  name: "convInputGradient",
  numbers: batchOnly,
  entryPoint: "inputGradient",
  grid: (c) => grid(inputSize(c), c),
  variants: variants("convInputGradient", inputSize, wideInputGradient),
  twin: inputGradientTwin,
});

export const convInputGradientTiled = defineKernel({
  ...tiledImages,
  name: "convInputGradientTiled",
  parts: (c) => channelPart(c, c.H * c.W, c.CHANNELS),
  grid: (c) => tiledGrid(inputSize(c), c),
  twin: inputGradientTwin,
});

/** Gradient of w in SPLITS partial sums: a = x, b = dy. */
export const convWeightGradient = defineKernel({
  ...plain,
  hooks: weightHooks,
  name: "convWeightGradient",
  entryPoint: "weightGradient",
  grid: (c) => grid(weightSize(c), c),
  variants: variants("convWeightGradient", weightSize, wideWeightGradient),
  twin: weightGradientTwin,
});

export const convWeightGradientTiled = defineKernel({
  ...convolution,
  shader: weightTiledShader + tileShader,
  hooks: weightHooks,
  neighbours: { store: { vector: "storeVector" } },
  name: "convWeightGradientTiled",
  numbers: () => ["BATCH", "SPLITS"],
  entryPoint: "weightGradient",
  constants: { ...convolutionSizes, SPLITS: "u32", SUMS: "u32", ...tileConstants, CHUNK: "u32", RUN: "u32" },
  workgroup: tileInvocations,
  workgroupBytes: tileBytes,
  grid: (c) => {
    const size = weightSize(c);
    return tiledGrid({ ...size, columns: size.columns + c.SUMS }, c);
  },
  twin: weightGradientTwin,
});
