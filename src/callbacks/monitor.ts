/** The number of an epoch that a callback goes by. */
import { inWords, type OptionKinds } from "../checks.ts";
import type { Epoch, FitRun } from "../train/fit.ts";
import { checkMode, type Mode, modeOf, modeOfFunction, monitorable, numberOf } from "../train/monitor.ts";

export interface MonitorOptions {
  /**
   * "loss" (the default), "accuracy", or a metric by its name or a path into its value ("rocAuc.auc"), all of the
   * validation set where there is one; or any function of the epoch.
   */
  readonly monitor?: string | ((epoch: Epoch) => number);
  /**
   * Whether the largest number is the best, or the smallest (default: as the metric says, "min" for the loss). To be told
   * where nobody says so: of functions, and of metrics of your own without `mode`.
   */
  readonly mode?: Mode;
}

export const MONITOR_OPTIONS: OptionKinds<MonitorOptions> = { monitor: "any", mode: "string" };

/** Judges epochs by their number. */
export class Judge {
  readonly #monitor: NonNullable<MonitorOptions["monitor"]>;
  readonly #told: Mode | undefined;
  #mode: Mode = "min";

  /** @throws TypeError for what is no monitor, and a function without `mode` */
  constructor(
    readonly owner: string,
    { monitor = "loss", mode }: MonitorOptions,
  ) {
    if (typeof monitor !== "string" && typeof monitor !== "function") {
      throw new TypeError(
        `${owner}: monitor is ${inWords(monitor)}; give "loss", "accuracy", a metric's name, or a function of the epoch`,
      );
    }
    checkMode(owner, mode);
    if (typeof monitor === "function") modeOfFunction(owner, mode);
    this.#monitor = monitor;
    this.#told = mode;
  }

  /** The best epoch so far, and its number. */
  best: { readonly epoch: number; readonly value: number } | undefined;

  /**
   * Begins anew, with the epochs that lie behind a checkpoint.
   * @throws RangeError where the run will have no such number; TypeError where it is not known which way is better
   */
  reset({ history, dataset, options }: FitRun, delta = 0): void {
    const monitor = this.#monitor;
    this.#mode =
      typeof monitor === "function"
        ? modeOfFunction(this.owner, this.#told)
        : modeOf(this.owner, monitor, this.#told, monitorable(dataset, options));
    this.best = undefined;
    for (const epoch of history) this.isBest(epoch, delta);
  }

  /**
   * Whether the epoch is better than the best before it, by more than `delta`.
   * @throws Error where it has no such number
   */
  isBest(epoch: Epoch, delta = 0): boolean {
    const value = numberOf(this.owner, epoch, this.#monitor);
    if (this.best) {
      const gain = this.#mode === "max" ? value - this.best.value : this.best.value - value;
      if (!(gain > delta)) return false;
    }
    this.best = { epoch: epoch.epoch, value };
    return true;
  }
}
