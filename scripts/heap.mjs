// The host's memory, after everything that nobody holds was collected.
import { readdirSync } from "node:fs";
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

/**
 * Number of what this process holds open: timers, requests, threads and the like, and the descriptors of files. The least of a few
 * counts, as a line that is being written counts as well.
 */
export async function openHandles() {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    least = Math.min(least, process.getActiveResourcesInfo().length + descriptors());
  }
  return least;
}

/** On Linux; else 0. */
function descriptors() {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
