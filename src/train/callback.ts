/** Callbacks of a run of `fit`. `wgrad/callbacks` has the usual ones. */
import { inWords, isClass } from "../checks.ts";
import type { Epoch, FitRun } from "./fit.ts";

export interface Callback {
  readonly name: string;
  /** Called before the first epoch; `run.history` then holds the epochs of a checkpoint, if the run resumes one. */
  onStart?(run: FitRun): void | Promise<void>;
  /**
   * Called after each epoch, before the caller gets it.
   * @returns "stop" to end the run with this epoch
   */
  onEpoch?(epoch: Epoch, run: FitRun): "stop" | undefined | Promise<"stop" | undefined>;
  /** Called after the last epoch, and when the caller stops iterating; not after a failure. */
  onEnd?(run: FitRun): void | Promise<void>;
  /**
   * Called after a failure in place of `onEnd`, before the caller gets the error: a loss or weight that is not finite,
   * a lost device, another callback's error, or a signal's reason. An error of `onError` itself is dropped.
   */
  onError?(error: unknown, run: FitRun): void | Promise<void>;
}

/** A callback for epochs only: its `onEpoch`. */
export type EpochFunction = NonNullable<Callback["onEpoch"]>;

/** @throws TypeError in the name of `owner`, where a callback is none */
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
