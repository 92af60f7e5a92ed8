/** Callbacks of a run of `fit`. `wgrad/callbacks` has the usual ones. */
import { inWords, isClass } from "../checks.ts";
import type { Epoch, FitRun, Progress } from "./fit.ts";
import type { TensorData } from "./trainer.ts";

/** What a callback remembers of a run. */
export interface CallbackState {
  /** Plain data: numbers, NaN and infinities among them, texts, lists, typed arrays and objects of these. */
  readonly values?: unknown;
  /** Tensors by name, such as weights. */
  readonly tensors?: Readonly<Record<string, TensorData>>;
}

/** A callback's state from a checkpoint. */
export interface RestoredState extends Required<CallbackState> {
  /** Number of epochs that the callback had seen; those behind them are told anew. */
  readonly epochs: number;
}

export interface Callback {
  readonly name: string;
  /**
   * Called before the first epoch. If the run resumes a checkpoint, `run.history` then holds the checkpoint's epochs,
   * and `state` what the callback of the same name gave as its state.
   * @returns "stop" to end the run at once
   */
  onStart?(
    run: FitRun,
    state?: RestoredState,
  ): "stop" | undefined | void | Promise<"stop" | undefined | void>;
  /** Called after each submit, a few times a second. An error ends the run. */
  onProgress?(progress: Progress, run: FitRun): void;
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
  /** What `onStart` needs to go on after a resume. Called for each checkpoint; arrays are read at once. */
  state?(run: FitRun): CallbackState;
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
    const { onStart, onProgress, onEpoch, onEnd, onError, state } = Object(callback) as Partial<Callback>;
    const parts = [onStart, onProgress, onEpoch, onEnd, onError, state].filter((part) => part !== undefined);
    if (parts.length > 0 && parts.every((part) => typeof part === "function")) return callback;
    throw new TypeError(
      `${owner}: callbacks[${i}] is ${inWords(callback)}; give one such as earlyStopping(), an object with onStart, onEpoch or onEnd, or a function of an epoch`,
    );
  });
}
