/**
 * What real GPUs' compilers make of a training step, on a machine that has no such GPU: registers, occupancy, and what the
 * inner loop of each launch issues. Nothing runs and nothing is timed.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DeviceTraits } from "wgrad/inspect";
import { folder, wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { type Counts, innerLoop } from "./isa/assembly.ts";
import { ceilingShare, lanesUsed, stepBound } from "./isa/bound.ts";
import { type Compiled, compileFor } from "./isa/compile.ts";
import { type Launch, readFolder, type Step, stepChoice, stepOn, writeFolder } from "./isa/launches.ts";
import { radvManifest } from "./isa/packages.ts";
import { toSpirv } from "./isa/spirv.ts";
import { benchmark, MAX_BATCH, note, type OutputFlags, outputOptions } from "./options.ts";
import { publish, type Report } from "./report.ts";

/** By the driver's names. */
const FAMILIES = {
  navi31: "RDNA 3",
  navi21: "RDNA 2",
  vega10: "GCN 5",
  gfx1201: "RDNA 4",
} as const;
type Family = keyof typeof FAMILIES;

const DEFAULT_FAMILIES: readonly Family[] = ["navi31", "navi21", "vega10"];
const DEFAULT_STEPS = ["mlp", "conv", "30", "transformer"];

interface IsaFlags extends OutputFlags {
  readonly subgroup: "none" | number;
  readonly workgroupBytes: number;
  readonly invocations: number;
  readonly batch?: number;
  readonly families: readonly Family[];
  readonly asm?: boolean;
  readonly wgsl?: string;
}

/** A launch, compiled for one family. */
interface LaunchCode {
  readonly family: Family;
  readonly wave: number;
  /** Vector registers of a lane. */
  readonly registers: number;
  /** Vector registers that did not fit. */
  readonly spills: number;
  readonly scratchBytes: number;
  readonly workgroupBytes: number;
  readonly wavesPerSimd: number;
  readonly codeBytes: number;
  /** Share of lanes at work. */
  readonly lanes: number;
  /** Of the inner loop; undefined where there is no disassembly. */
  readonly innerLoop?: Counts;
  /** Share of the f32 ceiling; undefined where the inner loop has no multiply-adds. */
  readonly bound?: number;
}

interface LaunchResult extends Omit<Launch, "code"> {
  readonly workgroup: readonly [number, number, number];
  readonly code: readonly LaunchCode[];
}

interface StepResult {
  readonly name: string;
  readonly title: string;
  readonly launches: readonly LaunchResult[];
  /** Share of the f32 ceiling over the step, by family. */
  readonly bound: Readonly<Partial<Record<Family, number>>>;
}

export function isaCommand(): Command {
  const command = benchmark(
    "isa",
    "what the compilers of real GPUs make of each launch of a step, on a machine without any",
  )
    .argument(
      "[steps...]",
      "mlp, conv, transformer, hidden widths such as 30 or 96-200-48, or folders that --wgsl wrote",
      (text: string, before: string[] | undefined) => [...(before ?? []), checkedStep(text)],
    )
    .addOption(
      new Option("--subgroup <n>", "the device's subgroup size; none where sizes vary, as on AMD and Intel")
        .argParser(subgroup)
        .default("none"),
    )
    .addOption(
      new Option("--workgroup-bytes <n>", "the device's limit of workgroup memory")
        .argParser(wholeNumber(16_384, 2 ** 20))
        .default(32_768),
    )
    .addOption(
      new Option("--invocations <n>", "the device's limit of invocations in a workgroup")
        .argParser(wholeNumber(128, 1024))
        .default(1024),
    )
    .addOption(
      new Option(
        "--batch <n>",
        "samples a step (default: 128; of conv 250, of 30 10, of transformer 16)",
      ).argParser(wholeNumber(1, MAX_BATCH)),
    )
    .addOption(
      new Option(
        "--families <names>",
        "of navi31 (RDNA 3), navi21 (RDNA 2), vega10 (GCN 5) and gfx1201 (RDNA 4)",
      )
        .argParser(families)
        .default(DEFAULT_FAMILIES, DEFAULT_FAMILIES.join(",")),
    )
    .addOption(new Option("--asm", "also the disassembly of each launch, into files beside the report"))
    .addOption(
      new Option(
        "--wgsl <folder>",
        "writes each launch as NN-kernel.wgsl and NN-kernel.json into a folder for each step, and compiles nothing",
      ).argParser(folder),
    )
    .action(isa);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

function checkedStep(text: string): string {
  if (isFolder(text)) return text;
  try {
    stepChoice(text);
  } catch {
    throw new InvalidArgumentError(
      `Expected mlp, conv, transformer, hidden widths such as 96-200-48, or a folder, not ${text}.`,
    );
  }
  return text;
}

/** The names of steps win over those of folders. */
function isFolder(text: string): boolean {
  if (/^(mlp|conv|convnet|transformer|[\d-]+)$/.test(text)) return false;
  return existsSync(text) && statSync(text).isDirectory();
}

function subgroup(text: string): IsaFlags["subgroup"] {
  if (text === "none") return text;
  const size = Number(text);
  if (size === 32 || size === 64) return size;
  throw new InvalidArgumentError("Expected none, 32 or 64.");
}

function families(text: string): Family[] {
  const names = text.split(",");
  if (!names.every((name): name is Family => name in FAMILIES))
    throw new InvalidArgumentError(`Expected names of ${Object.keys(FAMILIES).join(", ")}.`);
  return names as Family[];
}

async function isa(asked: readonly string[] | undefined, flags: IsaFlags): Promise<void> {
  const traits: DeviceTraits = {
    subgroupSize: flags.subgroup === "none" ? undefined : flags.subgroup,
    workgroupBytes: flags.workgroupBytes,
    workgroupInvocations: flags.invocations,
  };
  const manifest = flags.wgsl === undefined ? radvManifest() : "";
  const names = asked === undefined || asked.length === 0 ? DEFAULT_STEPS : asked;
  const steps: Step[] = [];
  for (const name of names) {
    steps.push(isFolder(name) ? await readFolder(name) : await stepOn(traits, stepChoice(name), flags.batch));
  }
  if (flags.wgsl !== undefined) {
    for (const step of steps) {
      await writeFolder(join(flags.wgsl, step.name), step);
      note(`written: ${step.launches.length} launches into ${join(flags.wgsl, step.name)}`);
    }
    return;
  }
  const { results, assembly, driver } = await compiled(steps, flags.families, manifest);
  await publish(isaReport(results, traits, driver, flags.asm ? assembly : {}), flags);
}

async function compiled(steps: readonly Step[], families: readonly Family[], manifest: string) {
  const launches = steps.flatMap((step) =>
    step.launches.map(({ name, ...rest }) => ({ ...rest, name: `${step.name}, ${name}` })),
  );
  note(`compiling ${launches.length} launches for ${families.map((family) => FAMILIES[family]).join(", ")}`);
  const modules = await toSpirv(launches);
  const names = launches.map(({ name }) => name);
  const all = await Promise.all(families.map((family) => compileFor(family, modules, names, manifest)));
  const assembly: Record<string, string> = {};
  let next = 0;
  const results = steps.map((step): StepResult => {
    const compiledLaunches = step.launches.map(({ code: _, ...launch }): LaunchResult => {
      const at = next++;
      const { workgroup } = modules[at];
      const code = families.map((family, i) => {
        const one = all[i].compiled[at];
        if (one.assembly) assembly[`-${step.name}-${launch.name}-${family}.s`] = one.assembly;
        return launchCode(family, one, workgroup);
      });
      return { ...launch, workgroup, code };
    });
    const bound = families.map((family, i) => [
      family,
      stepBound(compiledLaunches.map(({ flops, code }) => ({ flops, bound: code[i].bound }))),
    ]);
    return {
      name: step.name,
      title: step.title,
      launches: compiledLaunches,
      bound: Object.fromEntries(bound.filter(([, share]) => share !== undefined)),
    };
  });
  return { results, assembly, driver: all[0]?.driver ?? "" };
}

function launchCode(
  family: Family,
  { wave, statistics, assembly }: Compiled,
  [x, y, z]: readonly [number, number, number],
): LaunchCode {
  const lanes = lanesUsed(x * y * z, wave);
  const scratchBytes = statistics["Scratch size"];
  const counts = assembly === "" ? undefined : innerLoop(assembly);
  const bound =
    counts === undefined || counts.multiplyAdds === 0 ? undefined : ceilingShare(counts, lanes, scratchBytes);
  return {
    family,
    wave,
    registers: statistics.VGPRs,
    spills: statistics["Spilled VGPRs"],
    scratchBytes,
    workgroupBytes: statistics["LDS size"],
    wavesPerSimd: statistics["Subgroups per SIMD"],
    codeBytes: statistics["Code size"],
    lanes,
    innerLoop: counts,
    bound,
  };
}

const percent = (share: number | undefined) => (share === undefined ? "–" : `${(share * 100).toFixed(0)} %`);

const HEADINGS = [
  "launch",
  "MFLOP",
  "workgroups",
  "invocations",
  "GPU",
  "registers",
  "spills",
  "scratch",
  "shared bytes",
  "waves",
  "code bytes",
  "multiply-adds",
  "slots",
  "shared",
  "loads",
  "lanes",
  "bound",
];

function isaReport(
  steps: readonly StepResult[],
  traits: DeviceTraits,
  driver: string,
  files: Readonly<Record<string, string>>,
): Report {
  const size = traits.subgroupSize ?? "none";
  return {
    name: `isa-${steps.map(({ name }) => name).join("-")}-${size}`,
    lines: [
      ...steps.flatMap(stepLines),
      "Bound: the largest share of the f32 ceiling that the code leaves: multiply-adds in the inner loop by the turns of the vector",
      "unit that it takes, of lanes at work. Workgroup memory, caches and waits come on top. Nothing was run or timed.",
      `Compiled by ${driver} for a device of subgroup size ${size}, ${traits.workgroupBytes} bytes and ${traits.workgroupInvocations} invocations a workgroup.`,
    ],
    object: { benchmark: "isa", adapter: `RADV, ${driver}, no GPU`, traits, steps },
    files,
  };
}

function stepLines({ title, launches, bound }: StepResult): string[] {
  const rows = launches.flatMap(({ name, flops, workgroups, workgroup, code }) =>
    code.map((one, i) => [
      i === 0 ? name : "",
      i === 0 ? (flops / 1e6).toFixed(2) : "",
      i === 0 ? workgroups.join("×") : "",
      i === 0 ? workgroup.join("×") : "",
      FAMILIES[one.family],
      ...[
        one.registers,
        one.spills,
        one.scratchBytes,
        one.workgroupBytes,
        one.wavesPerSimd,
        one.codeBytes,
      ].map(String),
      ...(one.innerLoop === undefined
        ? ["–", "–", "–", "–"]
        : [
            one.innerLoop.multiplyAdds,
            one.innerLoop.slots,
            one.innerLoop.workgroupAccesses,
            one.innerLoop.loads,
          ].map(String)),
      percent(one.lanes),
      percent(one.bound),
    ]),
  );
  const bounds = Object.entries(bound).map(
    ([family, share]) => `${FAMILIES[family as Family]} ${percent(share)}`,
  );
  return [
    `One training step of ${title}`,
    "",
    ...table([HEADINGS, ...rows], (column) => column > 0 && column !== 4),
    "",
    `Bound over the step: ${bounds.join(", ") || "–"} of the f32 ceiling.`,
    "",
  ];
}
