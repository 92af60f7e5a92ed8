/** Layer and batch norms, in a module that is loaded with the first program that has one. */
import { batchNorm, batchNormGradient } from "./batchNorm.ts";
import type { WasmKernels } from "./index.ts";
import { layerNorm, layerNormGradient } from "./layerNorm.ts";

export const normKernels: WasmKernels = {
  batchNorm,
  batchNormGradient,
  layerNorm,
  layerNormSerial: layerNorm,
  layerNormGradient,
  layerNormGradientSerial: layerNormGradient,
};
