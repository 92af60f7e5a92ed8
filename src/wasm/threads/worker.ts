/** What a worker runs. Its source is the worker's script, so it uses nothing but what is written here and what it is given. */
import type { RECORD, WORDS } from "../control.ts";

/** What a worker is told, once; all else comes through the memory. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  /** Number of its pool. */
  readonly pool: number;
  /** Its number, from 1: the thread that opened the engine is 0. */
  readonly thread: number;
  readonly words: typeof WORDS;
  readonly record: typeof RECORD;
  readonly recordBytes: number;
  /** Parts that a thread does before it looks whether the engine still lives. */
  readonly parts: number;
  /** Looks for a command before it goes to sleep. */
  readonly spins: number;
  /** Whether the end of a run is reported by a message: where the opener must not wait. */
  readonly reports: boolean;
}

/** A program's exports, in one thread. */
export interface Running {
  /** Takes part in a run: `writeWork` of `stages.ts`. */
  work(
    thread: number,
    base: number,
    first: number,
    period: number,
    step: number,
    count: number,
    parts: number,
  ): number;
}

/** Works until the engine ends. */
export function workUntilEnd(
  { memory, pool, thread, words: at, record, recordBytes, parts, spins, reports }: WorkerStart,
  post: (command: number) => void,
): void {
  const words = new Int32Array(memory.buffer, 0, 1024);
  const programs = new Map<number, Running>();
  let version = 0;
  // No command has this number, so that the loop begins by looking around.
  let seen = -1;
  // Too late: the engine is gone, and another one may have its memory.
  if (Atomics.load(words, at.pool) !== pool) return;
  Atomics.add(words, at.started, 1);
  try {
    while (Atomics.load(words, at.pool) === pool) {
      for (let i = spins; i > 0 && Atomics.load(words, at.command) === seen; i--);
      Atomics.wait(words, at.command, seen);
      const command = Atomics.load(words, at.command);
      if (command & 1) continue;

      const current = Atomics.load(words, at.version);
      if (current !== version) {
        // Nobody frees a record while this is not 0.
        Atomics.add(words, at.loading, 1);
        const gone = new Set(programs.keys());
        // This thread may hear late that the memory has grown.
        while (memory.buffer.byteLength < Atomics.load(words, at.pages) * 65536);
        for (let next = Atomics.load(words, at.programs) >>> 0; next !== 0; ) {
          const fields = new Int32Array(memory.buffer, next, 16);
          const id = Atomics.load(fields, record.id);
          if (!gone.delete(id)) {
            // A copy: modules are not compiled from shared memory.
            const bytes = new Uint8Array(memory.buffer, next + recordBytes, fields[record.length]).slice();
            const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { wgrad: { memory } });
            programs.set(id, instance.exports as unknown as Running);
            Atomics.add(fields, record.ready, 1);
          }
          next = Atomics.load(fields, record.next) >>> 0;
        }
        for (const id of gone) programs.delete(id);
        Atomics.sub(words, at.loading, 1);
        version = current;
      }

      const program = programs.get(Atomics.load(words, at.program));
      const base = Atomics.load(words, at.base);
      const first = Atomics.load(words, at.first);
      const period = Atomics.load(words, at.period);
      const step = Atomics.load(words, at.step);
      const count = Atomics.load(words, at.count);
      // Written anew while it was read?
      if (Atomics.load(words, at.command) !== command) continue;
      seen = command;
      let ended = 0;
      while (program && ended === 0 && Atomics.load(words, at.pool) === pool)
        ended = program.work(thread, base, first, period, step, count, parts);
      if (reports && ended === 2) post(command);
    }
  } catch (error) {
    const reason = String(error).slice(0, 500);
    for (let i = 0; i < reason.length; i++) words[at.reason + 1 + i] = reason.charCodeAt(i);
    Atomics.store(words, at.reason, reason.length);
    Atomics.store(words, at.pool, -1);
    Atomics.notify(words, at.stage);
    post(-1);
  }
  Atomics.sub(words, at.started, 1);
}
