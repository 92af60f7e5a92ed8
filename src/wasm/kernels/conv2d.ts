/** Convolutions and their two gradients: see `src/kernels/conv2d.ts`. */
import type { Constants } from "../../kernels/kernel.ts";
import { i32 } from "../assembler/instructions.ts";
import { imagesPhase } from "./conv2dImages.ts";
import { type Axis, behind, copyPixels } from "./conv2dPatches.ts";
import { scatterPhase } from "./conv2dScatter.ts";
import { weightsPhase } from "./conv2dWeights.ts";
import type { KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { inPart } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Elements that a part moves, about. */
const PART_ELEMENTS = 1 << 14;

/** An axis of x and y, as y reads x. */
function axisOf(c: Constants, name: "H" | "W"): Axis {
  return {
    from: c[name],
    to: c[`OUT_${name}`],
    stride: c[`STRIDE_${name}`],
    taps: c[`KERNEL_${name}`],
    first: -c[`PAD_${name}`],
    step: c[`DILATION_${name}`],
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
      y: axisOf(c, "H"),
      x: axisOf(c, "W"),
      channels,
      rows: c.FILTERS / c.GROUPS,
      weights: call.memory.b.address,
      weightBytes: 4 * channels * c.KERNEL_H * c.KERNEL_W,
    }),
  ];
};

export const convInputGradient: WasmKernel = (call) => {
  const c = call.constants;
  const [y, x] = [axisOf(c, "H"), axisOf(c, "W")];
  if (y.stride > 1 || x.stride > 1) return [scatterPhase(call, y, x)];
  const filters = c.FILTERS / c.GROUPS;
  const weightBytes = Math.ceil((filters * c.KERNEL_H * c.KERNEL_W * 4) / VECTOR + 1) * VECTOR;
  const weights = call.scratch(c.CHANNELS * weightBytes);
  const sides = { y: reversed(y), x: reversed(x), channels: filters, rows: c.CHANNELS / c.GROUPS };
  return [turnWeights(call, weights, weightBytes), imagesPhase(call, { ...sides, weights, weightBytes })];
};

export const convWeightGradient: WasmKernel = (call) => [
  weightsPhase(call, axisOf(call.constants, "H"), axisOf(call.constants, "W")),
];

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
        const first = behind(channel, group, filters * channels);
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
