/** The first bytes of the memory: words by which threads work together, each in a cache line of its own. */

/** Addresses in bytes. */
export const CONTROL = {
  /** Number of threads of the run under way. */
  threads: 0,
  /** Threads that came to the barrier. */
  arrived: 64,
  /** Barriers passed. */
  passed: 128,
  /** Next part of the phase under way. */
  nextPart: 192,
  /** Words of the thread pool. */
  pool: 256,
} as const;

/** Bytes before everything else. */
export const CONTROL_BYTES = 4096;
