/** The table of kernels: the one place where a new one is entered. */
import type { Dispatch } from "../program.ts";
import { convForward, convInputGradient, convWeightGradient } from "./conv2d.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { elementwise } from "./elementwise.ts";
import { type Kernel, kernelBinding } from "./kernel.ts";
import { matmul, matmulSplit, matmulTiled } from "./matmul.ts";
import { adagrad, adam, clipNorm, clipValue, momentum, rmsprop, sgd } from "./optimizer.ts";
import { average, averageScatter, maxScatter, maxScatterTiled, maxSelect } from "./pool2d.ts";
import { reduce } from "./reduce.ts";
import { scatterRows } from "./scatterRows.ts";
import { softmax } from "./softmax.ts";
import { track } from "./statistics.ts";

export const kernels: Readonly<Record<string, Kernel>> = Object.fromEntries(
  [
    elementwise,
    reduce,
    scatterRows,
    softmax,
    crossEntropy,
    matmul,
    matmulTiled,
    matmulSplit,
    convForward,
    convInputGradient,
    convWeightGradient,
    maxSelect,
    maxScatter,
    maxScatterTiled,
    average,
    averageScatter,
    sgd,
    momentum,
    adam,
    rmsprop,
    adagrad,
    clipNorm,
    clipValue,
    track,
  ].map((kernel) => [kernel.name, kernel]),
);

/** @throws Error when no kernel has that name. */
export function kernelNamed(name: string): Kernel {
  const kernel = kernels[name];
  if (!kernel) throw new Error(`no kernel is called "${name}"; there are ${Object.keys(kernels).join(", ")}`);
  return kernel;
}

/** Whether a dispatch writes what is bound to `name`. */
export function isWritten(dispatch: Dispatch, name: string): boolean {
  return kernelBinding(kernelNamed(dispatch.kernel), name).access === "read_write";
}
