/** The choice between the ways a kernel can be computed, for the dispatches of a program. */
import { type Dispatch, launchesOf, type Program } from "../program.ts";
import { kernelNamed } from "./index.ts";
import type { DeviceTraits } from "./kernel.ts";
import { canShareLaunch } from "./launch.ts";

/** The dispatch in all the ways its kernel knows of for such a device; the first is a good guess. */
export function variantsOf(dispatch: Dispatch, traits: DeviceTraits): Dispatch[] {
  const variants = kernelNamed(dispatch.kernel).variants?.(dispatch.constants, traits) ?? [];
  return variants.length === 0 ? [dispatch] : variants.map((variant) => ({ ...dispatch, ...variant }));
}

/** The program with each dispatch computed the way that `choose` says. */
export function withVariants(program: Program, choose: (dispatch: Dispatch) => Dispatch): Program {
  const dispatches = launchesOf(program).flatMap((launch) => {
    const chosen = launch.map(choose);
    // Workgroups of different sizes cannot be one launch.
    return canShareLaunch(chosen, program.buffers)
      ? chosen
      : chosen.map((dispatch) => ({ ...dispatch, joined: false }));
  });
  return { ...program, dispatches };
}
