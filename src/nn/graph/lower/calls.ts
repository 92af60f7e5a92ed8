/**
 * Kernel calls while a program is built: each holds the kernel, its bindings and its hooks; elementwise work is fused
 * into hooks while bindings remain.
 */

import { kernelNamed } from "../../../kernels/index.ts";
import { HOOK_LIMITS, type Kernel } from "../../../kernels/kernel.ts";
import { type Hook, MAX_STORAGE_BINDINGS } from "../../../program.ts";
import type { KernelCall, Tensor } from "../tensor.ts";
import type { HookEmitter } from "./emitter.ts";

/** Values that one store hook writes: the kernel's result, and values computed from it. */
export interface StoreHook {
  emitter: HookEmitter;
  readonly values: {
    readonly tensor: Tensor;
    readonly register: number;
    /** Whether the only user is computed in the same hook, so that the value need not be stored. */
    consumed?: boolean;
  }[];
}

export class Call {
  readonly kernel: Kernel;
  readonly constants: Readonly<Record<string, number>>;
  readonly stores = new Map<string, StoreHook>();
  readonly loads = new Map<string, { emitter: HookEmitter; result: number }>();
  /** Stored tensors by the name they are bound to. */
  readonly #operands = new Map<Tensor, string>();

  constructor(
    readonly label: string,
    /** Position in the order of execution. */
    readonly position: number,
    readonly source: Pick<KernelCall, "kernel" | "constants" | "reads" | "loads">,
  ) {
    this.kernel = kernelNamed(source.kernel);
    this.constants = source.constants;
  }

  /** The name under which a hook reads a stored tensor; undefined where no binding remains. */
  operand(tensor: Tensor): string | undefined {
    const known = this.#operands.get(tensor);
    if (known) return known;
    if (this.#operands.size >= HOOK_LIMITS.operands || this.bindingCount() >= MAX_STORAGE_BINDINGS)
      return undefined;
    const name = `operand${this.#operands.size}`;
    this.#operands.set(tensor, name);
    return name;
  }

  operands(): ReadonlyMap<Tensor, string> {
    return this.#operands;
  }

  /** Drops operands beyond the first `count`, bound by a failed attempt. */
  truncateOperands(count: number): void {
    for (const tensor of [...this.#operands.keys()].slice(count)) this.#operands.delete(tensor);
  }

  /** Number of results that may have to be stored. */
  resultCount(): number {
    let count = 0;
    for (const { values } of this.stores.values()) count += values.filter(({ consumed }) => !consumed).length;
    return count;
  }

  bindingCount(): number {
    return Object.keys(this.source.reads).length + this.#operands.size + this.resultCount();
  }

  /** Whether one more result can be stored, in place of `freed` others. */
  hasRoom(freed = 0): boolean {
    return (
      this.resultCount() - freed < HOOK_LIMITS.results && this.bindingCount() - freed < MAX_STORAGE_BINDINGS
    );
  }

  /** Whether this dispatch can give one more result, stored by `hook`. */
  gives(hook: string): boolean {
    return !this.stores.has(hook) && this.hasRoom();
  }

  /**
   * The hooks as data. `stored` tells which values go to memory; results are named in order.
   * @returns the hooks, and the tensors bound to each result name
   */
  finish(stored: (tensor: Tensor) => boolean): { hooks: Record<string, Hook>; results: Map<string, Tensor> } {
    const hooks: Record<string, Hook> = {};
    const results = new Map<string, Tensor>();
    for (const [name, { emitter, result }] of this.loads) hooks[name] = { code: emitter.code, result };
    for (const [name, kind] of Object.entries(this.kernel.hooks)) {
      if (kind !== "store") continue;
      const hook = this.stores.get(name);
      const stores = (hook?.values ?? [])
        .filter(({ tensor }) => stored(tensor))
        .map(({ tensor, register }) => {
          const binding = `result${results.size}`;
          results.set(binding, tensor);
          return { binding, from: register };
        });
      hooks[name] = { code: stores.length > 0 ? (hook?.emitter.code ?? []) : [], stores };
    }
    return { hooks, results };
  }
}

/** Equal for calls of the same computation, so that one dispatch can give the results of all. */
export function computationOf({ kernel, constants, reads, loads }: KernelCall): string {
  const ids = (tensors: KernelCall["reads"]) =>
    Object.entries(tensors).map(([name, tensor]) => `${name} ${tensor.id}`);
  const values = Object.entries(constants).map(([name, value]) => `${name} ${value}`);
  return [kernel, ...values.sort(), ...ids(reads).sort(), "by hooks", ...ids(loads).sort()].join(", ");
}
