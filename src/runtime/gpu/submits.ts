/**
 * Divides runs into submits. A GPU that works on one submit for seconds shows no picture meanwhile, and a driver's watchdog
 * resets it. Work in a submit of its own leaves gaps between, and computes the same.
 */
import { dispatchCost } from "../../kernels/cost.ts";
import { launchesOf, type Program } from "../../program.ts";

/** Longest time of a submit in milliseconds. */
const BOUND_MS = 100;
/** Milliseconds of a part of a longer step: estimates of a launch's share may be half of what it takes. */
const PART_MS = BOUND_MS / 2;
/** Bytes move as slowly as so many operations. */
const FLOPS_PER_BYTE = 8;

export class Submits {
  /** Steps of one submit; 1 where a step is divided. */
  steps = 1;
  /** Parts of a step, by the launch behind each. Before anything is measured, each launch is a part. */
  ends: readonly number[];
  readonly #launches: number;
  /** Milliseconds of a step, as far as is known. */
  #stepMs = Number.POSITIVE_INFINITY;
  /** When the run before ended. */
  #ended = 0;

  constructor(readonly program: Program) {
    this.#launches = launchesOf(program).length;
    this.ends = this.#launches > 0 ? Array.from({ length: this.#launches }, (_, i) => i + 1) : [0];
  }

  /** Called when a run of `count` steps has ended, which began at `began`. */
  finished(count: number, began: number): void {
    const now = performance.now();
    const measured = (now - Math.max(began, this.#ended)) / count;
    this.#ended = now;
    // At most doubled: other work on the device takes its time, too.
    const stepMs = Math.min(measured, 2 * this.#stepMs);
    this.#stepMs = stepMs;
    this.steps = Math.max(1, Math.floor(BOUND_MS / stepMs));
    const parts = stepMs > BOUND_MS ? Math.min(this.#launches, Math.ceil(stepMs / PART_MS)) : 1;
    if (parts !== this.ends.length) this.ends = parts > 1 ? this.#divided(parts) : [this.#launches];
  }

  /** The launches in so many parts, or fewer, that cost about the same. */
  #divided(parts: number): number[] {
    const costs = launchesOf(this.program).map((launch) =>
      launch.reduce((sum, dispatch) => {
        const { flops, bytes } = dispatchCost(this.program, dispatch);
        return sum + flops + FLOPS_PER_BYTE * bytes;
      }, 1),
    );
    const share = costs.reduce((sum, cost) => sum + cost) / parts;
    const ends: number[] = [];
    let cost = 0;
    for (let i = 0; i < costs.length; i++) {
      const before = cost;
      cost += costs[i];
      // A part ends before a launch that would exceed its share by more than the part falls short of it without.
      const end = share * (ends.length + 1);
      if (i > (ends.at(-1) ?? 0) && cost - end > end - before && before > 0) ends.push(i);
      if (cost >= share * (ends.length + 1) && ends.at(-1) !== i + 1) ends.push(i + 1);
    }
    if (ends.at(-1) !== costs.length) ends.push(costs.length);
    return ends;
  }
}
