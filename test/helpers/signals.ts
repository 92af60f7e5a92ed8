/** Signals that keep books: how often they were asked, and how many listeners they have. */

/** An AbortSignal that aborts itself when it is asked for the n-th time whether it has aborted. */
export class CountedSignal {
  readonly reason = new Error("that is enough");
  readonly signal: AbortSignal;
  /** How often code asked so far. */
  asked = 0;
  /** Listeners added and not removed. */
  listeners = 0;
  readonly #controller = new AbortController();

  constructor(abortsAt = Number.POSITIVE_INFINITY) {
    const { signal } = this.#controller;
    const { throwIfAborted, addEventListener, removeEventListener } = signal;
    const own = {
      throwIfAborted: () => {
        this.asked++;
        if (this.asked === abortsAt) this.abort();
        throwIfAborted.call(signal);
      },
      addEventListener: (...args: Parameters<AbortSignal["addEventListener"]>) => {
        this.listeners++;
        addEventListener.apply(signal, args);
      },
      removeEventListener: (...args: Parameters<AbortSignal["removeEventListener"]>) => {
        this.listeners--;
        removeEventListener.apply(signal, args);
      },
    };
    this.signal = Object.assign(signal, own);
  }

  abort(): void {
    this.#controller.abort(this.reason);
  }
}

/** Moments of the n that there are: all of a few, else some, the first and the last among them. */
export function momentsOf(count: number, most = 6): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i + 1);
  return Array.from({ length: most }, (_, i) => 1 + Math.round((i * (count - 1)) / (most - 1)));
}
