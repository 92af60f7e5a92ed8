/** Measures how long work holds the thread that it runs on, as a page's main thread: no frame is drawn meanwhile. */
import { readFileSync } from "node:fs";

/** Milliseconds that this thread has computed: what other programs and threads compute meanwhile does not count. */
function threadMs(): number {
  // Linux tells nanoseconds; elsewhere the clock has to do.
  if (process.platform !== "linux") return performance.now();
  return Number.parseInt(readFileSync("/proc/thread-self/schedstat", "latin1"), 10) / 1e6;
}

export interface Stretch {
  /** Longest processor time between two turns of the event loop, in milliseconds. */
  readonly longest: number;
  /** Processor time of the thread altogether, the heartbeat included. */
  readonly all: number;
}

/** Does the work, beside a heartbeat in each turn of the event loop. */
export async function stretchOf(work: () => unknown): Promise<Stretch> {
  await new Promise((resolve) => setImmediate(resolve));
  const began = threadMs();
  let last = began;
  let longest = 0;
  let working = true;
  const beat = () => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (working) setImmediate(beat);
  };
  setImmediate(beat);
  try {
    await work();
  } finally {
    working = false;
  }
  // The last stretch ends with the next beat.
  await new Promise((resolve) => setImmediate(resolve));
  return { longest, all: last - began };
}
