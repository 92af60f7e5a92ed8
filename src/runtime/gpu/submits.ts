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
  /** Parts of a step that were asked for. */
  #parts: number;
  /** Milliseconds of a step, as far as is known. */
  #stepMs = Number.POSITIVE_INFINITY;
  /** When the run before ended. */
  #ended = 0;

  constructor(readonly program: Program) {
    this.#launches = Math.max(1, launchesOf(program).length);
    this.#parts = this.#launches;
    this.ends = this.#divided(this.#parts);
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
    if (parts === this.#parts) return;
    this.#parts = parts;
    this.ends = this.#divided(parts);
  }

  /** The launches in parts that cost at most one of so many shares, or are one launch: at most twice as many. */
  #divided(parts: number): number[] {
    const launches = launchesOf(this.program);
    if (parts === 1) return [launches.length];
    if (parts === launches.length) return launches.map((_, i) => i + 1);
    const costs = launches.map((launch) =>
      launch.reduce((sum, dispatch) => {
        const { flops, bytes } = dispatchCost(this.program, dispatch);
        return sum + flops + FLOPS_PER_BYTE * bytes;
      }, 1),
    );
    const share = costs.reduce((sum, cost) => sum + cost) / parts;
    const ends: number[] = [];
    let part = 0;
    for (let i = 0; i < costs.length; i++) {
      if (i > (ends.at(-1) ?? 0) && part + costs[i] > share) {
        ends.push(i);
        part = 0;
      }
      part += costs[i];
    }
    return [...ends, costs.length];
  }
}
