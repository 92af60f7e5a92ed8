/** The table of kernels. A kernel enters it where it is declared: importing a kernel's file registers the kernel. */
import type { Dispatch } from "../program.ts";
import { type Kernel, kernelBinding } from "./kernel.ts";

const table: Record<string, Kernel> = {};

/** By name. */
export const kernels: Readonly<Record<string, Kernel>> = table;

/**
 * Enters a kernel into the table.
 * @throws Error where another kernel has the name
 */
export function defineKernel(kernel: Kernel): Kernel {
  if (kernel.name in table) throw new Error(`there are two kernels called "${kernel.name}"`);
  table[kernel.name] = kernel;
  return kernel;
}

/** @throws Error where no kernel has that name */
export function kernelNamed(name: string): Kernel {
  const kernel = kernels[name];
  if (!kernel) throw new Error(`no kernel is called "${name}"; there are ${Object.keys(kernels).join(", ")}`);
  return kernel;
}

/** Whether a dispatch writes the memory bound to `name`. */
export function isWritten(dispatch: Dispatch, name: string): boolean {
  return kernelBinding(kernelNamed(dispatch.kernel), name).access === "read_write";
}
