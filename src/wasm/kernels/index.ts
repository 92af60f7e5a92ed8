/** The table of kernels, by the names of `src/kernels/`. */
import type { Program } from "../../program.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { elementwise } from "./elementwise.ts";
import type { WasmKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { reduce } from "./reduce.ts";
import { scatterRows } from "./scatterRows.ts";
import { softmax, softmaxGradient } from "./softmax.ts";

export type WasmKernels = Readonly<Record<string, WasmKernel>>;

/** The kernels of most programs. */
export const wasmKernels: WasmKernels = {
  crossEntropy,
  elementwise,
  elementwise4: elementwise,
  elementwiseFours: elementwise,
  matmul,
  matmulTiled: matmul,
  reduce,
  scatterRows,
  softmax,
  softmaxGradient,
};

/** Modules of kernels that are loaded with the first program that has one of them, and how their names begin. */
const later = [
  {
    names: ["average", "conv", "depthwise", "max"],
    load: async () => (await import("./images.ts")).imageKernels,
  },
  { names: ["batchNorm", "layerNorm"], load: async () => (await import("./norms.ts")).normKernels },
];

/** The kernels of a program, among others. */
export async function kernelsFor({ dispatches }: Pick<Program, "dispatches">): Promise<WasmKernels> {
  const has = (names: readonly string[]) =>
    dispatches.some(({ kernel }) => names.some((name) => kernel.startsWith(name)));
  const loaded = await Promise.all(later.filter(({ names }) => has(names)).map(({ load }) => load()));
  return Object.assign({}, wasmKernels, ...loaded);
}
