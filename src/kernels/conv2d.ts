import shader from "../../shaders/conv2d.wgsl?raw";
import type { Elements } from "../dtypes.ts";
import { blockConstants, blocksFor, type ProductSize, plainBlock } from "./blocks.ts";
import { defineKernel } from "./index.ts";
import type { Constants, DeviceTraits, Variant } from "./kernel.ts";
import { inParts, pauses, stored, type TwinCall } from "./twin.ts";

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
  const share = Math.ceil(rows / Math.min(rows, Math.ceil(WANTED_INVOCATIONS / invocations)));
  return { ...shared(shape), SPLITS: Math.ceil(rows / share), SUMS: sums ? 1 : 0, ...block };
}

/** A convolution's groups are products side by side, each with the group's share of `channels` and `columns`. */
function product({ groups }: ConvShape, channels: number, columns: number): ProductSize {
  return { copies: groups, rows: channels / groups, columns };
}

function variants(
  kernel: string,
  size: (c: Constants) => ProductSize,
): (constants: Constants, traits: DeviceTraits) => Variant[] {
  return (constants, traits) =>
    blocksFor(size(constants), traits, false).map(({ VECTOR_B: _, ...block }) => ({
      kernel,
      constants: { ...constants, ...block },
    }));
}

function grid({ rows, columns }: ProductSize, { GROUPS, SPLITS, TILE_M, TILE_N, GROUP_X }: Constants) {
  return [Math.ceil(columns / (TILE_N * GROUP_X)), GROUPS * Math.ceil(rows / TILE_M), SPLITS] as const;
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

function flops({ BATCH, CHANNELS, FILTERS, GROUPS, OUT_H, OUT_W, KERNEL_H, KERNEL_W }: Constants): number {
  return (2 * BATCH * OUT_H * OUT_W * FILTERS * CHANNELS * KERNEL_H * KERNEL_W) / GROUPS;
}

const declaration = {
  shader,
  bindings: { a: { binding: 0, access: "read" }, b: { binding: 1, access: "read" } },
  constants: {
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
    SPLITS: "u32",
    SUMS: "u32",
    ...blockConstants,
  },
  hooks: { store: "store" },
  workgroup: ({ GROUP_X, GROUP_Y }: Constants) => [GROUP_X, GROUP_Y] as const,
  joinable: true,
  flops,
} as const;

/** y = conv(x, w): a = x [batch, channels, h, w], b = w. */
export const convForward = defineKernel({
  ...declaration,
  name: "convForward",
  entryPoint: "forward",
  grid: (c) => grid(forwardSize(c), c),
  variants: variants("convForward", forwardSize),
  *twin(call) {
    const { constants: c, memory } = call;
    yield* accumulate(c.BATCH * c.FILTERS * c.OUT_H * c.OUT_W, call, (sums) =>
      forEachProduct(c, (x, w, y) => {
        sums[y] += padded(memory.a, x) * memory.b[w];
      }),
    );
  },
});

/** Gradient of x: a = dy, b = w. */
export const convInputGradient = defineKernel({
  ...declaration,
  name: "convInputGradient",
  entryPoint: "inputGradient",
  grid: (c) => grid(inputSize(c), c),
  variants: variants("convInputGradient", inputSize),
  *twin(call) {
    const { constants: c, memory } = call;
    yield* accumulate(c.BATCH * c.CHANNELS * c.H * c.W, call, (sums) =>
      forEachProduct(c, (x, w, y) => {
        if (x !== PADDING) sums[x] += memory.a[y] * memory.b[w];
      }),
    );
  },
});

/** Gradient of w in SPLITS partial sums: a = x, b = dy. */
export const convWeightGradient = defineKernel({
  ...declaration,
  hooks: { store: "store", storeSum: "store" },
  name: "convWeightGradient",
  entryPoint: "weightGradient",
  grid: (c) => grid(weightSize(c), c),
  variants: variants("convWeightGradient", weightSize),
  *twin(call) {
    const { constants: c, memory } = call;
    const size = (c.FILTERS * c.CHANNELS * c.KERNEL_H * c.KERNEL_W) / c.GROUPS;
    const share = Math.ceil((c.BATCH * c.OUT_H) / c.SPLITS);
    yield* accumulate(c.SPLITS * size, call, (sums) =>
      forEachProduct(c, (x, w, y, row) => {
        sums[Math.floor(row / share) * size + w] += padded(memory.a, x) * memory.b[y];
      }),
    );
    if (!c.SUMS) return;
    const totals = new Float64Array(c.SPLITS * c.FILTERS);
    yield* inParts(memory.b.length, (start, end) => {
      for (let y = start; y < end; y++) {
        const plane = Math.floor(y / (c.OUT_H * c.OUT_W));
        const row = Math.floor(plane / c.FILTERS) * c.OUT_H + (Math.floor(y / c.OUT_W) % c.OUT_H);
        totals[Math.floor(row / share) * c.FILTERS + (plane % c.FILTERS)] += memory.b[y];
      }
    });
    call.store.storeSum(0, totals);
  },
});

/**
 * Calls `visit` for every product of the convolution, with the positions in x, w and y, images and output rows in
 * order; positions in the padding of x are {@link PADDING}. `row` counts output rows over all images.
 */
function* forEachProduct(c: Constants, visit: (x: number, w: number, y: number, row: number) => void) {
  const channels = c.CHANNELS / c.GROUPS;
  const filters = c.FILTERS / c.GROUPS;
  const pause = pauses();
  for (let row = 0; row < c.BATCH * c.OUT_H; row++) {
    const image = Math.floor(row / c.OUT_H);
    const outY = row % c.OUT_H;
    for (let filter = 0; filter < c.FILTERS; filter++) {
      if (pause(c.OUT_W * channels * c.KERNEL_H * c.KERNEL_W)) yield;
      const firstChannel = Math.floor(filter / filters) * channels;
      for (let outX = 0; outX < c.OUT_W; outX++) {
        const y = ((image * c.FILTERS + filter) * c.OUT_H + outY) * c.OUT_W + outX;
        for (let channel = 0; channel < channels; channel++) {
          for (let ky = 0; ky < c.KERNEL_H; ky++) {
            const inY = outY * c.STRIDE_H + ky * c.DILATION_H - c.PAD_H;
            const line = ((image * c.CHANNELS + firstChannel + channel) * c.H + inY) * c.W;
            const taps = ((filter * channels + channel) * c.KERNEL_H + ky) * c.KERNEL_W;
            for (let kx = 0; kx < c.KERNEL_W; kx++) {
              const inX = outX * c.STRIDE_W + kx * c.DILATION_W - c.PAD_W;
              const inside = inY >= 0 && inY < c.H && inX >= 0 && inX < c.W;
              visit(inside ? line + inX : PADDING, taps + kx, y, row);
            }
          }
        }
      }
    }
  }
}

/** A position in the padding, which holds zeros; NaN and infinite weights turn them into NaN. */
const PADDING = -1;

/** An element, or the zero of the padding. */
function padded(elements: Elements, position: number): number {
  return position === PADDING ? 0 : elements[position];
}

/** Accumulates products in f64, then passes each element to the store hook. */
function* accumulate(length: number, { store }: TwinCall, add: (sums: Float64Array) => Iterable<void>) {
  const sums = new Float64Array(length);
  yield* add(sums);
  yield* stored(store.store, sums);
}
