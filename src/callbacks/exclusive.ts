/** Callbacks that remember something of a run: each watches one run at a time. */
import type { Callback } from "../train/callback.ts";
import type { FitRun } from "../train/fit.ts";

/** The callback, refused to a run while it watches another: what it remembers would be of both. */
export function exclusive<C extends Callback>(callback: C): C {
  const { name, onStart, onEnd, onError } = callback;
  let watched: FitRun | undefined;
  const ends = (run: FitRun) => {
    const own = watched === run;
    if (own) watched = undefined;
    return own;
  };
  return Object.assign(callback, {
    async onStart(run: FitRun) {
      if (watched !== undefined && watched !== run)
        throw new Error(`${name}: it watches another run already; make one for each run that goes on`);
      watched = run;
      await onStart?.call(callback, run);
    },
    async onEnd(run: FitRun) {
      if (ends(run)) await onEnd?.call(callback, run);
    },
    async onError(error: unknown, run: FitRun) {
      if (ends(run)) await onError?.call(callback, error, run);
    },
  });
}
