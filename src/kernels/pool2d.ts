import shader from "../../shaders/pool2d.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type Kernel, spread } from "./kernel.ts";
import { exceeds } from "./scalar.ts";
import { loaded, pauses, type Store, stored, type TwinCall, type TwinFunction } from "./twin.ts";

const GROUP = 64;

/** Sizes of pooling's loops. Pairs are [vertical, horizontal]. */
export interface PoolShape {
  /** Batch × channels. */
  readonly images: number;
  readonly size: readonly [number, number];
  readonly outSize: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** The kernels; an invocation handles a pixel of the output, a pixel of the input, or a window. */
export type PoolKernel = keyof typeof invocationsOf;

/** Whether windows do not overlap, so that each input pixel is in at most one. */
export function tilesImage({ kernel, stride, padding }: PoolShape): boolean {
  return [0, 1].every((i) => kernel[i] === stride[i] && padding[i] === 0);
}

/** @param same whether both inputs of a kernel of maxima are one, so that the maximum is what is picked */
export function poolConstants(shape: PoolShape, kernel: PoolKernel, same = false) {
  const constants = {
    IMAGES: shape.images,
    H: shape.size[0],
    W: shape.size[1],
    OUT_H: shape.outSize[0],
    OUT_W: shape.outSize[1],
    KERNEL_H: shape.kernel[0],
    KERNEL_W: shape.kernel[1],
    STRIDE_H: shape.stride[0],
    STRIDE_W: shape.stride[1],
    PAD_H: shape.padding[0],
    PAD_W: shape.padding[1],
    SAME: same ? 1 : 0,
  };
  return { ...constants, ROW: spread(Math.ceil(invocationsOf[kernel](constants) / GROUP))[0] * GROUP };
}

const outputs = ({ IMAGES, OUT_H, OUT_W }: Constants) => IMAGES * OUT_H * OUT_W;
const inputs = ({ IMAGES, H, W }: Constants) => IMAGES * H * W;
const tiles = ({ IMAGES, H, W, KERNEL_H, KERNEL_W }: Constants) =>
  IMAGES * Math.ceil(H / KERNEL_H) * Math.ceil(W / KERNEL_W);

const invocationsOf = {
  maxSelect: outputs,
  maxScatter: inputs,
  maxScatterTiled: tiles,
  average: outputs,
  averageScatter: inputs,
} as const;

function pooling(
  name: PoolKernel,
  hooks: Kernel["hooks"],
  loads: Kernel["loads"],
  twin: TwinFunction,
): Kernel {
  return defineKernel({
    name,
    shader,
    entryPoint: name,
    bindings: {},
    constants: {
      IMAGES: "u32",
      H: "u32",
      W: "u32",
      OUT_H: "u32",
      OUT_W: "u32",
      KERNEL_H: "u32",
      KERNEL_W: "u32",
      STRIDE_H: "u32",
      STRIDE_W: "u32",
      PAD_H: "u32",
      PAD_W: "u32",
      SAME: "u32",
      ROW: "u32",
    },
    hooks,
    grid: (c) => spread(Math.ceil(invocationsOf[name](c) / GROUP)),
    workgroup: () => [GROUP, 1],
    joinable: true,
    // Beside a part with barriers, processors run all invocations step by step: several times as long.
    standsAlone: () => true,
    numbers: () => ["IMAGES", "ROW"],
    flops: (c) => outputs(c) * c.KERNEL_H * c.KERNEL_W,
    loads,
    twin,
  });
}

const select = { element: "load", picked: "load", store: "store" } as const;
const mean = { element: "load", store: "store" } as const;

export const maxSelect = pooling(
  "maxSelect",
  select,
  (c) => ({ element: inputs(c), picked: c.SAME === 1 ? 0 : inputs(c) }),
  selectTwin,
);

const scatterLoads = (c: Constants) => ({ element: inputs(c), picked: outputs(c) });
export const maxScatter = pooling("maxScatter", select, scatterLoads, maxScatterTwin);
export const maxScatterTiled = pooling("maxScatterTiled", select, scatterLoads, maxScatterTwin);

export const average = pooling("average", mean, (c) => ({ element: inputs(c) }), averageTwin);
export const averageScatter = pooling(
  "averageScatter",
  mean,
  (c) => ({ element: outputs(c) }),
  averageScatterTwin,
);

function* selectTwin({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  const picked = c.SAME === 1 ? elements : yield* loaded(load.picked, inputs(c));
  yield* each(c, store.store, (output) => picked[firstMaximum(c, output, elements)]);
}

function* maxScatterTwin({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  const picked = yield* loaded(load.picked, outputs(c));
  yield* scatter(c, store.store, (output, sums) => {
    sums[firstMaximum(c, output, elements)] += picked[output];
  });
}

function* averageTwin({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  yield* each(c, store.store, (output) => {
    let total = 0;
    forEachInWindow(c, output, (input) => {
      total += elements[input];
    });
    return total / (c.KERNEL_H * c.KERNEL_W);
  });
}

function* averageScatterTwin({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, outputs(c));
  yield* scatter(c, store.store, (output, sums) => {
    const part = elements[output] / (c.KERNEL_H * c.KERNEL_W);
    forEachInWindow(c, output, (input) => {
      sums[input] += part;
    });
  });
}

/** Calls `visit` with the position of every input pixel in the window of one output, in order. */
function forEachInWindow(c: Constants, output: number, visit: (input: number) => void): void {
  const image = Math.floor(output / (c.OUT_H * c.OUT_W));
  const top = (Math.floor(output / c.OUT_W) % c.OUT_H) * c.STRIDE_H - c.PAD_H;
  const left = (output % c.OUT_W) * c.STRIDE_W - c.PAD_W;
  for (let y = Math.max(0, top); y < Math.min(c.H, top + c.KERNEL_H); y++) {
    for (let x = Math.max(0, left); x < Math.min(c.W, left + c.KERNEL_W); x++)
      visit((image * c.H + y) * c.W + x);
  }
}

/** As in the shader: NaN is the largest, and the last NaN is chosen, as in PyTorch. */
function firstMaximum(c: Constants, output: number, elements: Float32Array): number {
  let best = 0;
  let position = -1;
  forEachInWindow(c, output, (input) => {
    const value = elements[input];
    if (position < 0 || Number.isNaN(value) || exceeds(value, best)) {
      best = value;
      position = input;
    }
  });
  return position;
}

/** Computes and stores each output. */
function* each(c: Constants, store: Store, compute: (output: number) => number): Iterable<void> {
  const values = new Float32Array(outputs(c));
  yield* forEachOutput(c, (output) => {
    values[output] = compute(output);
  });
  yield* stored(store, values);
}

/** Sums the contributions of outputs to inputs in f64, and stores the sums. */
function* scatter(
  c: Constants,
  store: Store,
  give: (output: number, sums: Float64Array) => void,
): Iterable<void> {
  const sums = new Float64Array(inputs(c));
  yield* forEachOutput(c, (output) => give(output, sums));
  yield* stored(store, sums);
}

function* forEachOutput(c: Constants, visit: (output: number) => void): Iterable<void> {
  const pause = pauses();
  for (let output = 0; output < outputs(c); output++) {
    visit(output);
    if (pause(c.KERNEL_H * c.KERNEL_W)) yield;
  }
}
