/** What a run of `fit` calls while it goes on. `wgrad/callbacks` has the usual ones. */
import { inWords, isClass } from "../checks.ts";
import type { Epoch, FitRun } from "./fit.ts";

export interface Callback {
  readonly name: string;
  /** Before the first epoch; `run.history` holds the epochs of a checkpoint that the run goes on from. */
  onStart?(run: FitRun): void | Promise<void>;
  /** After each epoch, before it is handed out. @returns "stop" to make it the last one */
  onEpoch?(epoch: Epoch, run: FitRun): "stop" | undefined | Promise<"stop" | undefined>;
  /** After the last epoch, and when the caller stops iterating; not after a failure. */
  onEnd?(run: FitRun): void | Promise<void>;
  /**
   * After a failure, in place of `onEnd`, before the caller gets the error: that of a loss or weight that is no number, of a
   * lost device, of another callback, or a signal's reason. What it throws itself is dropped.
   */
  onError?(error: unknown, run: FitRun): void | Promise<void>;
}

/** A callback that is only told of epochs: its `onEpoch`. */
export type EpochFunction = NonNullable<Callback["onEpoch"]>;

/** @throws TypeError for what is no callback, in the name of `owner` */
export function asCallbacks(owner: string, callbacks: readonly (Callback | EpochFunction)[]): Callback[] {
  if (!Array.isArray(callbacks))
    throw new TypeError(`${owner}: callbacks is ${inWords(callbacks)}; give an array: [earlyStopping()]`);
  return callbacks.map((callback, i) => {
    if (typeof callback === "function" && !isClass(callback))
      return { name: callback.name || "function", onEpoch: callback };
    const { onStart, onEpoch, onEnd, onError } = Object(callback) as Partial<Callback>;
    const parts = [onStart, onEpoch, onEnd, onError].filter((part) => part !== undefined);
    if (parts.length > 0 && parts.every((part) => typeof part === "function")) return callback;
    throw new TypeError(
      `${owner}: callbacks[${i}] is ${inWords(callback)}; give one such as earlyStopping(), an object with onStart, onEpoch or onEnd, or a function of an epoch`,
    );
  });
}
