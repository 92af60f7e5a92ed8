/**
 * What real GPUs' compilers make of a training step, on a machine that has no such GPU: registers, occupancy, and what the
 * inner loop of each launch issues. Nothing runs and nothing is timed.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DeviceTraits } from "wgrad/inspect";
import { folder, wholeNumber } from "../presets/command.ts";
import { examine } from "./isa/examine.ts";
import { DEFAULT_FAMILIES, FAMILIES, type Family, families } from "./isa/families.ts";
import { readFolder, type Step, stepChoice, stepOn, writeFolder } from "./isa/launches.ts";
import { type GpuFigures, gpuFigures } from "./isa/model.ts";
import { radvManifest } from "./isa/packages.ts";
import { isaReport } from "./isa/report.ts";
import { benchmark, MAX_BATCH, note, type OutputFlags, outputOptions } from "./options.ts";
import { publish } from "./report.ts";

const DEFAULT_STEPS = ["mlp", "conv", "30", "transformer"];

interface IsaFlags extends OutputFlags {
  readonly subgroup: "none" | number;
  readonly workgroupBytes: number;
  readonly invocations: number;
  readonly batch?: number;
  readonly families: readonly Family[];
  readonly asm?: boolean;
  readonly wgsl?: string;
  readonly modelTime?: GpuFigures;
}

export function isaCommand(): Command {
  const command = benchmark(
    "isa",
    "what compilers of real GPUs make of each launch of a step, on a machine without these GPUs",
  )
    .argument(
      "[steps...]",
      `steps by model: mlp, conv, transformer, or hidden widths such as 30 or 96-200-48; or folders that --wgsl wrote (default: ${DEFAULT_STEPS.join(" ")})`,
      (text: string, before: string[] | undefined) => [...(before ?? []), checkedStep(text)],
    )
    .addOption(
      new Option("--subgroup <n>", "the device's subgroup size, 32 or 64; none where sizes vary")
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
      new Option("--families <names>", `out of ${familyNames()}`)
        .argParser(families)
        .default(DEFAULT_FAMILIES, DEFAULT_FAMILIES.join(",")),
    )
    .addOption(
      new Option(
        "--model-time <figures>",
        "also a model of the step's time on a GPU of such multiply-adds, memory and time of a launch: 10TFLOPS,300GBPS,5US",
      ).argParser(gpuFigures),
    )
    .addOption(new Option("--asm", "also the disassembly of each launch, in a file each"))
    .addOption(
      new Option(
        "--wgsl <folder>",
        "only writes each launch as STEP/NN-kernel.wgsl, and beside it NN-kernel.json: entryPoint, workgroups, flops",
      ).argParser(folder),
    )
    .action(isa);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

function familyNames(): string {
  return Object.entries(FAMILIES)
    .map(([name, generation]) => `${name} (${generation})`)
    .join(", ");
}

function checkedStep(text: string): string {
  if (isFolder(text)) return text;
  try {
    stepChoice(text);
  } catch {
    throw new InvalidArgumentError(
      "Expected mlp, conv, transformer, hidden widths such as 96-200-48, or a folder that --wgsl wrote.",
    );
  }
  return text;
}

/** A step's name is not taken for a folder's. */
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

async function isa(asked: readonly string[] | undefined, flags: IsaFlags): Promise<void> {
  const traits: DeviceTraits = {
    ...(flags.subgroup === "none" ? {} : { subgroupSize: flags.subgroup }),
    workgroupBytes: flags.workgroupBytes,
    workgroupInvocations: flags.invocations,
  };
  // What is missing is told before anything takes time.
  const manifest = flags.wgsl === undefined ? radvManifest() : "";
  const steps: Step[] = [];
  for (const name of asked === undefined || asked.length === 0 ? DEFAULT_STEPS : asked) {
    steps.push(isFolder(name) ? await readFolder(name) : await stepOn(traits, stepChoice(name), flags.batch));
  }
  if (flags.wgsl !== undefined) return writeFolders(flags.wgsl, steps);
  const count = steps.reduce((sum, { launches }) => sum + launches.length, 0);
  note(`compiling ${count} launches for ${flags.families.map((family) => FAMILIES[family]).join(", ")}`);
  const examined = await examine(steps, flags.families, manifest);
  await publish(isaReport(examined, { traits, asm: flags.asm, gpu: flags.modelTime }), flags);
}

async function writeFolders(target: string, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    await writeFolder(join(target, step.name), step);
    note(`written: ${step.launches.length} launches into ${join(target, step.name)}`);
  }
}
