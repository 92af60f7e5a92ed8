/** Convolution and pooling: strides, padding, dilation, groups, windows that overlap, and ties between maxima. */
import {
  type ConvShape,
  convForwardConstants,
  convInputConstants,
  convWeightConstants,
} from "../../../src/kernels/conv2d.ts";
import { kernels } from "../../../src/kernels/index.ts";
import { type PoolKernel, type PoolShape, poolConstants, tilesImage } from "../../../src/kernels/pool2d.ts";
import { convShape } from "../../../src/nn/graph/ops/conv2d.ts";
import { elementCount } from "../../../src/program.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { indices, uniform } from "../../helpers/samples.ts";
import { EXACT, type KernelCase, TIGHT } from "./case.ts";

/** All taps but one lie in the padding, and compilers know which. */
const onePixel = convShape("conv2d", [3, 2, 1, 1], [2, 1, 3, 3], { groups: 2, padding: 1 });

const convolutions: Record<string, ConvShape> = {
  "one pixel": convShape("conv2d", [1, 1, 1, 1], [1, 1, 1, 1], {}),
  "odd sizes": convShape("conv2d", [3, 3, 7, 5], [3, 3, 2, 1], {}),
  "one past a large tile, padded": convShape("conv2d", [3, 9, 19, 19], [9, 9, 1, 2], { padding: 1 }),
  "long sums both ways": convShape("conv2d", [1, 15, 3, 129], [15, 15, 3, 3], { padding: 1 }),
  "stride, padding and dilation": convShape("conv2d", [1, 2, 17, 9], [3, 2, 3, 2], {
    stride: [2, 3],
    padding: [2, 1],
    dilation: [1, 2],
  }),
  "in groups": convShape("conv2d", [2, 6, 5, 3], [6, 2, 2, 2], { groups: 3, padding: 1 }),
  "one channel a group, same size": convShape("conv2d", [1, 5, 7, 3], [5, 1, 3, 3], {
    groups: 5,
    padding: "same",
  }),
  "images of one pixel": onePixel,
};

/** For tiles that a workgroup shares: sizes that no tile divides, and what positions depend on. */
const tiledConvolutions: Record<string, ConvShape> = {
  ...Object.fromEntries(
    Object.entries(convolutions).filter(([, shape]) => shape.groups < shape.channels || shape.groups === 1),
  ),
  pointwise: convShape("conv2d", [3, 17, 5, 5], [20, 17, 1, 1], {}),
  "pointwise with stride": convShape("conv2d", [2, 6, 7, 8], [5, 6, 1, 1], { stride: 2 }),
  "one channel, many filters": convShape("conv2d", [2, 1, 13, 13], [24, 1, 5, 5], {}),
  "stride, padded on all sides": convShape("conv2d", [2, 3, 11, 8], [13, 3, 3, 3], { stride: 2, padding: 1 }),
  "padded behind the image only": convShape("conv2d", [2, 3, 6, 6], [4, 3, 2, 2], { padding: "same" }),
  "a kernel larger than the image": convShape("conv2d", [2, 2, 2, 3], [3, 2, 5, 5], { padding: 2 }),
  "lines of three pixels": convShape("conv2d", [1, 4, 5, 5], [8, 4, 3, 3], {}),
};

/** As many groups as channels. */
const depthwise: Record<string, ConvShape> = {
  "images of one pixel": onePixel,
  "one filter a channel": convShape("conv2d", [2, 5, 7, 6], [5, 1, 3, 3], { groups: 5, padding: "same" }),
  "three filters a channel, with stride": convShape("conv2d", [3, 3, 9, 17], [9, 1, 3, 2], {
    groups: 3,
    stride: [2, 1],
    padding: [0, 1],
  }),
  "more taps than an invocation adds up, with dilation": convShape("conv2d", [1, 2, 13, 11], [2, 1, 6, 6], {
    groups: 2,
    dilation: [2, 1],
  }),
  "whole workgroups a plane": convShape("conv2d", [2, 2, 16, 18], [2, 1, 1, 3], { groups: 2 }),
};

const sizes = (shape: ConvShape) => ({
  x: shape.batch * shape.channels * elementCount(shape.size),
  w: (shape.filters * shape.channels * elementCount(shape.kernel)) / shape.groups,
  y: shape.batch * shape.filters * elementCount(shape.outSize),
});

/** A convolution's kernel, with what it reads and gives, and its tolerance. */
interface ConvKernel {
  readonly kernel: string;
  readonly constantsOf: (shape: ConvShape) => Record<string, number>;
  readonly operands: readonly ["x" | "y", "w" | "y"];
  readonly result: "x" | "w" | "y";
}

const convKernels: readonly ConvKernel[] = [
  { kernel: "convForward", constantsOf: convForwardConstants, operands: ["x", "w"], result: "y" },
  { kernel: "convInputGradient", constantsOf: convInputConstants, operands: ["y", "w"], result: "x" },
  {
    kernel: "convWeightGradient",
    constantsOf: (shape) => convWeightConstants(shape, true),
    operands: ["x", "y"],
    result: "w",
  },
];

function convCase({ kernel, constantsOf, operands, result }: ConvKernel, name: string, shape: ConvShape) {
  const constants = constantsOf(shape);
  const sums = kernel === "convWeightGradient";
  const [a, b] = operands.map((operand) => uniform([sizes(shape)[operand]]).data);
  const run = {
    kernel,
    constants,
    hooks: { store: storeTo("result0"), ...(sums ? { storeSum: storeTo("result1") } : {}) },
    reads: { a, b },
    results: {
      result0: { length: sizes(shape)[result] * constants.SPLITS },
      ...(sums ? { result1: { length: shape.filters * constants.SPLITS } } : {}),
    },
  };
  // Sums of up to some hundred products below 1, in f32.
  return { name, run, tolerance: { ...TIGHT, atol: 1e-5 } };
}

/** A case of each of the three kernels. */
export function convolutionCases(name: string, shape: ConvShape): KernelCase[] {
  return convKernels.map((of) => convCase(of, `${of.kernel}: ${name}`, shape));
}

const limits = { workgroupBytes: 16384, workgroupInvocations: 256 };

function convCases(of: ConvKernel): KernelCase[] {
  return Object.entries(convolutions).flatMap(([name, shape], i) => {
    const { run, tolerance } = convCase(of, name, shape);
    // Blocks that may stand in for its own on devices of two kinds, in turn.
    const traits = { narrow: true, subgroupSize: i % 3 === 2 ? 4 : 8, ...limits };
    const variants = kernels[of.kernel].variants?.(run.constants, traits) ?? [];
    const largest = { ...run.constants, TILE_M: 32, TILE_N: 4, GROUP_X: 8, LANES: 8 };
    const { constants } = name.includes("large tile")
      ? { constants: largest }
      : variants[i % variants.length];
    const how = `${constants.TILE_M} × ${constants.TILE_N}, ${constants.LANES} lanes`;
    return [
      { name, run, tolerance },
      { name: `${name}, by ${how}`, run: { ...run, constants }, tolerance },
    ];
  });
}

/** The same as a wide device guesses first. */
function wideConvCases(of: ConvKernel, shapes: Record<string, ConvShape>): KernelCase[] {
  return Object.entries(shapes).map(([name, shape]) => {
    const { run, tolerance } = convCase(of, name, shape);
    const [guess] = kernels[of.kernel].variants?.(run.constants, limits) ?? [];
    return { name, run: { ...run, ...guess }, tolerance };
  });
}

const pools: Record<string, PoolShape> = {
  "one pixel": { images: 1, size: [1, 1], outSize: [1, 1], kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
  "side by side": {
    images: 3,
    size: [6, 4],
    outSize: [3, 2],
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
  },
  "a rest at the edge": {
    images: 17,
    size: [7, 5],
    outSize: [3, 2],
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
  },
  "overlapping, padded": {
    images: 6,
    size: [7, 5],
    outSize: [4, 6],
    kernel: [3, 2],
    stride: [2, 1],
    padding: [1, 1],
  },
  "gaps between windows": {
    images: 65,
    size: [8, 9],
    outSize: [2, 3],
    kernel: [2, 1],
    stride: [5, 3],
    padding: [0, 0],
  },
};

/** `element` is an image, or with `reversed` what goes back to one; `ties` makes most windows have several maxima. */
function poolCases(kernel: PoolKernel, scatter: boolean, maximum: boolean, ties = false): KernelCase[] {
  const fitting = Object.entries(pools).filter(
    ([, shape]) => kernel !== "maxScatterTiled" || tilesImage(shape),
  );
  return fitting.map(([name, shape]) => {
    const image = shape.images * elementCount(shape.size);
    const pooled = shape.images * elementCount(shape.outSize);
    const values = (length: number) =>
      ties ? Float32Array.from(indices([length], 3).data, (x) => x - 5) : uniform([length], -2, -1).data;
    const operand0 = values(maximum || !scatter ? image : pooled);
    const operand1 = uniform([scatter ? pooled : image]).data;
    return {
      name: `${name}${ties ? ", with ties" : ""}`,
      run: {
        kernel,
        constants: poolConstants(shape, kernel),
        hooks: {
          element: loadFrom("operand0"),
          ...(maximum ? { picked: loadFrom("operand1") } : {}),
          store: storeTo("result0"),
        },
        reads: { operand0, ...(maximum ? { operand1 } : {}) },
        results: { result0: { length: scatter ? image : pooled } },
      },
      tolerance: maximum && !scatter ? EXACT : TIGHT,
    };
  });
}

/** The maximum itself is picked. */
function ofItself({ name, run: { hooks, ...run }, tolerance }: KernelCase): KernelCase {
  const { operand0 } = run.reads ?? {};
  return {
    name: `${name}, of the values themselves`,
    run: {
      ...run,
      constants: { ...run.constants, SAME: 1 },
      hooks: { ...hooks, picked: loadFrom("operand0") },
      reads: { operand0 },
    },
    tolerance,
  };
}

export const imageCases: Record<string, KernelCase[]> = {
  ...Object.fromEntries(convKernels.map((of) => [of.kernel, convCases(of)])),
  ...Object.fromEntries(convKernels.map((of) => [`${of.kernel}Tiled`, wideConvCases(of, tiledConvolutions)])),
  ...Object.fromEntries(
    convKernels.map((of) => [of.kernel.replace("conv", "depthwise"), wideConvCases(of, depthwise)]),
  ),
  maxSelect: [
    ...poolCases("maxSelect", false, true),
    ...poolCases("maxSelect", false, true, true),
    ...poolCases("maxSelect", false, true).map(ofItself),
  ],
  maxScatter: [...poolCases("maxScatter", true, true), ...poolCases("maxScatter", true, true, true)],
  maxScatterTiled: [
    ...poolCases("maxScatterTiled", true, true),
    ...poolCases("maxScatterTiled", true, true, true),
  ],
  average: poolCases("average", false, false),
  averageScatter: poolCases("averageScatter", true, false),
};
