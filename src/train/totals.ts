/** Totals of steps. */
import { NonFiniteCode } from "../nn/training/guard.ts";
import type { Bunch, Results } from "./bunch.ts";
import type { Advance, Place } from "./session.ts";

/** Sums over the steps of an epoch so far: each step is added by itself, so that they are the same for any submits. */
export interface Sums {
  readonly samples: number;
  /** Samples of steps that were skipped. They are among the samples, and not in the other sums. */
  readonly skipped: number;
  /** Sum of the samples' losses. */
  readonly loss: number;
  /** Number of samples predicted correctly; 0 where targets are no classes. */
  readonly correct: number;
}

export const NOTHING: Sums = { samples: 0, skipped: 0, loss: 0, correct: 0 };

/** Means over the samples of the steps that were not skipped. */
export function meansOf({ samples, skipped, loss, correct }: Sums, counts: boolean) {
  const taken = samples - skipped;
  return { samples, loss: loss / taken, accuracy: counts ? correct / taken : undefined };
}

/** Totals of some steps. */
export class Totals {
  readonly losses: number[] = [];
  learningRate = 0;
  hostMilliseconds = 0;

  /** @param sums of the epoch's steps before */
  constructor(
    readonly counts: boolean,
    public sums: Sums = NOTHING,
  ) {}

  add({ losses, correct, signs }: Results, { size, rates }: Bunch): void {
    let { samples, skipped, loss, correct: hits } = this.sums;
    for (const [i, one] of losses.entries()) {
      this.losses.push(one);
      this.learningRate = rates[i];
      samples += size;
      if (signs[i] & NonFiniteCode.skipped) skipped += size;
      else {
        loss += one * size;
        hits += correct[i] ?? 0;
      }
    }
    this.sums = { samples, skipped, loss, correct: hits };
  }

  advance(place: Place): Advance {
    const { losses, learningRate, hostMilliseconds } = this;
    const means = meansOf(this.sums, this.counts);
    return { steps: losses.length, losses, learningRate, hostMilliseconds, place, ...means };
  }
}
