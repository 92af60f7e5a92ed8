/** Callbacks with a memory of the run: each watches one run at a time. */
import type { Callback, RestoredState } from "../train/callback.ts";
import type { FitRun } from "../train/fit.ts";

/** Refuses the callback to a second run while it watches one: its memory would mix both. */
export function exclusive<C extends Callback>(callback: C): C {
  const { name, onStart, onEnd, onError } = callback;
  let watched: FitRun | undefined;
  const ends = (run: FitRun) => {
    const own = watched === run;
    if (own) watched = undefined;
    return own;
  };
  return Object.assign(callback, {
    async onStart(run: FitRun, state?: RestoredState) {
      if (watched !== undefined && watched !== run)
        throw new Error(
          `${name}: this callback already watches another run; make one for each concurrent run`,
        );
      watched = run;
      return onStart?.call(callback, run, state);
    },
    async onEnd(run: FitRun) {
      if (ends(run)) await onEnd?.call(callback, run);
    },
    async onError(error: unknown, run: FitRun) {
      if (ends(run)) await onError?.call(callback, error, run);
    },
  });
}
