/** Which dispatches run together: a launch less for each that need not wait for the one before it. */
import { isWritten } from "../../kernels/index.ts";
import { canShareLaunch } from "../../kernels/launch.ts";
import { type Dispatch, independent, MAX_STORAGE_BINDINGS } from "../../program.ts";

/** The same dispatches in an order of equal effect, as many as possible joined to those before them. */
export function joinDispatches(dispatches: readonly Dispatch[]): Dispatch[] {
  let launch: Dispatch[] = [];
  return byLevel(dispatches).map((dispatch) => {
    const joined =
      launch.length > 0 &&
      launch.every((other) => independent(other, dispatch, isWritten)) &&
      canShareLaunch([...launch, dispatch], MAX_STORAGE_BINDINGS);
    launch = joined ? [...launch, dispatch] : [dispatch];
    return joined ? { ...dispatch, joined } : dispatch;
  });
}

/**
 * Ordered by how many others each has to wait for, one after the other: those that need not wait for each other become
 * neighbours, of the same kernel if possible, and results are used up as soon as they can be.
 */
function byLevel(dispatches: readonly Dispatch[]): Dispatch[] {
  const levels: number[] = [];
  dispatches.forEach((dispatch, i) => {
    levels[i] = 0;
    for (let before = 0; before < i; before++) {
      if (levels[before] >= levels[i] && !independent(dispatches[before], dispatch, isWritten))
        levels[i] = levels[before] + 1;
    }
  });
  return dispatches
    .map((dispatch, i) => ({ dispatch, level: levels[i], position: i }))
    .sort(
      (a, b) =>
        a.level - b.level || a.dispatch.kernel.localeCompare(b.dispatch.kernel) || a.position - b.position,
    )
    .map(({ dispatch }) => dispatch);
}
