/** The number of an epoch that a callback watches. */
import { inWords, type OptionKinds } from "../checks.ts";
import type { Epoch, FitRun } from "../train/fit.ts";
import { checkMode, type Mode, modeOf, modeOfFunction, monitorable, numberOf } from "../train/monitor.ts";

export interface MonitorOptions {
  /**
   * Number to watch: "loss" (the default), "accuracy", a metric's name, or a path into its value ("rocAuc.auc"), of the
   * validation set where there is one; or a function of the epoch.
   */
  readonly monitor?: string | ((epoch: Epoch) => number);
  /**
   * Whether the largest or the smallest number is the best (default: the metric's own mode; "min" for the loss).
   * Required for functions, and for custom metrics without `mode`.
   */
  readonly mode?: Mode;
}

export const MONITOR_OPTIONS: OptionKinds<MonitorOptions> = { monitor: "any", mode: "string" };

/** Compares epochs by their number. */
export class Judge {
  readonly #monitor: NonNullable<MonitorOptions["monitor"]>;
  readonly #told: Mode | undefined;
  #mode: Mode = "min";

  /** @throws TypeError where `monitor` is neither a name nor a function, or a function without `mode` */
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
   * Starts over, with the epochs that were seen before a checkpoint.
   * @throws RangeError where the run will have no such number
   * @throws TypeError where the better direction is unknown
   */
  reset({ history, dataset, options }: FitRun, delta = 0, seen = history): void {
    const monitor = this.#monitor;
    this.#mode =
      typeof monitor === "function"
        ? modeOfFunction(this.owner, this.#told)
        : modeOf(this.owner, monitor, this.#told, monitorable(dataset, options));
    this.best = undefined;
    for (const epoch of seen) this.isBest(epoch, delta);
  }

  /**
   * Whether the epoch beats the best one before it by more than `delta`.
   * @throws Error where the epoch has no such number
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
