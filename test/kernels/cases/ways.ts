/** The kernels' cases in every way that devices may compute them, for tests on the software GPU and programs on any. */
import type { Constants, DeviceTraits } from "../../../src/kernels/kernel.ts";
import { variantsOf } from "../../../src/kernels/variants.ts";
import type { KernelCase } from "./case.ts";
import { kernelCases } from "./index.ts";

/** Wide devices of several kinds: of 32 or 64 lanes, without subgroups of one size, and with the least that WebGPU grants. */
export const WIDE: Readonly<Record<string, DeviceTraits>> = {
  "32 lanes": { subgroupSize: 32, workgroupBytes: 49152, workgroupInvocations: 1024 },
  "64 lanes": { subgroupSize: 64, workgroupBytes: 32768, workgroupInvocations: 1024 },
  "lanes vary": { workgroupBytes: 32768, workgroupInvocations: 1024 },
  least: { workgroupBytes: 16384, workgroupInvocations: 256 },
};

/** A case, computed in one way. */
export interface Way {
  readonly case: KernelCase;
  /** The kernel, and the constants that differ from the original case's: "matmulTiled TILE_M 8, TILE_N 8". */
  readonly variant: string;
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
  const add = (one: KernelCase, kernel: string, constants: Constants, rank: number) => {
    const known = one.run.reads ?? one.run;
    if (!reads.has(known)) reads.set(known, reads.size);
    const key = JSON.stringify([reads.get(known), kernel, Object.entries(constants).sort(), one.run.hooks]);
    if (ways.has(key)) return;
    const changed = Object.entries(constants).filter(([name, value]) => one.run.constants[name] !== value);
    const variant = [kernel, changed.map(([name, value]) => `${name} ${value}`).join(", ")].join(" ").trim();
    ways.set(key, { case: { ...one, run: { ...one.run, kernel, constants } }, variant, rank });
  };
  const all = Object.values(cases).flat();
  traits.forEach((device, at) => {
    for (const one of all) {
      const { kernel, constants, hooks = {} } = one.run;
      variantsOf({ label: "", kernel, constants, hooks, bindings: {} }, device).forEach((way, i) => {
        add(one, way.kernel, way.constants, 2 * at + (i === 0 ? 0 : 1));
      });
    }
  });
  for (const one of all) add(one, one.run.kernel, one.run.constants, 1);
  return [...ways.values()].sort((a, b) => a.rank - b.rank).map(({ rank: _, ...way }) => way);
}
