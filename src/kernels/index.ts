/** The table of kernels. Each enters it where it is declared: whoever imports a kernel's file has it here. */
import type { Dispatch } from "../program.ts";
import { type Kernel, kernelBinding } from "./kernel.ts";

const table: Record<string, Kernel> = {};

/** By name. */
export const kernels: Readonly<Record<string, Kernel>> = table;

/**
 * Enters a kernel into the table.
 * @throws Error when there is one of that name
 */
export function defineKernel(kernel: Kernel): Kernel {
  if (kernel.name in table) throw new Error(`there are two kernels called "${kernel.name}"`);
  table[kernel.name] = kernel;
  return kernel;
}

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
