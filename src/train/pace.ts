/** How many steps go into one submit. */

/** A submit should take about this long: long enough to hide its own cost, short enough for a page to stay smooth. */
const TARGET_MS = 50;
/** Fewer steps than this are taken only where they would block the device for longer than the limit below. */
const PREFERRED_STEPS = 10;
const LIMIT_MS = 500;
/** Nothing is known yet, and some drivers compile only now. */
const FIRST_STEPS = 1;

/** Measures how fast steps finish, and sizes submits accordingly. It decides when, never what is computed. */
export class Pace {
  steps = FIRST_STEPS;
  #last = performance.now();

  constructor(readonly most: number) {}

  /** To be called when a run of `count` steps has finished. */
  finished(count: number): void {
    const now = performance.now();
    const perStep = Math.max((now - this.#last) / count, 1e-3);
    this.#last = now;
    const wanted = Math.max(TARGET_MS / perStep, Math.min(PREFERRED_STEPS, LIMIT_MS / perStep));
    // At most doubled at a time: one quick run says little.
    this.steps = Math.round(Math.min(this.most, Math.max(1, Math.min(wanted, this.steps * 2))));
  }
}
