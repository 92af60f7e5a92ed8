/** The number of an epoch that a callback goes by. */
import { inWords, type OptionKinds } from "../checks.ts";
import type { Epoch } from "../train/fit.ts";
import { checkMode, type Mode, usualMode, valueAt } from "../train/monitor.ts";

export interface MonitorOptions {
  /**
   * "loss" (the default), "accuracy", or a metric by its name or a path into its value ("rocAuc.auc"), all of the
   * validation set where there is one; or any function of the epoch.
   */
  readonly monitor?: string | ((epoch: Epoch) => number);
  /** Whether the largest number is the best, or the smallest (default: "min" for the loss, "max" for all else). */
  readonly mode?: Mode;
}

export const MONITOR_OPTIONS: OptionKinds<MonitorOptions> = { monitor: "any", mode: "string" };

/** Judges epochs by their number. */
export class Judge {
  readonly #monitor: NonNullable<MonitorOptions["monitor"]>;
  readonly #mode: Mode;

  constructor(
    readonly owner: string,
    { monitor = "loss", mode = usualMode(monitor) }: MonitorOptions,
  ) {
    if (typeof monitor !== "string" && typeof monitor !== "function") {
      throw new TypeError(
        `${owner}: monitor is ${inWords(monitor)}; give "loss", "accuracy", a metric's name, or a function of the epoch`,
      );
    }
    checkMode(owner, mode);
    this.#monitor = monitor;
    this.#mode = mode;
  }

  /** The best epoch so far, and its number. */
  best: { readonly epoch: number; readonly value: number } | undefined;

  /** Begins anew, with the epochs that lie behind a checkpoint. */
  reset(history: readonly Epoch[], delta = 0): void {
    this.best = undefined;
    for (const epoch of history) this.isBest(epoch, delta);
  }

  /**
   * Whether the epoch is better than the best before it, by more than `delta`.
   * @throws Error where it has no such number
   */
  isBest(epoch: Epoch, delta = 0): boolean {
    const value = this.#number(epoch);
    if (this.best) {
      const gain = this.#mode === "max" ? value - this.best.value : this.best.value - value;
      if (!(gain > delta)) return false;
    }
    this.best = { epoch: epoch.epoch, value };
    return true;
  }

  #number(epoch: Epoch): number {
    const monitor = this.#monitor;
    const { loss, accuracy, validation = { loss, accuracy } } = epoch;
    const value = typeof monitor === "function" ? monitor(epoch) : valueAt(validation, monitor);
    if (typeof value === "number" && !Number.isNaN(value)) return value;
    const name = typeof monitor === "function" ? "its monitor" : `"${monitor}"`;
    throw new Error(
      `${this.owner}: ${name} is ${String(value)} in epoch ${epoch.epoch}; there is "loss", "accuracy" where the data has classes, and what the option metrics of fit names`,
    );
  }
}
