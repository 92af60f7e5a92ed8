/** Convolution and its gradients: one bilinear form in three roles, each the gradient of another. */
import { checkOptions, inWords, type OptionKinds } from "../../../checks.ts";
import {
  type ConvShape,
  convForwardConstants,
  convInputConstants,
  convWeightConstants,
} from "../../../kernels/conv2d.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor, withLabel } from "../tensor.ts";
import { sum } from "./reduce.ts";
import { toFloat } from "./scalar.ts";

/** Vertical and horizontal number, or one number for both. */
export type Pair = number | readonly [number, number];

export interface Conv2dOptions {
  /** Step between windows (default 1). */
  readonly stride?: Pair;
  /** Zeros around the image: a number, `"valid"` for none, `"same"` for an output of ⌈size / stride⌉ (default 0). */
  readonly padding?: Pair | "same" | "valid";
  /** Distance between taps (default 1). */
  readonly dilation?: Pair;
  /** Number of groups of channels and filters; a filter sees the channels of its group only (default 1). */
  readonly groups?: number;
}

export const CONV2D_OPTIONS: OptionKinds<Conv2dOptions> = {
  stride: "any",
  padding: "any",
  dilation: "any",
  groups: "number",
};

const forwardOp: Op<ConvShape> = {
  name: "conv2d",
  infer: (_inputs, { batch, filters, outSize }) => ({ shape: [batch, filters, ...outSize], dtype: "f32" }),
  gradient: ({ inputs: [x, w], attributes }, arriving) => [
    inputGradient([arriving, w], attributes),
    weightGradient([x, arriving], attributes),
  ],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [a, b], attributes }) => ({
      kernel: "convForward",
      constants: convForwardConstants(attributes),
      reads: { a, b },
      loads: {},
      store: "store",
    }),
  },
};
const forward = define(forwardOp);

const inputGradientOp: Op<ConvShape> = {
  name: "conv2dInputGradient",
  infer: (_inputs, { batch, channels, size }) => ({ shape: [batch, channels, ...size], dtype: "f32" }),
  gradient: ({ inputs: [dy, w], attributes }, arriving) => [
    forward([arriving, w], attributes),
    weightGradient([arriving, dy], attributes),
  ],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [a, b], attributes }) => ({
      kernel: "convInputGradient",
      constants: convInputConstants(attributes),
      reads: { a, b },
      loads: {},
      store: "store",
    }),
  },
};
const inputGradient = define(inputGradientOp);

/** The weight's gradient. A weight has few elements, each a sum over all pixels: partial sums run in parallel. */
const weightGradientOp: Op<ConvShape> = {
  name: "conv2dWeightGradient",
  infer: (_inputs, { filters, channels, groups, kernel }) => ({
    shape: [filters, channels / groups, ...kernel],
    dtype: "f32",
  }),
  gradient: ({ inputs: [x, dy], attributes }, arriving) => [
    inputGradient([dy, arriving], attributes),
    forward([x, arriving], attributes),
  ],
  expand: ({ inputs, attributes, label }) =>
    withLabel(label, () => sum(weightPartials(inputs, attributes), 0)),
  // Unused: `expand` replaces the op.
  lowering: { kind: "kernel", call: (node) => partialsCall(node, "store") },
};
const weightGradient = define(weightGradientOp);

export interface PartialsAttributes extends ConvShape {
  /** Set by the rewrite that makes the kernel also sum the bias's gradient. */
  readonly sums?: boolean;
}

/** [splits, …weight]. */
export const weightPartialsOp: Op<PartialsAttributes> = {
  name: "conv2dWeightPartials",
  infer: (_inputs, attributes) => ({
    shape: [
      convWeightConstants(attributes).SPLITS,
      attributes.filters,
      attributes.channels / attributes.groups,
      ...attributes.kernel,
    ],
    dtype: "f32",
  }),
  gradient: "internal",
  lowering: { kind: "kernel", call: (node) => partialsCall(node, "store") },
};
const weightPartials = define(weightPartialsOp);

/** [splits, filters]. */
const biasPartialsOp: Op<PartialsAttributes> = {
  name: "conv2dBiasPartials",
  infer: (_inputs, attributes) => ({
    shape: [convWeightConstants(attributes).SPLITS, attributes.filters],
    dtype: "f32",
  }),
  gradient: "internal",
  lowering: { kind: "kernel", call: (node) => partialsCall(node, "storeSum") },
};
const biasPartials = define(biasPartialsOp);

function partialsCall({ inputs: [a, b], attributes }: Tensor<PartialsAttributes>, store: string) {
  return {
    kernel: "convWeightGradient",
    constants: convWeightConstants(attributes, attributes.sums),
    reads: { a, b },
    loads: {},
    store,
  };
}

/** Partial sums of a weight's gradient, and of the bias's gradient from the same kernel. */
export function withBiasPartials(
  { attributes, label }: Tensor<PartialsAttributes>,
  inputs: readonly Tensor[],
) {
  const both = { ...attributes, sums: true };
  return { weight: weightPartials(inputs, both, label), bias: biasPartials(inputs, both, label) };
}

/**
 * Convolves images `x` [batch, channels, height, width] with `weight` [filters, channels / groups, kh, kw]: [batch,
 * filters, height', width']. As usual in deep learning, kernels are not flipped (cross-correlation).
 * @throws ShapeError where shapes, groups, stride, padding or dilation do not fit, or the kernel is larger than the
 *   padded image
 * @throws TypeError where x or weight is no tensor, or an option is unknown
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  checkTensor("conv2d", x, weight);
  checkOptions("conv2d", options, CONV2D_OPTIONS);
  return forward([toFloat(x), toFloat(weight)], convShape("conv2d", x.shape, weight.shape, options));
}

/** Checks a convolution and computes its sizes. */
export function convShape(op: string, x: Shape, weight: Shape, options: Conv2dOptions): ConvShape {
  const { groups = 1 } = options;
  if (x.length !== 4 || weight.length !== 4) {
    throw new ShapeError(
      op,
      `x is ${formatShape(x)}, the weight ${formatShape(weight)}; expected [batch, channels, height, width] and [filters, channels / groups, kernel height, kernel width]`,
    );
  }
  const [batch, channels, ...size] = x;
  const [filters, channelsPerGroup, ...kernel] = weight;
  checkGroups(op, groups, channels, filters);
  if (channelsPerGroup !== channels / groups) {
    throw new ShapeError(
      op,
      `the weight ${formatShape(weight)} takes ${channelsPerGroup} channels in each of ${groups} groups; x ${formatShape(x)} has ${channels / groups}`,
    );
  }
  const stride = pair(op, "stride", options.stride ?? 1, 1);
  const dilation = pair(op, "dilation", options.dilation ?? 1, 1);
  const { padded, padding } = resolvePadding(op, size, kernel, stride, dilation, options.padding ?? 0);
  const outSize = padded.map(
    (length, i) => Math.floor((length - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1,
  );
  if (outSize.some((length) => length < 1)) {
    const dilated = dilation.some((d) => d > 1) ? ` with dilation ${dilation.join("×")}` : "";
    throw new ShapeError(
      op,
      `a kernel of ${kernel.join("×")}${dilated} is larger than the padded image of ${padded.join("×")}; use a smaller kernel or more padding`,
    );
  }
  return {
    batch,
    channels,
    size: asPair(size),
    filters,
    outSize: asPair(outSize),
    kernel: asPair(kernel),
    stride,
    padding,
    dilation,
    groups,
  };
}

/** @throws ShapeError unless `groups` divides both */
export function checkGroups(op: string, groups: number, channels: number, filters: number): void {
  if (Number.isInteger(groups) && groups >= 1 && channels % groups === 0 && filters % groups === 0) return;
  throw new ShapeError(
    op,
    `groups is ${groups}, and must divide both the ${channels} channels and the ${filters} filters`,
  );
}

function asPair(values: readonly number[]): readonly [number, number] {
  return [values[0], values[1]];
}

/** A pair of whole numbers, from one number or two. */
export function pair(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const both = Array.isArray(value) ? value : [value, value];
  if (both.length !== 2 || !both.every((part) => Number.isInteger(part) && part >= least)) {
    const given = Array.isArray(value) ? formatShape(value) : inWords(value);
    throw new ShapeError(op, `${name} is ${given}; give a whole number from ${least}, or two of them`);
  }
  return [both[0], both[1]];
}

/**
 * Checks options before an image is known.
 * @throws ShapeError naming the wrong option
 */
export function checkConv2dOptions(
  op: string,
  { stride = 1, padding = 0, dilation = 1 }: Conv2dOptions,
): void {
  pair(op, "stride", stride, 1);
  pair(op, "dilation", dilation, 1);
  if (padding !== "same") explicitPadding(op, padding);
}

/** Zeros on each side, for all paddings except `"same"`. */
function explicitPadding(op: string, padding: Pair | "valid"): readonly [number, number] {
  if (typeof padding === "string" && padding !== "valid") {
    throw new ShapeError(op, `padding is "${padding}"; give "same", "valid", a whole number, or two of them`);
  }
  return pair(op, "padding", padding === "valid" ? 0 : padding, 0);
}

/** Padding before an image, and the image's padded size. */
function resolvePadding(
  op: string,
  size: readonly number[],
  kernel: readonly number[],
  stride: readonly [number, number],
  dilation: readonly [number, number],
  wanted: NonNullable<Conv2dOptions["padding"]>,
): { padded: number[]; padding: readonly [number, number] } {
  if (wanted !== "same") {
    const padding = explicitPadding(op, wanted);
    return { padded: size.map((length, i) => length + 2 * padding[i]), padding };
  }
  const total = size.map((length, i) => {
    const out = Math.ceil(length / stride[i]);
    return Math.max(0, (out - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - length);
  });
  // With an odd total, the extra zero follows the image, as in Keras and PyTorch. The kernel reads zero at any tap
  // outside the image.
  const padding = asPair(total.map((zeros) => Math.floor(zeros / 2)));
  return { padded: size.map((length, i) => length + total[i]), padding };
}
