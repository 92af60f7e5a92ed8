/** The host's memory, after everything that nobody holds was collected. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of JavaScript objects and of their buffers. */
export async function heapBytes(): Promise<number> {
  // Finalizers of native objects run between tasks, and free what only they held.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
