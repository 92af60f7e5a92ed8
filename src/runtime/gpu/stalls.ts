/** Notices a queue that does not answer. */

/** A device that has not answered for some time. */
export interface Stall {
  /** Seconds since its last answer, or since it was asked. */
  readonly seconds: number;
  /** What waits for it: names of programs and buffers. */
  readonly work: readonly string[];
}

export interface StallOptions {
  /** Seconds without an answer of the device after which it is reported (default 30). */
  readonly stalledAfter?: number;
  /** Called once for each stall, which ends nothing (default: a warning on the console). */
  readonly onStalled?: (stall: Stall) => void;
}

const DEFAULT_SECONDS = 30;
/** Longest delay of a timer. */
const LONGEST_MS = 2 ** 31 - 1;

function warn({ seconds, work }: Stall): void {
  console.warn(
    `wgrad: the GPU has not answered for ${Math.round(seconds)} s. Waiting: ${work.join(", ")}. A slow device may take that long; engine.destroy() gives up`,
  );
}

export class StallWatch {
  readonly #limit: number;
  readonly #report: (stall: Stall) => void;
  /** Questions without an answer. */
  #open = 0;
  /** When the device last answered, or was first asked. */
  #since = 0;
  /** One for all questions; "fired" from a report to the next answer. */
  #timer: ReturnType<typeof setTimeout> | "fired" | undefined;

  /** @param work names of the operations under way */
  constructor(
    { stalledAfter = DEFAULT_SECONDS, onStalled = warn }: StallOptions,
    readonly work: readonly string[],
  ) {
    this.#limit = Math.min(stalledAfter * 1000, LONGEST_MS);
    this.#report = onStalled;
  }

  /** Watches a question until it is answered. */
  watch(question: Promise<unknown>): void {
    if (this.#open++ === 0) this.#since = performance.now();
    if (this.#timer === undefined) this.#wait(this.#limit);
    question.then(this.#answered, this.#answered);
  }

  readonly #answered = (): void => {
    this.#open--;
    this.#since = performance.now();
    // A timer that nobody needs could keep a process from ending.
    if (this.#open === 0) {
      if (this.#timer !== "fired") clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === "fired") this.#wait(this.#limit);
  };

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(this.#look, milliseconds);
    (this.#timer as { unref?(): void }).unref?.();
  }

  readonly #look = (): void => {
    const waited = performance.now() - this.#since;
    if (waited < this.#limit) {
      this.#wait(this.#limit - waited);
      return;
    }
    this.#timer = "fired";
    try {
      this.#report({ seconds: waited / 1000, work: [...this.work] });
    } catch (error) {
      console.error(error);
    }
  };
}
