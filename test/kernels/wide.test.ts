/**
 * All variants that kernels have for wide devices, run on the adapter at hand: each agrees with the kernel's twin, and
 * to the bit with the variants that tuning measures it against. New variants of a kernel are among them by themselves.
 */
import { describe, expect, it } from "vitest";
import type { Elements } from "../../src/dtypes.ts";
import { kernels } from "../../src/kernels/index.ts";
import type { DeviceTraits } from "../../src/kernels/kernel.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import type { Dispatch } from "../../src/program.ts";
import { difference } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { programRun, runKernel } from "../helpers/kernel-run.ts";
import type { KernelCase } from "./cases/case.ts";
import { kernelCases } from "./cases/index.ts";
import { runsOn, WIDE } from "./cases/ways.ts";

const engines = useEngines();

/** Number of variants computed at once: their compilations overlap. */
const AT_ONCE = 4;

/** A case computed in a variant. */
interface Way {
  readonly one: KernelCase;
  readonly variant: Dispatch;
  /** A device that computes the case so. */
  readonly traits: DeviceTraits;
}

/** Names what the variant changes: equal for all cases. */
function nameOf({ run }: KernelCase, { kernel, constants }: Dispatch): string {
  const own = Object.entries(constants).filter(([name, value]) => run.constants[name] !== value);
  return [kernel, ...own.map(([name, value]) => `${name} ${value}`)].join(" ");
}

/** All ways to compute the cases on wide devices, by the names of the variants. */
function waysOf(cases: readonly KernelCase[]): Map<string, Way[]> {
  const ways = new Map<string, Way[]>();
  for (const traits of WIDE) {
    for (const one of cases) {
      const dispatch = dispatchOf(one);
      for (const variant of variantsOf(dispatch, traits)) {
        const name = nameOf(one, variant);
        ways.set(name, [...(ways.get(name) ?? []), { one, variant, traits }]);
      }
    }
  }
  return ways;
}

function dispatchOf({ run }: KernelCase): Dispatch {
  return programRun(run).program.dispatches[0];
}

/** Whether the adapter at hand computes that way as the way's device does. */
function runsHere({ one: { run }, variant: { kernel, constants }, traits }: Way): boolean {
  return runsOn(engines.gpu.traits, traits, { ...run, kernel, constants });
}

/** Variants that one case has in a row: what they are compared with is computed once. */
const IN_A_ROW = 3;

/** One way for each variant that runs here. The cases take turns: all sizes and layouts have theirs. */
function picked(cases: readonly KernelCase[]): Way[] {
  const uses = new Map<KernelCase, number>();
  const turnsOf = ({ one }: Way) => Math.floor((uses.get(one) ?? 0) / IN_A_ROW);
  return [...waysOf(differing(cases)).values()].flatMap((ways) => {
    const here = ways.filter(runsHere);
    if (here.length === 0) return [];
    const way = here.reduce((best, next) => (turnsOf(next) < turnsOf(best) ? next : best));
    uses.set(way.one, (uses.get(way.one) ?? 0) + 1);
    return [way];
  });
}

/** The first of those cases that compute the same from the same memory, in one variant or another. */
function differing(cases: readonly KernelCase[]): KernelCase[] {
  return [...new Map([...cases].reverse().map((one) => [one.run.reads ?? one, one])).values()].reverse();
}

type Results = Record<string, Elements>;

/** Finds what is wrong with variants' results, and computes none of a case twice. */
class Inquiry {
  readonly #results = new Map<KernelCase, Map<string, Promise<Results>>>();

  #computed(one: KernelCase, variant?: Dispatch): Promise<Results> {
    const known = this.#results.get(one) ?? new Map<string, Promise<Results>>();
    this.#results.set(one, known);
    const name = variant ? nameOf(one, variant) : "twin";
    const { kernel, constants, numbers } = variant ?? one.run;
    const engine = variant ? engines.gpu : engines.cpu;
    const results = known.get(name) ?? runKernel(engine, { ...one.run, kernel, constants, numbers });
    known.set(name, results);
    return results;
  }

  /** What is wrong with a variant's results, in words. */
  async faultsOf({ one, variant, traits }: Way): Promise<string[]> {
    const { run, tolerance } = one;
    const [guess, ...others] = variantsOf(dispatchOf(one), traits);
    const [want, got, rival]: Results[] = await Promise.all([
      this.#computed(one),
      this.#computed(one, variant),
      others.length > 0 ? this.#computed(one, guess) : {},
    ]);
    return Object.keys({ ...run.updates, ...run.results }).flatMap((name) => {
      const twin = difference(name, got[name], want[name], tolerance);
      const bits = rival[name] && difference(name, got[name], rival[name], { rtol: 0, atol: 0 });
      const way = `${one.name}, ${nameOf(one, variant)}: `;
      return [twin, bits && `not as ${nameOf(one, guess)}: ${bits}`].flatMap((fault) =>
        fault ? way + fault : [],
      );
    });
  }
}

const varied = Object.entries(kernelCases).filter(([name]) => kernels[name].variants);

describe.each(varied)("the variants of %s for wide devices", (_kernel, cases) => {
  it("compute what its twin computes, each on a case", async () => {
    const ways = picked(cases);
    expect(ways.length).toBeGreaterThan(0);
    const faults: string[] = [];
    const inquiry = new Inquiry();
    for (let at = 0; at < ways.length; at += AT_ONCE) {
      const some = ways.slice(at, at + AT_ONCE);
      faults.push(...(await Promise.all(some.map((way) => inquiry.faultsOf(way)))).flat());
    }
    expect(faults).toEqual([]);
  }, 240_000);
});

it("a variant that computes something else is found, and so is one with other bits than its rivals", async () => {
  const inquiry = new Inquiry();
  const way = picked(kernelCases.matmul).find(
    ({ one, traits }) => one.run.constants.K > 2 && variantsOf(dispatchOf(one), traits).length > 1,
  ) as Way;
  expect(await inquiry.faultsOf(way)).toEqual([]);
  const { constants } = way.variant;
  const shorter = { ...way.variant, constants: { ...constants, K: constants.K - 1 } };
  expect(await inquiry.faultsOf({ ...way, variant: shorter })).toEqual([
    expect.stringMatching(/K \d+.*: result0: \d+ of \d+ are wrong/),
    expect.stringMatching(/not as matmul.*: result0: \d+ of \d+ are wrong/),
  ]);
});
