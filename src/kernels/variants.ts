/** Variants of a program's dispatches. */
import { type Dispatch, IMMEDIATE_SLOTS, launchesOf, type Program } from "../program.ts";
import { kernelNamed } from "./index.ts";
import type { DeviceTraits } from "./kernel.ts";
import { canShareLaunch } from "./launch.ts";

/** The variants of a dispatch for such a device; the first is a good guess. */
export function variantsOf(dispatch: Dispatch, traits: DeviceTraits): Dispatch[] {
  const variants = kernelNamed(dispatch.kernel).variants?.(dispatch.constants, traits) ?? [];
  return (variants.length > 0 ? variants : [dispatch]).map(({ kernel, constants }) => ({
    ...dispatch,
    kernel,
    constants,
    numbers: kernelNamed(kernel).numbers?.(constants, traits) ?? [],
  }));
}

/** The program with the variant of each dispatch that `choose` returns. */
export function withVariants(program: Program, choose: (dispatch: Dispatch) => Dispatch): Program {
  const dispatches = launchesOf(program).flatMap((launch) => {
    const chosen = launch.map(choose);
    // Workgroups of different sizes cannot share a launch.
    return canShareLaunch(chosen, program.buffers)
      ? chosen
      : chosen.map((dispatch) => ({ ...dispatch, joined: false }));
  });
  return { ...program, dispatches };
}

/** The program with its step scalars as immediates, if they fit. */
export function withImmediates(program: Program): Program {
  return { ...program, immediates: program.scalars.length <= IMMEDIATE_SLOTS };
}
