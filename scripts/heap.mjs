// The host's memory, after everything that nobody holds was collected.
import { queryObjects, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** @type {() => void} */
const collect = runInNewContext("gc");

/**
 * JavaScript's objects and bytes: `objects` is the sharp measure, as `bytes` swings by some hundred KB with what V8 keeps of
 * functions and drops again.
 */
export async function heldByHost() {
  // Native objects are freed between tasks, and with them the objects that only they held.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  return { bytes: heapUsed + external, objects: queryObjects(Object, { format: "count" }) };
}
