/** WebGPU in Node, through the package of Dawn. This module is loaded in Node only. */
import { EngineError } from "../engine.ts";

export { Rest } from "./rest.ts";

/** Dawn rounds timestamps to 0.1 ms against attacks by pages; a Node process runs its own code. */
const DAWN_OPTIONS = ["disable-dawn-features=timestamp_quantization"];

/**
 * Dawn in this process. The instance is never dropped: each one leaks memory, and the process crashes where one is
 * collected while a device of it is being opened or destroyed.
 */
let dawn: Promise<GPU> | undefined;

/** @throws EngineError where the package is missing, or cannot be loaded */
export async function dawnGpu(): Promise<GPU> {
  dawn ??= import("webgpu").then(({ create }) => create(DAWN_OPTIONS));
  try {
    return await dawn;
  } catch (cause) {
    dawn = undefined;
    throw new EngineError(
      `connect: Node needs the package "webgpu" (npm install webgpu), or train on wasm() of wgrad/wasm: ${cause}`,
      { cause },
    );
  }
}

export async function processorCores(): Promise<number> {
  return (await import("node:os")).availableParallelism();
}
