/** Turns on the thread that a page shares with its events and timers; and work in a fixed order. */

/** Longest time in milliseconds for which the host must not wait. */
const TURN_MS = 16;
let lastTurn = performance.now();

/** Whether a long computation should yield to the host: {@link giveTurn}. */
export function turnIsDue(): boolean {
  return performance.now() - lastTurn > TURN_MS;
}

/** Lets the host run its waiting tasks; awaiting a settled promise does not. */
export async function giveTurn(): Promise<void> {
  await nextTask();
  lastTurn = performance.now();
}

type Immediate = (task: () => void) => unknown;

/** A task of the host's queue. A browser's timers would take 4 ms each, once nested. */
function nextTask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: Immediate };
  return new Promise((resolve) => {
    if (setImmediate) return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Runs pieces of work in the order of arrival, each after the one before is done. */
export class InOrder {
  #last: Promise<unknown> | undefined;

  /** Whether work is under way. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /** Starts `work` at once where no other work is under way. */
  do<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last ? this.#last.then(work) : work();
    const last = done.then(ignore, ignore).then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return done;
  }

  /** Resolves once no work is under way. */
  async idle(): Promise<void> {
    while (this.#last) await this.#last;
  }
}

function ignore(): void {}
