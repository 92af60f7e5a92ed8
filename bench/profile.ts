/** Profile of a training step: the time of each launch, beside the device's peak. */
import type { Command } from "commander";
import { type Ceiling, describe, type Engine, type LaunchTimes, launchProfiles } from "wgrad";
import { chromeTrace } from "wgrad/inspect";
import { ceilingOf, formatCeiling } from "./ceiling.ts";
import { significant } from "./measure.ts";
import {
  batchOption,
  benchmark,
  type EngineFlags,
  endOf,
  engineOptions,
  modelOption,
  type NamedModel,
  note,
  type OutputFlags,
  openMeasured,
  outputOptions,
  seedOption,
} from "./options.ts";
import { publish, type Report } from "./report.ts";
import { Candidate, COMPARED_STEPS, layersOf, samples, type Workload } from "./workload.ts";

interface Profile {
  readonly ceiling: Ceiling;
  readonly method: LaunchTimes["method"];
  /** Time of each launch in each step. */
  readonly milliseconds: LaunchTimes["milliseconds"];
}

const STEPS = 50;

interface ProfileFlags extends EngineFlags, OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly seed: number;
}

export function profileCommand(): Command {
  const command = benchmark(
    "profile",
    "time of each launch of a training step, its fraction of the device's peak, and a trace for Chrome",
  )
    .addOption(modelOption())
    .addOption(batchOption())
    .addOption(seedOption())
    .action(async ({ model, batch = model.batch, ...flags }: ProfileFlags) => {
      await using engine = await openMeasured(flags);
      const layers = layersOf(model);
      const adapter = engine.info.adapter;
      const report: Report = {
        name: `profile-${model.name}-${batch}${endOf(engine)}`,
        lines: [`One training step of ${layers.join("-")}, batch ${batch}, on ${adapter}`],
        object: { benchmark: "profile", adapter, layers, batch },
      };
      const workload = { ...model, ...flags, batch };
      await publish(await withProfile(report, engine, workload, flags.threads), flags);
    });
  for (const option of [...engineOptions(), ...outputOptions()]) command.addOption(option);
  return command;
}

/** The report with the profile of a step of its own: a step that is timed runs without profiling. */
export async function withProfile(
  report: Report,
  engine: Engine,
  workload: Workload,
  threads?: number,
): Promise<Report> {
  const candidate = await Candidate.open(engine, workload, samples(workload.seed));
  await candidate.run(COMPARED_STEPS);
  const profile = await profileStep(engine, candidate, threads);
  return {
    ...report,
    lines: [...report.lines, ...profileLines(candidate, profile)],
    object: { ...report.object, profile },
    files: { "-trace.json": profileTrace(candidate, profile) },
  };
}

async function profileStep(engine: Engine, candidate: Candidate, threads?: number): Promise<Profile> {
  note("measuring what the device can do");
  const ceiling = await ceilingOf(engine, threads);
  note(`profiling ${STEPS} steps`);
  const { method, milliseconds } = await candidate.profile(STEPS);
  return { ceiling, method, milliseconds };
}

const METHODS = {
  timestamps: "by the device's timestamps, each launch in a pass of its own",
  differences: "by differences between runs of ever more launches, as the device has no timestamps",
  clock: "by the processor's clock",
} as const;

function profileLines({ step: { program } }: Candidate, profile: Profile): string[] {
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
function profileTrace({ step: { program } }: Candidate, profile: Profile): string {
  return chromeTrace(program, profile);
}
