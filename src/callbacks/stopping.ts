/** Early stopping. */
import { checkOptions } from "../checks.ts";
import type { Callback } from "../train/callback.ts";
import type { FitRun } from "../train/fit.ts";
import { exclusive } from "./exclusive.ts";
import { Judge, MONITOR_OPTIONS, type MonitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** So many epochs in a row without a better number end the run (default 5). */
  readonly patience?: number;
  /** What counts as better is better by more than this (default 0). */
  readonly minDelta?: number;
  /** Whether the weights of the best epoch are put back at the end, however it comes (default true). */
  readonly restoreBest?: boolean;
}

type Weights = Awaited<ReturnType<FitRun["trainer"]["weights"]>>;

/** An early stopping, and what it found. */
export interface EarlyStopping extends Callback {
  /** The best epoch so far, and its number; undefined before the first. */
  readonly best: { readonly epoch: number; readonly value: number } | undefined;
}

/**
 * Ends a run once the validation set's loss, or what `monitor` names, has stopped getting better, and puts the best
 * epoch's weights back: at the end, where the caller breaks off (a run that is then gone on with has its own again), and
 * after a failure such as a `DivergenceError`. After a resume it counts on from the epochs of the checkpoint, but has only
 * weights since then.
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
  /** Those of the best epoch. */
  let weights: Weights | undefined;
  /** Where a run was left, and its own weights there, if the best ones took their place. */
  let left: { readonly run: FitRun; readonly epochs: number; readonly weights?: Weights } | undefined;
  return exclusive({
    name: "earlyStopping",
    get best() {
      return judge.best;
    },
    async onStart(run) {
      const { trainer, history } = run;
      // The run goes on from where it was, not from its best epoch.
      const goesOn = left?.run === run && left.epochs === history.length;
      if (goesOn && left?.weights) await trainer.load(left.weights);
      left = undefined;
      if (goesOn) return;
      weights = undefined;
      judge.reset(run, minDelta);
    },
    async onEpoch(epoch, { trainer }) {
      if (judge.isBest(epoch, minDelta)) {
        weights = restoreBest ? await trainer.weights() : undefined;
        return undefined;
      }
      return epoch.epoch - (judge.best?.epoch ?? 0) >= patience ? "stop" : undefined;
    },
    async onEnd(run) {
      const { trainer, history } = run;
      const isBest = judge.best?.epoch === history.at(-1)?.epoch;
      left = {
        run,
        epochs: history.length,
        weights: weights && !isBest ? await trainer.weights() : undefined,
      };
      if (left.weights && weights) await trainer.load(weights);
    },
    async onError(_error, { trainer }) {
      if (weights) await trainer.load(weights);
    },
  });
}
