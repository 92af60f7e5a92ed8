/**
 * A benchmark's report in three forms: a table for people, a JSON file for programs, and charts. Each names the machine,
 * the adapter, the versions and the command of the measurement.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "wgrad";
import {
  adapterLine,
  commandLine as commandOf,
  isSoftware,
  type Machine,
  machine,
  machineLine,
} from "../charts/origin.ts";
import type { ChartSpec } from "../charts/spec.ts";
import { note, type OutputFlags, PROGRAM } from "./options.ts";

export interface Report {
  /** Stem of the files' names: "step-mlp-128". */
  readonly name: string;
  /** The report as text, for people. */
  readonly lines: readonly string[];
  /** For programs: the benchmark's name, the adapter that it ran on, and all that was measured. */
  readonly object: Readonly<Record<string, unknown>> & {
    readonly benchmark: string;
    readonly adapter: string;
  };
  /** Several charts have names of their own, which are added to their files' names. */
  readonly chart?: ChartSpec | readonly ChartSpec[];
  /** Further files, by the ends of their names: "-trace.json". */
  readonly files?: Readonly<Record<string, string>>;
}

/** A report as `--json-lines` gives it: the object with its origin, and beside it what else there is. */
export interface ReportLine {
  readonly benchmark: string;
  readonly adapter: string;
  readonly command: string;
  /** Whether measurements go on: the results so far. */
  readonly partial: boolean;
  /** The report as text. */
  readonly text: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

/** Tells the results so far, where `flags` ask for them. */
export function publishSoFar(report: () => Report, flags: OutputFlags): void {
  if (flags.jsonLines) writeLine(report(), true);
}

function writeLine(report: Report, partial: boolean): void {
  const object = withOrigin(report, machine(), commandLine(process.argv.slice(2)));
  const line = { ...object, partial, text: report.lines, files: report.files };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Prints the report, and writes its files into `flags.out` where they are wanted. @returns the files' paths */
export async function publish(report: Report, flags: OutputFlags): Promise<string[]> {
  if (flags.jsonLines) {
    writeLine(report, false);
    return [];
  }
  const here = machine();
  const object = withOrigin(report, here, commandLine(process.argv.slice(2)));
  const table = flags.json ? process.stderr : process.stdout;
  for (const line of [...report.lines, ...originLines(report, here)]) table.write(`${line}\n`);
  if (flags.json) process.stdout.write(`${JSON.stringify(object)}\n`);

  const files = [
    { path: join(flags.out, `${report.name}.json`), content: `${JSON.stringify(object, undefined, 2)}\n` },
  ];
  for (const [end, content] of Object.entries(report.files ?? {}))
    files.push({ path: join(flags.out, `${report.name}${end}`), content });
  const charts = [report.chart ?? []].flat();
  if (charts.length > 0) {
    // Loaded where something is drawn: it would cost every start of a benchmark a tenth of a second.
    const { drawChart } = await import("../charts/draw.ts");
    for (const chart of charts) {
      const stem = chart.name === undefined ? report.name : `${report.name}-${chart.name}`;
      files.push({
        path: join(flags.out, `${stem}.svg`),
        content: drawChart(chart, originLine(report, here)),
      });
    }
  }
  await mkdir(flags.out, { recursive: true });
  for (const { path, content } of files) await writeFileWhole(path, content);
  note(`written: ${files.map(({ path }) => path).join(", ")}`);
  return files.map(({ path }) => path);
}

function withOrigin({ object }: Report, here: Machine, command: string): object {
  return { ...object, softwareAdapter: isSoftware(object.adapter), machine: here, command };
}

/** The last lines of a table. */
function originLines({ object }: Report, here: Machine): string[] {
  const software = isSoftware(object.adapter);
  return [
    ...(software ? ["This adapter is software on the CPU: its times say nothing about a GPU."] : []),
    machineLine(here),
  ];
}

/** The line below a chart's title. */
function originLine({ object }: Report, here: Machine): string {
  return `${adapterLine(object.adapter)}\n${machineLine(here)}`;
}

/** The command to type for the same run. */
export function commandLine(args: readonly string[], program = PROGRAM): string {
  return commandOf(args, program);
}
