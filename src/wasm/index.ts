/** The entry `wgrad/wasm`: an engine that trains on the processor, as WebAssembly. */
import { checkOptions, inWords, isWhole } from "../checks.ts";
import type { Engine } from "../runtime/engine.ts";
import { processorCores } from "./environment.ts";
import { openWasm } from "./open.ts";

export interface WasmOptions {
  /**
   * Most threads, a whole number from 1 to 256 (default: as many as the processor runs at once). One where threads
   * cannot share memory, as in a page that is not cross-origin isolated. Results do not depend on the number.
   */
  readonly threads?: number;
}

/** Most threads that can be asked for. */
const MOST_THREADS = 256;

/**
 * Creates an engine that runs programs on the processor: each as a WebAssembly module with 128-bit SIMD, on all threads.
 * @throws EngineError where the host's WebAssembly has no SIMD, or a content security policy forbids WebAssembly
 * @throws RangeError where `threads` is out of range
 * @throws TypeError where an option is unknown or of another kind
 */
export function wasm(options: WasmOptions = {}): Engine {
  const { threads = Math.min(processorCores(), MOST_THREADS) } = checkOptions("wasm", options, {
    threads: "number",
  });
  if (!isWhole(threads, 1, MOST_THREADS))
    throw new RangeError(
      `wasm: threads is ${inWords(threads)}; give a whole number from 1 to ${MOST_THREADS}`,
    );
  return openWasm(threads);
}
