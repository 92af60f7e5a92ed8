/** The table of kernels: the one place where a new one is entered. */
import { type Dispatch, elementCount, type Program } from "../program.ts";
import { convForward, convInputGradient, convWeightGradient } from "./conv2d.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { elementwise } from "./elementwise.ts";
import { bytesPerElement, type Kernel, kernelBinding } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { adagrad, adam, clipNorm, clipValue, momentum, rmsprop, sgd } from "./optimizer.ts";
import { average, averageScatter, maxScatter, maxSelect } from "./pool2d.ts";
import { reduce } from "./reduce.ts";
import { softmax } from "./softmax.ts";
import { track } from "./statistics.ts";

export const kernels: Readonly<Record<string, Kernel>> = Object.fromEntries(
  [
    elementwise,
    reduce,
    softmax,
    crossEntropy,
    matmul,
    convForward,
    convInputGradient,
    convWeightGradient,
    maxSelect,
    maxScatter,
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

/** What one dispatch costs: operations of the kernel and its hooks, and bytes of all that it binds. */
export function dispatchCost(program: Program, dispatch: Dispatch): { flops: number; bytes: number } {
  const kernel = kernelNamed(dispatch.kernel);
  let flops = kernel.flops(dispatch.constants);
  let bytes = 0;
  for (const [name, view] of Object.entries(dispatch.bindings)) {
    const size = elementCount(view.shape) * bytesPerElement[program.buffers[view.buffer].dtype];
    bytes += isWritten(dispatch, name) && kernel.bindings[name] ? 2 * size : size;
  }
  for (const hook of Object.values(dispatch.hooks)) {
    const calls = hook.code.filter((instruction) => instruction.op === "call").length;
    const elements = hook.stores?.length
      ? elementCount(dispatch.bindings[hook.stores[0].binding].shape)
      : (kernel.loads?.(dispatch.constants) ?? 0);
    flops += calls * elements;
  }
  return { flops, bytes };
}
