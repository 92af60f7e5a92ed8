/** The pace of training: the number of steps in one submit, and the rate that the page shows. */

/** Short enough that the page, which shares the GPU, is drawn smoothly, and that a pause comes at once. */
const TARGET_MS = 25;
/** Speeds are means over about this time. */
const WINDOW_MS = 2000;

export class Pace {
  /** Duration and number of steps of the last bunches. */
  readonly #recent: { readonly ms: number; readonly steps: number }[] = [];
  #last = Number.NaN;

  /** To be called before steps are taken again: the time in between is none of theirs. */
  resume(): void {
    this.#last = performance.now();
  }

  /** To be called when a bunch is done. */
  finished(steps: number): void {
    const now = performance.now();
    this.#recent.push({ ms: now - this.#last, steps });
    this.#last = now;
    let ms = this.#recent.reduce((sum, one) => sum + one.ms, 0);
    while (this.#recent.length > 3 && ms - this.#recent[0].ms > WINDOW_MS) {
      ms -= (this.#recent.shift() as { ms: number }).ms;
    }
  }

  /** NaN until a bunch is done. */
  get msPerStep(): number {
    const sum = (of: "ms" | "steps") => this.#recent.reduce((total, one) => total + one[of], 0);
    return sum("ms") / sum("steps");
  }

  /** Steps for the next submit: at most twice as many as for the last, as one quick bunch says little. */
  get steps(): number {
    const last = this.#recent[this.#recent.length - 1]?.steps ?? 0.5;
    const wanted = TARGET_MS / Math.max(this.msPerStep, 1e-3);
    return Math.max(1, Math.round(Number.isNaN(wanted) ? 1 : Math.min(wanted, 2 * last)));
  }
}
