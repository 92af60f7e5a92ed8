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
import { imageTiles, weightTiles } from "./conv2dTiles.ts";
import { forwardTwin, inputGradientTwin, weightGradientTwin } from "./conv2dTwins.ts";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, type Variant } from "./kernel.ts";

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
/** Elements of the partial sums, 1 MiB, that are well spent on more workgroups: a large device wants hundreds. */
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
  const splits = Math.max(
    Math.ceil(WANTED_INVOCATIONS / invocations),
    Math.floor(WANTED_PARTIALS / (shape.filters * columns)),
  );
  const share = Math.ceil(rows / Math.min(rows, splits));
  return { ...shared(shape), SPLITS: Math.ceil(rows / share), SUMS: sums ? 1 : 0, ...block };
}

/** A convolution's groups are products side by side, each with the group's share of `channels` and `columns`. */
function product({ groups }: ConvShape, channels: number, columns: number): ProductSize {
  return { copies: groups, rows: channels / groups, columns };
}

/** Variants in blocks of invocations on their own, or on wide devices in tiles that a workgroup shares. */
function variants(
  kernel: string,
  size: (c: Constants) => ProductSize,
  tiles: (c: Constants, traits: DeviceTraits) => Constants[],
): (constants: Constants, traits: DeviceTraits) => Variant[] {
  return (constants, traits) => {
    const tiled = isNarrow(traits) ? [] : tiles(constants, traits);
    if (tiled.length > 0) {
      const { LANES: _, ...others } = constants;
      return tiled.map((tile) => ({ kernel: `${kernel}Tiled`, constants: { ...others, ...tile } }));
    }
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

/** The channel of a result, of its flat index in [batch, channels, pixels]. */
function channelPart({ BATCH }: Constants, pixels: number, channels: number) {
  return { store: { channel: { div: pixels, mod: BATCH > 1 ? channels : 0 } } };
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

/** Tiles of a convolution with an image as result: sums over `summed` channels of a group, and over taps. */
function tilesOfImages(size: (c: Constants) => ProductSize, summed: "CHANNELS" | "FILTERS") {
  return (c: Constants, traits: DeviceTraits) => {
    const taps = c.KERNEL_H * c.KERNEL_W;
    const k = (c[summed] / c.GROUPS) * taps;
    const BACKWARD = summed === "FILTERS" ? 1 : 0;
    const tiles = imageTiles({ ...size(c), taps, k, inOrder: BACKWARD === 0 }, traits);
    return tiles.map((tile) => ({ ...tile, BACKWARD }));
  };
}

function tilesOfWeight(c: Constants, traits: DeviceTraits) {
  const size = weightSize(c);
  const lines = Math.ceil((c.BATCH * c.OUT_H) / c.SPLITS);
  return weightTiles({ ...size, columns: size.columns + c.SUMS, lines, width: c.OUT_W }, traits);
}

function flops({ BATCH, CHANNELS, FILTERS, GROUPS, OUT_H, OUT_W, KERNEL_H, KERNEL_W }: Constants): number {
  return (2 * BATCH * OUT_H * OUT_W * FILTERS * CHANNELS * KERNEL_H * KERNEL_W) / GROUPS;
}

const sizes = {
  BATCH: "u32",
  CHANNELS: "u32",
  H: "u32",
  W: "u32",
  FILTERS: "u32",
  OUT_H: "u32",
  OUT_W: "u32",
  KERNEL_H: "u32",
  KERNEL_W: "u32",
  STRIDE_H: "u32",
  STRIDE_W: "u32",
  PAD_H: "u32",
  PAD_W: "u32",
  DILATION_H: "u32",
  DILATION_W: "u32",
  GROUPS: "u32",
} as const;

const declaration = {
  bindings: { a: { binding: 0, access: "read" }, b: { binding: 1, access: "read" } },
  hooks: { store: "store" },
  joinable: true,
  flops,
} as const;

/** A convolution in blocks of invocations on their own. */
const plain = {
  ...declaration,
  shader,
  constants: { ...sizes, SPLITS: "u32", SUMS: "u32", ...blockConstants },
  workgroup: ({ GROUP_X, GROUP_Y }: Constants) => [GROUP_X, GROUP_Y] as const,
} as const;

/** A convolution with an image as result, in tiles that a workgroup shares. */
const tiledImages = {
  ...declaration,
  shader: tiledShader + tileShader,
  entryPoint: "images",
  neighbours: { store: { vector: "storeVector" } },
  constants: { ...sizes, ...tileConstants, RUN: "u32", BACKWARD: "u32" },
  workgroup: tileInvocations,
} as const;

/** y = conv(x, w): a = x [batch, channels, h, w], b = w. */
export const convForward = defineKernel({
  ...plain,
  name: "convForward",
  entryPoint: "forward",
  grid: (c) => grid(forwardSize(c), c),
  variants: variants("convForward", forwardSize, tilesOfImages(forwardSize, "CHANNELS")),
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
  entryPoint: "inputGradient",
  grid: (c) => grid(inputSize(c), c),
  variants: variants("convInputGradient", inputSize, tilesOfImages(inputSize, "FILTERS")),
  twin: inputGradientTwin,
});

export const convInputGradientTiled = defineKernel({
  ...tiledImages,
  name: "convInputGradientTiled",
  parts: (c) => channelPart(c, c.H * c.W, c.CHANNELS),
  grid: (c) => tiledGrid(inputSize(c), c),
  twin: inputGradientTwin,
});

const weightHooks = { store: "store", storeSum: "store" } as const;

/** Gradient of w in SPLITS partial sums: a = x, b = dy. */
export const convWeightGradient = defineKernel({
  ...plain,
  hooks: weightHooks,
  name: "convWeightGradient",
  entryPoint: "weightGradient",
  grid: (c) => grid(weightSize(c), c),
  variants: variants("convWeightGradient", weightSize, tilesOfWeight),
  twin: weightGradientTwin,
});

export const convWeightGradientTiled = defineKernel({
  ...declaration,
  shader: weightTiledShader + tileShader,
  hooks: weightHooks,
  neighbours: { store: { vector: "storeVector" } },
  name: "convWeightGradientTiled",
  entryPoint: "weightGradient",
  constants: { ...sizes, SPLITS: "u32", SUMS: "u32", ...tileConstants, CHUNK: "u32", RUN: "u32" },
  workgroup: tileInvocations,
  grid: (c) => {
    const size = weightSize(c);
    return tiledGrid({ ...size, columns: size.columns + c.SUMS }, c);
  },
  twin: weightGradientTwin,
});
