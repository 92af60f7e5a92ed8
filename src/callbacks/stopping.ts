/** Early stopping. */
import { checkOptions } from "../checks.ts";
import type { Callback } from "../train/callback.ts";
import type { FitRun } from "../train/fit.ts";
import { Judge, MONITOR_OPTIONS, type MonitorOptions } from "./monitor.ts";

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
  checkOptions("earlyStopping", options, {
    ...MONITOR_OPTIONS,
    patience: "number",
    minDelta: "number",
    restoreBest: "boolean",
  });
  const { patience = 5, minDelta = 0, restoreBest = true } = options;
  if (!Number.isInteger(patience) || patience < 1) {
    throw new RangeError(`earlyStopping: patience is ${patience}; give a number of epochs from 1`);
  }
  if (!(minDelta >= 0 && Number.isFinite(minDelta))) {
    throw new RangeError(`earlyStopping: minDelta is ${minDelta}; give a finite number from 0`);
  }
  const judge = new Judge("earlyStopping", options);
  let weights: Awaited<ReturnType<FitRun["trainer"]["weights"]>> | undefined;
  return {
    name: "earlyStopping",
    get best() {
      return judge.best;
    },
    onStart({ history }) {
      weights = undefined;
      judge.reset(history, minDelta);
    },
    async onEpoch(epoch, { trainer }) {
      if (judge.isBest(epoch, minDelta)) {
        weights = restoreBest ? await trainer.weights() : undefined;
        return undefined;
      }
      return epoch.epoch - (judge.best?.epoch ?? 0) >= patience ? "stop" : undefined;
    },
    async onEnd({ trainer, history }) {
      if (weights && judge.best?.epoch !== history.at(-1)?.epoch) await trainer.load(weights);
    },
  };
}
