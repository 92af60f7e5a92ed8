/** Chooses the number of steps in one submit. */

/** Target duration of a submit in milliseconds: long enough to hide its own cost, short enough for a smooth page. */
const TARGET_MS = 50;
/** Least number of steps in a submit, unless they would exceed the limit below. */
const PREFERRED_STEPS = 10;
const LIMIT_MS = 500;
/** Nothing is measured yet, and some drivers compile only now. */
const FIRST_STEPS = 1;

/** Measures the speed of steps, and sizes submits accordingly. The choice affects timing, never results. */
export class Pace {
  steps = FIRST_STEPS;
  #last = performance.now();

  constructor(readonly most: number) {}

  /** Called when a run of `count` steps has finished. */
  finished(count: number): void {
    const now = performance.now();
    const perStep = Math.max((now - this.#last) / count, 1e-3);
    this.#last = now;
    const wanted = Math.max(TARGET_MS / perStep, Math.min(PREFERRED_STEPS, LIMIT_MS / perStep));
    // At most doubled: one quick run proves little.
    this.steps = Math.round(Math.min(this.most, Math.max(1, Math.min(wanted, this.steps * 2))));
  }
}
