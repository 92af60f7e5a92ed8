/** The number of an epoch that a callback goes by. */
import type { Epoch } from "../train/fit.ts";

/**
 * `loss` and `accuracy` are the validation set's where there is one. A function of the epoch gives any other number,
 * smaller ones taken to be better unless `larger` says otherwise.
 */
export type Monitor = "loss" | "accuracy" | ((epoch: Epoch) => number);

export interface MonitorOptions {
  /** Default: the loss. */
  readonly monitor?: Monitor;
  /** Whether larger is better (default: for accuracy only). */
  readonly larger?: boolean;
}

/** Judges epochs by their number. */
export class Judge {
  readonly #larger: boolean;

  constructor(
    readonly owner: string,
    readonly options: MonitorOptions,
  ) {
    const { monitor = "loss", larger } = options;
    if (monitor !== "loss" && monitor !== "accuracy" && typeof monitor !== "function") {
      throw new TypeError(
        `${owner}: monitor is ${JSON.stringify(monitor)}; give "loss", "accuracy" or a function of the epoch`,
      );
    }
    this.#larger = larger ?? monitor === "accuracy";
  }

  /** @throws Error where the epoch has no such number */
  number(epoch: Epoch): number {
    const { monitor = "loss" } = this.options;
    const value =
      typeof monitor === "function" ? monitor(epoch) : (epoch.validation?.[monitor] ?? epoch[monitor]);
    if (typeof value === "number" && !Number.isNaN(value)) return value;
    const hint = monitor === "accuracy" ? "; accuracy needs a data set with classes" : "";
    throw new Error(`${this.owner}: what it monitors is ${value} in epoch ${epoch.epoch}${hint}`);
  }

  /** Whether `value` is better than `best` by more than `delta`. */
  better(value: number, best: number | undefined, delta = 0): boolean {
    if (best === undefined) return true;
    return this.#larger ? value - best > delta : best - value > delta;
  }
}
