/**
 * Waiting for a device without asking it all the time. In Node, Dawn asks in every turn of the event loop whether an open
 * promise is done, and that keeps a core busy: on a software adapter one of those that compute. While something is open,
 * each turn therefore begins with a nap.
 */

/** A nap lasts this part of the time waited so far: the answer comes later by not much more than that. */
const NAP = 0.05;
/** Timers and other events of the process wait for no longer than this. */
const LONGEST_NAP_MS = 1;
const SHORTEST_NAP_MS = 0.2;
/** Quick answers are not to be missed. */
const AWAKE_MS = 0.5;

type Immediate = (turn: () => void) => unknown;

/** What is being waited for on one device. */
export class Rest {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  readonly #setImmediate = (globalThis as { setImmediate?: Immediate }).setImmediate;
  #open = 0;
  #since = 0;
  /** Whether a turn is to come: one is enough, however often something is opened and done before it. */
  #turning = false;

  /** Waits for the answer to `question`, which may be one of several that are open. */
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
