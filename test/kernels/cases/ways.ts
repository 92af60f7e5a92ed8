/** The kernels' cases in every way that devices may compute them, for tests on the software GPU and programs on any. */

import { kernels } from "../../../src/kernels/index.ts";
import type { Constants, DeviceTraits } from "../../../src/kernels/kernel.ts";
import { specialiseLaunch } from "../../../src/kernels/specialise.ts";
import { variantsOf } from "../../../src/kernels/variants.ts";
import { type KernelRun, programRun } from "../../helpers/kernel-run.ts";
import type { KernelCase } from "./case.ts";
import { kernelCases } from "./index.ts";

/** Wide devices of the kinds that kernels tell apart: by subgroups, and by the least and the usual limits. */
export const WIDE: readonly DeviceTraits[] = [undefined, 8, 32, 64].flatMap((subgroupSize) => [
  { subgroupSize, workgroupBytes: 16384, workgroupInvocations: 256 },
  { subgroupSize, workgroupBytes: 32768, workgroupInvocations: 1024 },
]);

/** Whether a device computes a run as one with the traits of `elsewhere` does. */
export function runsOn(here: DeviceTraits, elsewhere: DeviceTraits, run: KernelRun): boolean {
  const [x, y] = kernels[run.kernel].workgroup(run.constants);
  if (x * y > here.workgroupInvocations) return false;
  const { program } = programRun(run);
  const { code } = specialiseLaunch(program, program.dispatches);
  return !/\bsubgroup/.test(code) || here.subgroupSize === elsewhere.subgroupSize;
}

/** A case, computed in one way. */
export interface Way {
  readonly case: KernelCase;
  /** The kernel, and the constants that differ from the original case's: "matmulTiled TILE_M 8, TILE_N 8". */
  readonly variant: string;
  /** A device that computes the case so. */
  readonly traits: DeviceTraits;
}

/**
 * All cases in each way that devices with these traits compute them: the guesses of the first device before all others,
 * then its other variants, then those of the next. What two devices have in common comes once.
 */
export function waysOf(
  traits: readonly DeviceTraits[],
  cases: Readonly<Record<string, readonly KernelCase[]>> = kernelCases,
): Way[] {
  const ways = new Map<string, Way & { readonly rank: number }>();
  // Cases of a kernel share what they read; it is as good as a name.
  const reads = new Map<unknown, number>();
  const add = (one: KernelCase, kernel: string, constants: Constants, traits: DeviceTraits, rank: number) => {
    const known = one.run.reads ?? one.run;
    if (!reads.has(known)) reads.set(known, reads.size);
    const key = JSON.stringify([reads.get(known), kernel, Object.entries(constants).sort(), one.run.hooks]);
    if (ways.has(key)) return;
    const changed = Object.entries(constants).filter(([name, value]) => one.run.constants[name] !== value);
    const variant = [kernel, changed.map(([name, value]) => `${name} ${value}`).join(", ")].join(" ").trim();
    ways.set(key, { case: { ...one, run: { ...one.run, kernel, constants } }, variant, traits, rank });
  };
  const all = Object.values(cases).flat();
  traits.forEach((device, at) => {
    for (const one of all) {
      const { kernel, constants, hooks = {} } = one.run;
      variantsOf({ label: "", kernel, constants, hooks, bindings: {} }, device).forEach((way, i) => {
        add(one, way.kernel, way.constants, device, 2 * at + (i === 0 ? 0 : 1));
      });
    }
  });
  return [...ways.values()].sort((a, b) => a.rank - b.rank).map(({ rank: _, ...way }) => way);
}
