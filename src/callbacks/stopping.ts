/** Early stopping. */
import { checkFinite, checkOptions, checkWhole } from "../checks.ts";
import type { Callback } from "../train/callback.ts";
import type { FitRun } from "../train/fit.ts";
import { exclusive } from "./exclusive.ts";
import { Judge, MONITOR_OPTIONS, type MonitorOptions } from "./monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Number of consecutive epochs without improvement that ends the run (default 5). */
  readonly patience?: number;
  /** Least improvement that counts (default 0). */
  readonly minDelta?: number;
  /** Whether the weights of the best epoch are restored at the end, however the run ends (default true). */
  readonly restoreBest?: boolean;
}

type Weights = Awaited<ReturnType<FitRun["trainer"]["weights"]>>;

/** An early stopping with its result. */
export interface EarlyStopping extends Callback {
  /** The best epoch so far, and its number; undefined before the first epoch. */
  readonly best: { readonly epoch: number; readonly value: number } | undefined;
}

/**
 * Ends a run once the validation loss, or the number in `monitor`, stops improving, and restores the best epoch's
 * weights. Weights are restored at the end, after a failure such as a `DivergenceError`, and where the caller breaks
 * off; a run that then continues gets its own weights back. After a resume, the checkpoint's epochs count, but only
 * later weights can be restored.
 * @throws RangeError where `patience` is no whole number from 1, or `minDelta` is negative or not finite; when the run
 *   starts, where it has no such metric
 * @throws TypeError where an option is unknown, or `monitor` is a function without `mode`
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  checkOptions("earlyStopping", options, {
    ...MONITOR_OPTIONS,
    patience: "number",
    minDelta: "number",
    restoreBest: "boolean",
  });
  const { patience = 5, minDelta = 0, restoreBest = true } = options;
  checkWhole("earlyStopping: patience", patience);
  checkFinite("earlyStopping: minDelta", minDelta, 0);
  const judge = new Judge("earlyStopping", options);
  /** Weights of the best epoch. */
  let weights: Weights | undefined;
  /** Where a run was left, and its own weights there, where the best ones replaced them. */
  let left: { readonly run: FitRun; readonly epochs: number; readonly weights?: Weights } | undefined;
  return exclusive({
    name: "earlyStopping",
    get best() {
      return judge.best;
    },
    async onStart(run) {
      const { trainer, history } = run;
      // The run continues from its last epoch, not from its best one.
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
