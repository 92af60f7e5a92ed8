/** What the host offers to threads: processors, and memory that they can share. */
import { hostProcess } from "../environment.ts";

/** The part of a worker in Node that is used here. */
interface NodeWorker {
  on(event: "message" | "error" | "exit", listener: (value: unknown) => void): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

interface BuiltinModules {
  "node:os": { availableParallelism(): number };
  "node:worker_threads": { readonly Worker: new (script: string, options: object) => NodeWorker };
  "node:v8": { setFlagsFromString(flag: string): void };
}

/** A module of Node's own, which Deno has, too; undefined in browsers. */
export function builtinModule<Name extends keyof BuiltinModules>(
  name: Name,
): BuiltinModules[Name] | undefined {
  const host = hostProcess() as
    | { getBuiltinModule?(name: string): BuiltinModules[Name] | undefined }
    | undefined;
  return host?.getBuiltinModule?.(name);
}

/** Number of threads that the processor runs at once; 1 where the host does not tell. */
export function processorCores(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  // Node 20 has no navigator.
  return navigator?.hardwareConcurrency ?? builtinModule("node:os")?.availableParallelism() ?? 1;
}

/**
 * Whether workers can be given the memory of this thread. A page that is not isolated has shared memory, too, but
 * cannot post it.
 */
export function canShareMemory(): boolean {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return (
    typeof SharedArrayBuffer === "function" && (crossOriginIsolated === true || hostProcess() !== undefined)
  );
}
