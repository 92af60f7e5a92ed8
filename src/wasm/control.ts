/** The first bytes of the memory: words by which threads work together. */

/** Addresses in bytes. What many threads write at the same time has a cache line of its own. */
export const CONTROL = {
  /** An i64: the next part of the stage under way, and above it the stage's number among all stages ever run. */
  claims: 0,
  /** The upper half of `claims`. */
  stage: 4,
  /** Parts of that stage that are done. */
  done: 64,
  /** Threads that wait for the next stage, asleep. */
  asleep: 128,

  /** Raised by two with each command; odd while the words below are being written. */
  command: 192,
  /** The run under way: the program's number, and the arguments of its `work`. */
  program: 196,
  base: 200,
  first: 204,
  period: 208,
  step: 212,
  count: 216,

  /** Raised whenever the list of programs changes. */
  version: 256,
  /** Address of the first program's record. */
  programs: 260,
  /** Pages of the memory when the newest program was loaded. */
  pages: 264,
  /** Workers that read records now. */
  loading: 320,
  /** Workers that have started and not left. */
  started: 324,
  /** The number of the pool whose memory this is, while it lives. */
  pool: 328,
  /** Why a worker failed: length and UTF-16, a word each. */
  reason: 384,
} as const;

/** Bytes before everything else. */
export const CONTROL_BYTES = 4096;

/** The same as numbers of words. */
export const WORDS = Object.fromEntries(
  Object.entries(CONTROL).map(([name, address]) => [name, address / 4]),
) as Readonly<Record<keyof typeof CONTROL, number>>;

/** Words of a program's record. The module's bytes begin at {@link RECORD_BYTES}. */
export const RECORD = {
  /** Address of the next record; 0 at the end. */
  next: 0,
  /** Number of the program. */
  id: 1,
  /** Bytes of the module. */
  length: 2,
  /** Workers that can run it. */
  ready: 3,
} as const;

export const RECORD_BYTES = 64;
