/** Whether a device and a kernel's twin agree about a case. */
import type { Elements } from "../../../src/index.ts";
import { difference } from "../../helpers/compare.ts";
import { GUARD } from "../../helpers/kernel-run.ts";
import type { KernelCase } from "./case.ts";

interface Verdict {
  /** What is wrong, a sentence each; empty where both agree. */
  readonly wrong: readonly string[];
  /** The largest difference of any element; NaN where one of both is no number, or their lengths differ. */
  readonly largest: number;
}

/** Holds what a device left in memory against what the twin left there. */
export function verdictOf(
  { run, tolerance, padding = [], unchanged = false }: KernelCase,
  got: Readonly<Record<string, Elements>>,
  want: Readonly<Record<string, Elements>>,
): Verdict {
  const wrong: string[] = [];
  let largest = 0;
  for (const name of Object.keys({ ...run.updates, ...run.results })) {
    const differs = difference(name, got[name], want[name], tolerance);
    if (differs !== undefined) wrong.push(differs);
    largest = Math.max(largest, largestDifference(got[name], want[name]));
    // Twins that do nothing would agree as well. A single index or count may be zero, though.
    const idle = want[name].every((value, i) => value === (run.updates?.[name]?.[i] ?? 0));
    if (want[name].length > GUARD + 10 && idle !== unchanged)
      wrong.push(`${name}: the twin ${idle ? "computed nothing" : "changed what should stay"}`);
  }
  for (const name of Object.keys(run.updates ?? {})) {
    for (const [who, memory] of [["device", got[name]] as const, ["twin", want[name]] as const]) {
      const written = padding.filter((i) => memory[i] !== 0);
      if (written.length > 0) wrong.push(`${name}: the ${who} wrote to padding at ${written.join(", ")}`);
    }
  }
  return { wrong, largest };
}

function largestDifference(got: Elements, want: Elements): number {
  if (got.length !== want.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i]) || got[i] === want[i]) continue;
    const one = Math.abs(got[i] - want[i]);
    if (Number.isNaN(one)) return Number.NaN;
    largest = Math.max(largest, one);
  }
  return largest;
}
