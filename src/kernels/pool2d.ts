import shader from "../../shaders/pool2d.wgsl?raw";
import { type Constants, type Kernel, spread } from "./kernel.ts";

const GROUP = 64;

/** What pooling's loops depend on. Pairs are [vertical, horizontal]. */
export interface PoolShape {
  /** Batch × channels. */
  readonly images: number;
  readonly size: readonly [number, number];
  readonly outSize: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** The kernels, by whether an invocation does a pixel of the output, a pixel of the input, or a window of its own. */
export type PoolKernel = keyof typeof invocationsOf;

/** Whether windows lie side by side, so that each input pixel is in one at most. */
export function tilesImage({ kernel, stride, padding }: PoolShape): boolean {
  return [0, 1].every((i) => kernel[i] === stride[i] && padding[i] === 0);
}

export function poolConstants(shape: PoolShape, kernel: PoolKernel) {
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
  };
  return { ...constants, ROW: spread(Math.ceil(invocationsOf[kernel](constants) / GROUP))[0] * GROUP };
}

export const outputs = ({ IMAGES, OUT_H, OUT_W }: Constants) => IMAGES * OUT_H * OUT_W;
export const inputs = ({ IMAGES, H, W }: Constants) => IMAGES * H * W;
const tiles = ({ IMAGES, H, W, KERNEL_H, KERNEL_W }: Constants) =>
  IMAGES * Math.ceil(H / KERNEL_H) * Math.ceil(W / KERNEL_W);

const invocationsOf = {
  maxSelect: outputs,
  maxScatter: inputs,
  maxScatterTiled: tiles,
  average: outputs,
  averageScatter: inputs,
} as const;

function pooling(name: PoolKernel, hooks: Kernel["hooks"], loads: Kernel["loads"]): Kernel {
  return {
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
      ROW: "u32",
    },
    hooks,
    grid: (c) => spread(Math.ceil(invocationsOf[name](c) / GROUP)),
    workgroup: () => [GROUP, 1],
    flops: (c) => outputs(c) * c.KERNEL_H * c.KERNEL_W,
    loads,
  };
}

const select = { element: "load", picked: "load", store: "store" } as const;
const mean = { element: "load", store: "store" } as const;

export const maxSelect = pooling("maxSelect", select, (c) => ({ element: inputs(c), picked: inputs(c) }));

const scatterLoads = (c: Constants) => ({ element: inputs(c), picked: outputs(c) });
export const maxScatter = pooling("maxScatter", select, scatterLoads);
export const maxScatterTiled = pooling("maxScatterTiled", select, scatterLoads);

export const average = pooling("average", mean, (c) => ({ element: inputs(c) }));
export const averageScatter = pooling("averageScatter", mean, (c) => ({ element: outputs(c) }));
