/** What a twin is: a kernel's computation in TypeScript, which the CPU engine plays. */

import type { Elements } from "../../dtypes.ts";
import type { Constants } from "../kernel.ts";

/** What a twin gets: the memory bound to the kernel's own names, and its hooks as functions. */
export interface TwinCall {
  readonly constants: Constants;
  readonly memory: Readonly<Record<string, Elements>>;
  readonly load: Readonly<Record<string, (index: number) => number>>;
  readonly store: Readonly<Record<string, (index: number, value: number) => void>>;
  /** The f32 at a slot of the current row of the step table. */
  scalar(slot: number): number;
}

/** What a twin gives back: where it can be left for a while, if anywhere. Going through it does the work. */
export type Twin = Iterable<void> | void;

/** So much of a twin's work is done between two pauses: elements that hooks compute, or products. */
export const PART = 1 << 14;

/** A loop over `count` elements with pauses: `work` goes from `start` up to, not including, `end`. */
export function* inParts(count: number, work: (start: number, end: number) => void): Iterable<void> {
  for (let start = 0; start < count; start += PART) {
    work(start, Math.min(count, start + PART));
    yield;
  }
}

/** Counts the work of a twin, `amount` by `amount`. Gives true where there was enough of it for a pause. */
export function pauses(): (amount: number) => boolean {
  let done = 0;
  return (amount) => {
    done += amount;
    if (done < PART) return false;
    done = 0;
    return true;
  };
}

/** The CPU twin of a kernel: the same computation, in plain loops, that {@link pauses} now and then if they may take long. */
export type TwinFunction = (call: TwinCall) => Twin;
