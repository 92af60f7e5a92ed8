/** Turns on the thread that a page, its events and its timers need, too; and work in order, whoever has the turn. */

/** Longer than this, the host must not wait for its turn. */
const TURN_MS = 16;
let lastTurn = performance.now();

/** Whether whoever computes should let the host have its turn: {@link giveTurn}. */
export function turnIsDue(): boolean {
  return performance.now() - lastTurn > TURN_MS;
}

/** Lets the host do what waits for its turn: awaiting what is done already does not. */
export async function giveTurn(): Promise<void> {
  await nextTask();
  lastTurn = performance.now();
}

type Immediate = (task: () => void) => unknown;

/** A task of the host's own queue. Its timers would take 4 ms each in a browser, once they follow each other. */
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

/** Does work in the order in which it came, each piece after the one before is done. */
export class InOrder {
  #last: Promise<unknown> | undefined;

  /** Whether something is under way. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /** Begins with `work` at once where nothing is under way. */
  do<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last ? this.#last.then(work) : work();
    const last = done.then(ignore, ignore).then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return done;
  }

  /** Resolves once nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#last) await this.#last;
  }
}

function ignore(): void {}
