/**
 * Layer and batch normalisation, forward and backward: one lane to a workgroup of them, rows and channels around these,
 * several turns, and elements far from 0.
 */
import { batchNormConstants } from "../../../src/kernels/batchNorm.ts";
import { layerNormConstants, layerNormParts, serialConstants } from "../../../src/kernels/layerNorm.ts";
import type { Tolerance } from "../../helpers/compare.ts";
import { type KernelRun, loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import type { KernelCase } from "./case.ts";

const EPSILON = 1e-5;
/** Results are of the size of 1; sums over many elements are larger. */
const NEAR: Tolerance = { rtol: 1e-5, atol: 1e-5 };

/** Elements around an offset, which has the digits that they lack. */
function elements(count: number, offset: number): Float32Array {
  return uniform([count], offset - 1.7, offset + 1.7).data;
}

type Constants = KernelRun["constants"];

function forwardRun(kernel: string, constants: Constants, x: Float32Array, size: number): KernelRun {
  return {
    kernel,
    constants,
    hooks: {
      element: loadFrom("operand0"),
      weight: loadFrom("operand1"),
      bias: loadFrom("operand2"),
      store: storeTo("result0"),
    },
    reads: { operand0: x, operand1: uniform([size], 0.5, 2).data, operand2: uniform([size]).data },
    results: { result0: { length: x.length } },
  };
}

function gradientRun(
  kernel: string,
  constants: Constants,
  x: Float32Array,
  size: number,
  parts: number,
): KernelRun {
  return {
    kernel,
    constants,
    hooks: {
      element: loadFrom("operand0"),
      arriving: loadFrom("operand1"),
      weight: loadFrom("operand2"),
      store: storeTo("result0"),
      storeWeight: storeTo("result1"),
      storeBias: storeTo("result2"),
    },
    reads: {
      operand0: x,
      operand1: uniform([x.length], -1, 1.5).data,
      operand2: uniform([size], 0.5, 2).data,
    },
    results: {
      result0: { length: x.length },
      result1: { length: parts * size },
      result2: { length: parts * size },
    },
  };
}

/** Rows, their size, and the number that all elements are around. */
const ROWS: readonly (readonly [number, number, number])[] = [
  [1, 1, 0],
  [1, 2, 0],
  [3, 17, 0],
  [17, 3, 0],
  [65, 65, 0],
  [1, 64, 0],
  [9, 63, 1e4],
  [130, 100, 0],
  [600, 12, 1e4],
  [2, 1025, 0],
  [5, 4096, 0],
  [65535 + 3, 2, 0],
];

function rowCases(
  serial: boolean,
  run: (kernel: string, constants: Constants, x: Float32Array, size: number) => KernelRun,
  name: string,
): KernelCase[] {
  return ROWS.map(([rows, size, offset]) => {
    const wide = layerNormConstants(rows, size, EPSILON);
    const narrow = serialConstants(wide);
    const summed = narrow.WORKGROUP * narrow.TURNS;
    return {
      name: `[${rows}, ${size}] around ${offset}`,
      run: run(name, serial ? narrow : wide, elements(rows * size, offset), size),
      tolerance: { rtol: 1e-5, atol: 1e-5 * Math.sqrt(Math.max(summed, 16) / 16) },
    };
  });
}

const rowGradient = (kernel: string, constants: Constants, x: Float32Array, size: number) =>
  gradientRun(kernel, constants, x, size, layerNormParts(constants));

/** Images, channels, pixels of a channel's plane, and the number that all elements are around. */
const CHANNELS: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 2, 0],
  [2, 1, 1, 0],
  [3, 17, 1, 0],
  [65, 3, 1, 1e4],
  [257, 33, 1, 0],
  [1, 2, 64, 0],
  [5, 3, 7, 0],
  [3, 2, 36, 1e4],
  [33, 3, 49, 0],
  [4, 5, 1028, 0],
  [4, 65535 + 3, 1, 0],
];

function channelCases(name: string, gradient: boolean): KernelCase[] {
  return CHANNELS.map(([images, channels, inner, offset]) => {
    const constants = batchNormConstants(images, channels, inner, EPSILON);
    const x = elements(images * channels * inner, offset);
    const run = gradient
      ? gradientRun(name, constants, x, channels, 1)
      : forwardRun(name, constants, x, channels);
    const statistics = {
      hooks: { ...run.hooks, storeMean: storeTo("result1"), storeVariance: storeTo("result2") },
      results: { ...run.results, result1: { length: channels }, result2: { length: channels } },
    };
    return {
      name: `[${images}, ${channels}, ${inner}] around ${offset}`,
      run: gradient ? run : { ...run, ...statistics },
      tolerance: gradient ? { ...NEAR, atol: 1e-5 * Math.sqrt(Math.max(images * inner, 16) / 16) } : NEAR,
    };
  });
}

export const normCases: Readonly<Record<string, readonly KernelCase[]>> = {
  layerNorm: rowCases(false, forwardRun, "layerNorm"),
  layerNormSerial: rowCases(true, forwardRun, "layerNormSerial"),
  layerNormGradient: rowCases(false, rowGradient, "layerNormGradient"),
  layerNormGradientSerial: rowCases(true, rowGradient, "layerNormGradientSerial"),
  batchNorm: channelCases("batchNorm", false),
  batchNormGradient: channelCases("batchNormGradient", true),
};
