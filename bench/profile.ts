/** Profile of a training step: the time of each launch, beside the device's peak. */
import { type Ceiling, describe, type GpuEngine, type LaunchTimes, launchProfiles } from "wgrad";
import { chromeTrace, measureCeiling } from "wgrad/inspect";
import { formatCeiling } from "./ceiling.ts";
import { significant } from "./measure.ts";
import { note } from "./options.ts";
import type { Candidate } from "./workload.ts";

interface Profile {
  readonly ceiling: Ceiling;
  readonly method: LaunchTimes["method"];
  /** Time of each launch in each step. */
  readonly milliseconds: LaunchTimes["milliseconds"];
}

const STEPS = 50;

export async function profileStep(engine: GpuEngine, candidate: Candidate): Promise<Profile> {
  note("measuring what the device can do");
  const ceiling = await measureCeiling(engine);
  note(`profiling ${STEPS} steps`);
  const { method, milliseconds } = await candidate.profile(STEPS);
  return { ceiling, method, milliseconds };
}

const METHODS = {
  timestamps: "by the device's timestamps, each launch in a pass of its own",
  differences: "by differences between runs of ever more launches, as the device has no timestamps",
  clock: "by the processor's clock",
} as const;

export function profileLines({ step: { program } }: Candidate, profile: Profile): string[] {
  const total = launchProfiles(program, profile).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return [
    "",
    describe(program, profile),
    `Medians of ${profile.milliseconds[0]?.length} steps, ${METHODS[profile.method]}; ${significant(total)} ms in all.`,
    `Share: of ${formatCeiling(profile.ceiling)}, whichever takes longer.`,
    "",
  ];
}

/** For chrome://tracing, Perfetto and the browsers' tools. */
export function profileTrace({ step: { program } }: Candidate, profile: Profile): string {
  return chromeTrace(program, profile);
}
