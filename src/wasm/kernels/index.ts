/** The table of kernels, by the names of `src/kernels/`. */
import { elementwise } from "./elementwise.ts";
import type { WasmKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { reduce } from "./reduce.ts";

export const wasmKernels: Readonly<Record<string, WasmKernel>> = {
  elementwise,
  elementwise4: elementwise,
  elementwiseFours: elementwise,
  matmul,
  matmulTiled: matmul,
  reduce,
};
