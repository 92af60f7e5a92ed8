/** All kernels' cases. */
// Every kernel enters the table where it is declared, and the library uses them all.
import "../../../src/index.ts";
import type { KernelCase } from "./case.ts";
import { crossEntropyCases } from "./crossEntropy.ts";
import { elementwiseCases, elementwiseFoursCases } from "./elementwise.ts";
import { elementwise4Cases } from "./elementwise4.ts";
import { imageCases } from "./images.ts";
import { matmulCases, matmulTiledCases } from "./matmul.ts";
import { normCases } from "./norms.ts";
import { reduceCases } from "./reduce.ts";
import { scatterRowsCases } from "./scatterRows.ts";
import { softmaxCases, softmaxGradientCases } from "./softmax.ts";

/** By kernel. A new kernel needs a line here, or the last test of twins.test.ts fails. */
export const kernelCases: Readonly<Record<string, readonly KernelCase[]>> = {
  elementwise: elementwiseCases,
  elementwise4: elementwise4Cases,
  elementwiseFours: elementwiseFoursCases,
  reduce: reduceCases,
  scatterRows: scatterRowsCases,
  softmax: softmaxCases,
  softmaxGradient: softmaxGradientCases,
  crossEntropy: crossEntropyCases,
  matmul: matmulCases,
  matmulTiled: matmulTiledCases,
  ...imageCases,
  ...normCases,
};
