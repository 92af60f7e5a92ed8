/** Costs of dispatches: arithmetic operations, and bytes between memory and the kernel. */
import { bytesPerElement } from "../dtypes.ts";
import { type Dispatch, elementCount, flaggedBindings, type Instruction, type Program } from "../program.ts";
import { isWritten, kernelNamed } from "./index.ts";
import type { Kernel } from "./kernel.ts";

export interface Cost {
  readonly flops: number;
  /** Each element read or written counts once: the least traffic, whatever the caches do. */
  readonly bytes: number;
}

/** Cost of one dispatch: operations of the kernel and its hooks, and the parts of bindings that it uses. */
export function dispatchCost(program: Program, dispatch: Dispatch): Cost {
  const kernel = kernelNamed(dispatch.kernel);
  const { constants, hooks, bindings } = dispatch;
  let flops = kernel.flops(constants);
  const loaded = new Map<string, number>();
  for (const [name, hook] of Object.entries(hooks)) {
    const positions = hookPositions(kernel, name, dispatch);
    const distinct = distinctValues(hook.code, positions);
    flops += hook.code.filter(({ op }) => op === "call").length * positions;
    for (const instruction of hook.code) {
      if (instruction.op !== "load") continue;
      const elements = distinct[instruction.at];
      loaded.set(instruction.binding, (loaded.get(instruction.binding) ?? 0) + elements);
    }
  }
  let bytes = 0;
  // Flags are not set where all is well.
  const flagged = flaggedBindings(dispatch);
  for (const [name, view] of Object.entries(bindings)) {
    if (flagged.has(name)) continue;
    const size = elementCount(view.shape);
    const elements = Math.min(size, loaded.get(name) ?? size);
    const updated = kernel.bindings[name] !== undefined || loaded.has(name);
    const ways = isWritten(dispatch, name) && updated ? 2 : 1;
    bytes += ways * elements * bytesPerElement(program.buffers[view.buffer].dtype);
  }
  return { flops, bytes };
}

/** Number of positions for which a hook is called. */
function hookPositions(kernel: Kernel, name: string, { constants, hooks, bindings }: Dispatch): number {
  if (kernel.hooks[name] === "load") return kernel.loads?.(constants)[name] ?? 0;
  const { stores: [first] = [], flags = [] } = hooks[name];
  if (first) return elementCount(bindings[first.binding].shape);
  // A hook that only looks at the values of the load hooks.
  return flags.length > 0 ? Math.max(0, ...Object.values(kernel.loads?.(constants) ?? {})) : 0;
}

/** Most distinct values of each register when the hook is called for positions below `positions`. */
function distinctValues(code: readonly Instruction[], positions: number): number[] {
  const atMost = (factors: readonly number[]) =>
    factors.reduce((product, factor) => Math.min(positions, product * factor), 1);
  const distinct: number[] = [];
  for (const instruction of code) {
    switch (instruction.op) {
      case "index":
      case "value":
        distinct.push(positions);
        break;
      case "constant":
      case "scalar":
        distinct.push(1);
        break;
      case "map": {
        // Only quotients of the kernel's own positions are known to be small.
        const over = code[instruction.from].op === "index" ? positions : Number.POSITIVE_INFINITY;
        const factors = instruction.terms.map(({ div, mod }) => Math.min(Math.ceil(over / div), mod || over));
        distinct.push(Math.min(distinct[instruction.from], atMost(factors)));
        break;
      }
      case "shift":
        distinct.push(distinct[instruction.from]);
        break;
      case "row":
        distinct.push(atMost([distinct[instruction.from], distinct[instruction.column]]));
        break;
      case "position":
      case "load":
      case "random":
        distinct.push(distinct[instruction.at]);
        break;
      case "call":
        distinct.push(atMost(instruction.args.map((arg) => distinct[arg])));
    }
  }
  return distinct;
}
