/** Joins dispatches that follow each other and do not depend on each other: a launch less for each. */
import { isWritten } from "../../kernels/index.ts";
import { canShareLaunch } from "../../kernels/launch.ts";
import { type Dispatch, independent, MAX_STORAGE_BINDINGS } from "../../program.ts";

/** The same dispatches in the same order, as many as possible joined to those before them. */
export function joinDispatches(dispatches: readonly Dispatch[]): Dispatch[] {
  let launch: Dispatch[] = [];
  return dispatches.map((dispatch) => {
    const joined =
      launch.length > 0 &&
      launch.every((other) => independent(other, dispatch, isWritten)) &&
      canShareLaunch([...launch, dispatch], MAX_STORAGE_BINDINGS);
    launch = joined ? [...launch, dispatch] : [dispatch];
    return joined ? { ...dispatch, joined } : dispatch;
  });
}
