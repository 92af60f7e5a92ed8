/** Kernels that work on images, in a module that is loaded with the first program that has one of them. */
import { convForward, convInputGradient, convWeightGradient } from "./conv2d.ts";
import type { WasmKernels } from "./index.ts";
import { average, averageScatter, maxScatter, maxSelect } from "./pool2d.ts";

export const imageKernels: WasmKernels = {
  average,
  averageScatter,
  convForward,
  convForwardTiled: convForward,
  convInputGradient,
  convInputGradientTiled: convInputGradient,
  convWeightGradient,
  convWeightGradientTiled: convWeightGradient,
  depthwiseForward: convForward,
  depthwiseInputGradient: convInputGradient,
  depthwiseWeightGradient: convWeightGradient,
  maxScatter,
  maxScatterTiled: maxScatter,
  maxSelect,
};
