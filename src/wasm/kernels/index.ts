/** The table of kernels, by the names of `src/kernels/`. */

import { batchNorm, batchNormGradient } from "./batchNorm.ts";
import { convForward, convInputGradient, convWeightGradient } from "./conv2d.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { elementwise } from "./elementwise.ts";
import type { WasmKernel } from "./kernel.ts";
import { layerNorm, layerNormGradient } from "./layerNorm.ts";
import { matmul } from "./matmul.ts";
import { average, averageScatter, maxScatter, maxSelect } from "./pool2d.ts";
import { reduce } from "./reduce.ts";
import { scatterRows } from "./scatterRows.ts";
import { softmax, softmaxGradient } from "./softmax.ts";

export const wasmKernels: Readonly<Record<string, WasmKernel>> = {
  average,
  averageScatter,
  batchNorm,
  batchNormGradient,
  convForward,
  convForwardTiled: convForward,
  convInputGradient,
  convInputGradientTiled: convInputGradient,
  convWeightGradient,
  convWeightGradientTiled: convWeightGradient,
  depthwiseForward: convForward,
  depthwiseInputGradient: convInputGradient,
  depthwiseWeightGradient: convWeightGradient,
  crossEntropy,
  elementwise,
  elementwise4: elementwise,
  elementwiseFours: elementwise,
  layerNorm,
  layerNormSerial: layerNorm,
  layerNormGradient,
  layerNormGradientSerial: layerNormGradient,
  matmul,
  matmulTiled: matmul,
  maxScatter,
  maxScatterTiled: maxScatter,
  maxSelect,
  reduce,
  scatterRows,
  softmax,
  softmaxGradient,
};
