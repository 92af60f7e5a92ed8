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
 * off; a run that then continues gets its own weights back. Checkpoints hold the best weights: a resumed run counts on,
 * and can restore weights from before the checkpoint.
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
  /** Where a run was left. */
  let left: { readonly run: FitRun; readonly epochs: number } | undefined;
  const isOver = (epochs: number) => epochs - (judge.best?.epoch ?? epochs) >= patience;
  return exclusive({
    name: "earlyStopping",
    get best() {
      return judge.best;
    },
    state: () => ({ values: { epoch: judge.best?.epoch }, tensors: weights }),
    onStart(run, state) {
      const { history } = run;
      const goesOn = left?.run === run && left.epochs === history.length;
      left = undefined;
      if (goesOn) return undefined;
      const seen = history.slice(0, state?.epochs);
      judge.reset(run, minDelta, seen);
      // Another monitor may find another epoch the best, whose weights are gone.
      const { epoch } = Object(state?.values) as { epoch?: unknown };
      const has = state && Object.keys(state.tensors).length > 0 && epoch === judge.best?.epoch;
      weights = has ? restoredWeights(run, state.tensors) : undefined;
      return isOver(seen.length) ? "stop" : undefined;
    },
    async onEpoch(epoch, { trainer }) {
      if (judge.isBest(epoch, minDelta)) {
        weights = restoreBest ? await trainer.weights() : undefined;
        return undefined;
      }
      return isOver(epoch.epoch) ? "stop" : undefined;
    },
    async onEnd(run) {
      left = { run, epochs: run.history.length };
      if (weights && judge.best?.epoch !== run.history.length) await run.substitute(weights);
    },
    async onError(_error, run) {
      left = { run, epochs: run.history.length };
      if (weights) await run.substitute(weights);
    },
  });
}

/** @throws Error where a checkpoint's best weights are not those of the run's model */
function restoredWeights({ trainer }: FitRun, weights: Weights): Weights {
  for (const { name, shape } of [...trainer.layout.specs, ...trainer.statistics.specs]) {
    const found = Object.hasOwn(weights, name) ? weights[name].shape : undefined;
    if (found?.join() === shape.join()) continue;
    throw new Error(
      `earlyStopping: the checkpoint's best weights have ${found ? `${name} [${found.join(", ")}]` : `no ${name}`}, the model ${name} [${shape.join(", ")}]; was the checkpoint changed?`,
    );
  }
  return weights;
}
