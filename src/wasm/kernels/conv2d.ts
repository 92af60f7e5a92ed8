/** Convolutions and their two gradients: see `src/kernels/conv2d.ts`. */
import type { Constants } from "../../kernels/kernel.ts";
import { i32 } from "../assembler/instructions.ts";
import { imagesPhase } from "./conv2dImages.ts";
import { type Axis, copyPixels } from "./conv2dPatches.ts";
import { scatterPhase } from "./conv2dScatter.ts";
import { weightsPhase } from "./conv2dWeights.ts";
import type { KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { inPart } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Elements that a part moves, about. */
const PART_ELEMENTS = 1 << 14;

/** The axes of x and y, as y reads x. */
function axesOf(c: Constants): { readonly y: Axis; readonly x: Axis } {
  return {
    y: {
      from: c.H,
      to: c.OUT_H,
      stride: c.STRIDE_H,
      taps: c.KERNEL_H,
      first: -c.PAD_H,
      step: c.DILATION_H,
    },
    x: {
      from: c.W,
      to: c.OUT_W,
      stride: c.STRIDE_W,
      taps: c.KERNEL_W,
      first: -c.PAD_W,
      step: c.DILATION_W,
    },
  };
}

/** The same axis the other way: x reads y, where the stride is 1. */
function reversed({ from, to, taps, first, step }: Axis): Axis {
  return { from: to, to: from, stride: 1, taps, first: -first, step: -step };
}

export const convForward: WasmKernel = (call) => {
  const c = call.constants;
  const channels = c.CHANNELS / c.GROUPS;
  return [
    imagesPhase(call, {
      ...axesOf(c),
      channels,
      rows: c.FILTERS / c.GROUPS,
      weights: call.memory.b.address,
      weightBytes: 4 * channels * c.KERNEL_H * c.KERNEL_W,
    }),
  ];
};

export const convInputGradient: WasmKernel = (call) => {
  const c = call.constants;
  const { y, x } = axesOf(c);
  if (y.stride > 1 || x.stride > 1) return [scatterPhase(call, y, x)];
  const filters = c.FILTERS / c.GROUPS;
  const weightBytes = Math.ceil((filters * c.KERNEL_H * c.KERNEL_W * 4) / VECTOR + 1) * VECTOR;
  const weights = call.scratch(c.CHANNELS * weightBytes);
  const sides = { y: reversed(y), x: reversed(x), channels: filters, rows: c.CHANNELS / c.GROUPS };
  return [turnWeights(call, weights, weightBytes), imagesPhase(call, { ...sides, weights, weightBytes })];
};

export const convWeightGradient: WasmKernel = (call) => {
  const { y, x } = axesOf(call.constants);
  return [weightsPhase(call, y, x)];
};

/** Copies weights [GROUPS, filters, channels, taps] to [GROUPS, channels, filters, taps]. */
function turnWeights({ constants: c, memory }: KernelCall, to: number, rowBytes: number): Phase {
  const taps = c.KERNEL_H * c.KERNEL_W;
  const filters = c.FILTERS / c.GROUPS;
  const channels = c.CHANNELS / c.GROUPS;
  const each = Math.ceil(PART_ELEMENTS / (filters * taps));
  return {
    parts: Math.ceil(c.CHANNELS / each),
    build(f, part) {
      inPart(f, part, each, c.CHANNELS, (row) => {
        const group = i32.div_u(row, i32.const(channels));
        const channel = i32.rem_u(row, i32.const(channels));
        const first = i32.add(i32.mul(group, i32.const(filters * channels)), channel);
        const from = f.variable("i32", i32.mul(first, i32.const(4 * taps)));
        const start = f.keep(i32.mul(row, i32.const(rowBytes)));
        f.loop(i32.const(0), i32.const(4 * taps * filters), 4 * taps, (filter) => {
          copyPixels(f, 1, taps, from, memory.b.address, f.keep(i32.add(start, filter)), to);
          f.set(from, i32.add(from, i32.const(4 * taps * channels)));
        });
      });
    },
  };
}
