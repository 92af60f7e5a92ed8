/** Pooling of images: maximum and mean over windows, and their gradient ops. */

import { checkOptions } from "../../../checks.ts";
import { type PoolKernel, type PoolShape, poolConstants, tilesImage } from "../../../kernels/pool2d.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { checkTensor, define, type KernelCall, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { type Pair, pair } from "./conv2d.ts";

export interface Pool2dOptions {
  /** Step between windows (default: the size of the window). */
  readonly stride?: Pair;
  /** Padding on each side, at most half of the window (default 0): never a maximum, zeros in a mean. */
  readonly padding?: Pair;
}

interface PoolAttributes extends PoolShape {
  /** Leading axes: [batch, channels]. */
  readonly leading: Shape;
}

function kernelCall(
  kernel: PoolKernel,
  attributes: PoolAttributes,
  loads: KernelCall["loads"],
  same = false,
): KernelCall {
  return { kernel, constants: poolConstants(attributes, kernel, same), reads: {}, loads, store: "store" };
}

const pooledShape = ({ leading, outSize }: PoolAttributes) =>
  ({ shape: [...leading, ...outSize], dtype: "f32" }) as const;
const imageShape = ({ leading, size }: PoolAttributes) =>
  ({ shape: [...leading, ...size], dtype: "f32" }) as const;

/** Elements of the second input at the positions of the maxima in the first input's windows. */
const maxSelectOp: Op<PoolAttributes> = {
  name: "maxSelect",
  infer: (_inputs, attributes) => pooledShape(attributes),
  // The maximum's position does not depend on x smoothly: the first input gets no gradient.
  gradient: ({ inputs: [x], attributes }, arriving) => [undefined, maxScatter([x, arriving], attributes)],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [element, picked], attributes }) =>
      kernelCall("maxSelect", attributes, { element, picked }, element === picked),
  },
};
const maxSelect = define(maxSelectOp);

/** The transposed op: scatters elements of the second input [..., …outSize] to those positions. */
const maxScatterOp: Op<PoolAttributes> = {
  name: "maxScatter",
  infer: (_inputs, attributes) => imageShape(attributes),
  gradient: ({ inputs: [x], attributes }, arriving) => [undefined, maxSelect([x, arriving], attributes)],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [element, picked], attributes }) =>
      kernelCall(tilesImage(attributes) ? "maxScatterTiled" : "maxScatter", attributes, { element, picked }),
  },
};
const maxScatter = define(maxScatterOp);

const averageOp: Op<PoolAttributes> = {
  name: "avgPool2d",
  infer: (_inputs, attributes) => pooledShape(attributes),
  gradient: ({ attributes }, arriving) => [averageScatter([arriving], attributes)],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [element], attributes }) => kernelCall("average", attributes, { element }),
  },
};
const average = define(averageOp);

const averageScatterOp: Op<PoolAttributes> = {
  name: "averageScatter",
  infer: (_inputs, attributes) => imageShape(attributes),
  gradient: ({ attributes }, arriving) => [average([arriving], attributes)],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [element], attributes }) => kernelCall("averageScatter", attributes, { element }),
  },
};
const averageScatter = define(averageScatterOp);

/**
 * Window, stride and padding as pairs.
 * @throws ShapeError naming the wrong one
 */
export function poolWindow(op: string, window: Pair, options: Pool2dOptions = {}) {
  checkOptions(op, options, { stride: "any", padding: "any" });
  const kernel = pair(op, "kernel", window, 1);
  const stride = pair(op, "stride", options.stride ?? window, 1);
  const padding = pair(op, "padding", options.padding ?? 0, 0);
  if (padding.some((zeros, i) => zeros > kernel[i] / 2)) {
    throw new ShapeError(
      op,
      `padding ${padding.join("×")} is more than half of the window ${kernel.join("×")}; use less`,
    );
  }
  return { kernel, stride, padding };
}

function poolShape(op: string, x: Shape, window: Pair, options: Pool2dOptions): PoolAttributes {
  if (x.length !== 4) {
    throw new ShapeError(op, `x is ${formatShape(x)}; expected images [batch, channels, height, width]`);
  }
  const [batch, channels, height, width] = x;
  const { kernel, stride, padding } = poolWindow(op, window, options);
  const padded = [height + 2 * padding[0], width + 2 * padding[1]];
  if (padded.some((length, i) => length < kernel[i])) {
    throw new ShapeError(
      op,
      `a window of ${kernel.join("×")} is larger than the padded image of ${padded.join("×")}; use a smaller one`,
    );
  }
  const outSize = [0, 1].map((i) => Math.floor((padded[i] - kernel[i]) / stride[i]) + 1);
  return {
    leading: [batch, channels],
    images: batch * channels,
    size: [height, width],
    outSize: [outSize[0], outSize[1]],
    kernel,
    stride,
    padding,
  };
}

/**
 * Maximum of each window of images [batch, channels, height, width]; NaN where the window holds NaN. Among equal maxima
 * the first gets the gradient, among several NaN the last, as in PyTorch.
 * @throws ShapeError where x is no batch of images, or window, stride or padding does not fit
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function maxPool2d(x: Tensor, kernel: Pair, options: Pool2dOptions = {}): Tensor {
  checkTensor("maxPool2d", x);
  return maxSelect([x, x], poolShape("maxPool2d", x.shape, kernel, options));
}

/**
 * Mean of each window of images [batch, channels, height, width]; padding counts as zeros.
 * @throws ShapeError where x is no batch of images, or window, stride or padding does not fit
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function avgPool2d(x: Tensor, kernel: Pair, options: Pool2dOptions = {}): Tensor {
  checkTensor("avgPool2d", x);
  return average([x], poolShape("avgPool2d", x.shape, kernel, options));
}
