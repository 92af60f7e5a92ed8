/** A device's measured peaks: of a GPU by its own kernels, of the processor by loops of WebAssembly. */
import { availableParallelism } from "node:os";
import type { Ceiling, Engine, GpuEngine } from "wgrad";
import { measureCeiling } from "wgrad/inspect";

/** @param threads of the wasm engine (default: one for each core) */
export async function ceilingOf(engine: Engine, threads = availableParallelism()): Promise<Ceiling> {
  if (engine.kind === "gpu") return measureCeiling(engine as GpuEngine);
  // Loaded where it is needed: most benchmarks measure a GPU.
  const { measureWasmCeiling } = await import("./ceiling/wasm.ts");
  return measureWasmCeiling(threads);
}

/** "1,234 GFLOP/s, 56.7 GB/s". */
export function formatCeiling({ flops, bytes }: Ceiling): string {
  const giga = (amount: number) => (amount / 1e9).toLocaleString("en-US", { maximumSignificantDigits: 3 });
  return `${giga(flops)} GFLOP/s (multiplying and adding), ${giga(bytes)} GB/s (copying)`;
}
