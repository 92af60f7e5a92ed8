/** What a run of `fit` calls while it goes on. `wgrad/callbacks` has the usual ones. */
import type { Epoch, FitRun } from "./fit.ts";

export interface Callback {
  readonly name: string;
  /** Before the first epoch; `run.history` holds the epochs of a checkpoint that the run goes on from. */
  onStart?(run: FitRun): void | Promise<void>;
  /** After each epoch, before it is handed out. @returns "stop" to make it the last one */
  onEpoch?(epoch: Epoch, run: FitRun): "stop" | undefined | Promise<"stop" | undefined>;
  /** After the last epoch, and when the caller stops iterating; not after a failure. */
  onEnd?(run: FitRun): void | Promise<void>;
}
