/** Early stopping. */
import type { Callback } from "../train/callback.ts";
import type { Epoch, FitRun } from "../train/fit.ts";
import { Judge, type MonitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** So many epochs in a row without a better number end the run (default 5). */
  readonly patience?: number;
  /** What counts as better is better by more than this (default 0). */
  readonly minDelta?: number;
  /** Whether the weights of the best epoch are put back at the end, however it comes (default true). */
  readonly restoreBest?: boolean;
}

/** An early stopping, and what it found. */
export interface EarlyStopping extends Callback {
  /** The best epoch so far, and its number; undefined before the first. */
  readonly best: { readonly epoch: number; readonly value: number } | undefined;
}

/**
 * Ends a run once the validation set's loss, or what `monitor` names, has stopped getting better, and puts the best
 * epoch's weights back. After a resume it counts on from the epochs of the checkpoint, but has only weights since then.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const { patience = 5, minDelta = 0, restoreBest = true } = options;
  if (!Number.isInteger(patience) || patience < 1) {
    throw new RangeError(`earlyStopping: patience is ${patience}; give a number of epochs from 1`);
  }
  if (!(minDelta >= 0 && Number.isFinite(minDelta))) {
    throw new RangeError(`earlyStopping: minDelta is ${minDelta}; give a finite number from 0`);
  }
  const judge = new Judge("earlyStopping", options);
  let best: { epoch: number; value: number } | undefined;
  let weights: Awaited<ReturnType<FitRun["trainer"]["weights"]>> | undefined;
  /** @returns whether the epoch is the best one */
  const judged = (epoch: Epoch): boolean => {
    const value = judge.number(epoch);
    if (!judge.better(value, best?.value, best && minDelta)) return false;
    best = { epoch: epoch.epoch, value };
    return true;
  };
  return {
    name: "earlyStopping",
    get best() {
      return best;
    },
    onStart({ history }) {
      best = undefined;
      weights = undefined;
      for (const epoch of history) judged(epoch);
    },
    async onEpoch(epoch, { trainer }) {
      if (judged(epoch)) {
        weights = restoreBest ? await trainer.weights() : undefined;
        return undefined;
      }
      return epoch.epoch - (best?.epoch ?? 0) >= patience ? "stop" : undefined;
    },
    async onEnd({ trainer, history }) {
      if (weights && best?.epoch !== history.at(-1)?.epoch) await trainer.load(weights);
    },
  };
}
