/** The entry `wgrad/wasm`: an engine that trains on the processor, as WebAssembly. */
import { WasmEngine } from "./engine.ts";
import { WasmMemory } from "./memory.ts";
import { SingleThread } from "./threads/pool.ts";

export function wasm() {
  const memory = new WasmMemory(false);
  return new WasmEngine(memory, new SingleThread(memory.memory), { relaxed: false });
}
