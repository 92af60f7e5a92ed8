/**
 * Waits for a device without polling all the time. In Node, Dawn polls an open promise in every turn of the event loop,
 * which keeps a core busy; on a software adapter, that core would compute. Therefore each turn begins with a nap while
 * a promise is open.
 */

/** Length of a nap as a fraction of the time waited so far: the answer is delayed by little more than that. */
const NAP = 0.05;
/** Longest delay of the process's timers and other events in milliseconds. */
const LONGEST_NAP_MS = 1;
const SHORTEST_NAP_MS = 0.2;
/** Milliseconds without naps, so that quick answers are not delayed. */
const AWAKE_MS = 0.5;

type Immediate = (turn: () => void) => unknown;

/** The open promises of one device. */
export class Rest {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  readonly #setImmediate = (globalThis as { setImmediate?: Immediate }).setImmediate;
  #open = 0;
  #since = 0;
  /** Whether a turn is scheduled: one is enough, however many promises are opened and settled before it. */
  #turning = false;

  /** Waits for the answer to `question`, one of possibly several open promises. */
  async during<T>(question: Promise<T>): Promise<T> {
    if (this.#open++ === 0) this.#since = performance.now();
    if (!this.#turning) {
      this.#turning = true;
      this.#setImmediate?.(this.#turn);
    }
    try {
      return await question;
    } finally {
      this.#open--;
      this.#since = performance.now();
    }
  }

  readonly #turn = (): void => {
    this.#turning = this.#open > 0;
    if (!this.#turning) return;
    const waited = performance.now() - this.#since;
    const nap = Math.max(SHORTEST_NAP_MS, Math.min(LONGEST_NAP_MS, waited * NAP));
    if (waited >= AWAKE_MS) Atomics.wait(this.#cell, 0, 0, nap);
    this.#setImmediate?.(this.#turn);
  };
}
