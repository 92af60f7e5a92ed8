/** Opens engines: memory, threads, and kernels for what the host has. */
import { WasmEngine } from "./engine.ts";
import { canShareMemory } from "./environment.ts";
import { probeFeatures } from "./features.ts";
import type { Features } from "./kernels/kernel.ts";
import { WasmMemory } from "./memory.ts";
import { ThreadPool } from "./threads/pool.ts";

/**
 * @param threads most threads of a run; one where threads cannot share memory
 * @param features what kernels may use of what the host has
 * @throws EngineError where the host's WebAssembly lacks what every kernel needs, or gives no memory
 */
export function openWasm(threads: number, features: Partial<Features> = {}): WasmEngine {
  const found = probeFeatures();
  const count = canShareMemory() ? threads : 1;
  const memory = new WasmMemory(count > 1);
  return new WasmEngine(memory, new ThreadPool(memory, count), { ...found, ...features });
}
