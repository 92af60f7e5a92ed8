/** An experiment's results for people and for programs, with their origin. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "wgrad";
import { drawChart } from "../../../charts/draw.ts";
import { adapterLine, commandLine, isSoftware, machine, machineLine } from "../../../charts/origin.ts";
import type { ChartSpec } from "../../../charts/spec.ts";
import type { Experiment, Outcome } from "./experiment.ts";
import { type Flags, PROGRAM } from "./options.ts";

/** A run that is over. */
export interface Finished {
  readonly experiment: Experiment;
  readonly outcome: Outcome;
  readonly flags: Flags;
  readonly adapter: string;
  readonly data: "mnist" | "digits" | undefined;
  readonly seconds: number;
}

/** The command to type for the same run, but for folders: those are each machine's own. */
export function commandOf({ experiment, flags }: Pick<Finished, "experiment" | "flags">): string {
  const { engine, seed, quick } = flags;
  const args = [
    experiment.name,
    ...(engine === undefined ? [] : ["--engine", engine]),
    ...(seed === 1 ? [] : ["--seed", String(seed)]),
    ...(quick ? ["--quick"] : []),
  ];
  return commandLine(args, PROGRAM);
}

/** All that is printed. */
export function linesOf({ outcome, adapter, data, flags, seconds }: Finished): string[] {
  return [
    ...outcome.lines,
    "",
    ...(data === "digits" ? ["The built-in digits stood in for MNIST: these figures are not MNIST's."] : []),
    ...(flags.quick ? ["The short version (--quick): less data, fewer epochs."] : []),
    `${seconds.toFixed(0)} s on ${adapterLine(adapter)}`,
    ...(isSoftware(adapter)
      ? ["This adapter is software on the CPU: its times say nothing about a GPU."]
      : []),
    machineLine(machine()),
  ];
}

/** Writes the figures as JSON and the charts as SVG into a folder. @returns the files' paths */
export async function writeFiles(finished: Finished, folder: string): Promise<string[]> {
  const { experiment, outcome, adapter, data, flags } = finished;
  const object = {
    experiment: experiment.name,
    command: commandOf(finished),
    data: data ?? "generated",
    seed: flags.seed,
    quick: flags.quick,
    adapter,
    softwareAdapter: isSoftware(adapter),
    machine: machine(),
    figures: outcome.figures,
  };
  const json = {
    path: join(folder, `${experiment.name}.json`),
    content: `${JSON.stringify(object, undefined, 2)}\n`,
  };
  const files = [json, ...drawn(finished, folder)];
  await mkdir(folder, { recursive: true });
  for (const { path, content } of files) await writeFileWhole(path, content);
  return files.map(({ path }) => path);
}

function drawn({ experiment, outcome, adapter, data, flags }: Finished, folder: string) {
  const marks = [
    ...(data === "digits" ? ["built-in digits, not MNIST"] : []),
    ...(flags.quick ? ["the short version"] : []),
  ];
  const origin = [[adapterLine(adapter), ...marks].join("; "), machineLine(machine())].join("\n");
  return outcome.charts.map((chart) => ({
    path: join(folder, fileOf(experiment, chart)),
    content: drawChart(chart, origin),
  }));
}

export function fileOf(experiment: Experiment, { name }: ChartSpec): string {
  return `${experiment.name}${name === undefined ? "" : `-${name}`}.svg`;
}
