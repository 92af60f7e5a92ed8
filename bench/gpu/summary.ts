/** What `bench gpu` found, for programs and for people: written anew whenever there is more. */
import { isSoftware, type Machine, machineLine } from "../../charts/origin.ts";
import { table } from "../../src/text.ts";
import { formatSeconds } from "../child.ts";
import { figuresOf } from "./figures.ts";
import type { Measured, PartResult, RunResult, Status } from "./measure.ts";

/** What is to say about the whole. */
export interface Origin {
  readonly machine: Machine;
  readonly command: string;
  /** The time of the start, as ISO 8601. */
  readonly began: string;
  readonly minutes: number;
  /** What is to be known about the data: where MNIST lies, or that it is nowhere. */
  readonly remarks: readonly string[];
}

/** The first of these that any run has is the part's. */
const GRAVEST: readonly Status[] = [
  "running",
  "failed",
  "cut off",
  "not begun",
  "waiting",
  "not here",
  "done",
];

export function statusOf({ runs }: PartResult): Status {
  return GRAVEST.find((status) => runs.some((run) => run.status === status)) ?? "done";
}

/** Whether a kernel computes something else than its twin. */
export function disagrees(measured: Measured): boolean {
  return measured.parts
    .flatMap(({ runs }) => runs)
    .some(({ report }) => report?.benchmark === "verify" && (report.failures as unknown[]).length > 0);
}

/** What the exit code is to tell: wrong kernels before all else; undefined where all is well. */
export function problemOf(measured: Measured, stopped?: string): string | undefined {
  if (disagrees(measured)) return "kernels disagree with their twins; verify.json names them";
  if (stopped !== undefined) return stopped;
  if (measured.parts.some(({ runs }) => runs.some(({ report }) => report))) return undefined;
  return `nothing was measured: ${measured.device.words ?? "summary.md has the reasons"}`;
}

/** Everything of one part. A profile's has its traces as the one that tracing tools open. */
export function partObject(part: PartResult, origin: Origin) {
  return {
    benchmark: "gpu",
    part: part.name,
    title: part.title,
    status: statusOf(part),
    ...origin,
    runs: part.runs.map(({ report, ...run }) => ({
      ...run,
      command: run.command.join(" "),
      report: stripped(report),
    })),
    ...traceOf(part.runs),
  };
}

function stripped(report: RunResult["report"]) {
  if (!report) return undefined;
  const { files: _, machine: __, ...rest } = report;
  return rest;
}

/** The traces of all runs as one, a process each. */
function traceOf(runs: readonly RunResult[]) {
  const traceEvents = runs.flatMap(({ command, report }, i) => {
    const text = report?.files?.["-trace.json"];
    if (text === undefined) return [];
    const { traceEvents } = JSON.parse(text) as { traceEvents: Readonly<Record<string, unknown>>[] };
    return traceEvents.map((event) => ({
      ...event,
      pid: i + 1,
      ...(event.name === "process_name" ? { args: { name: command.join(" ") } } : {}),
    }));
  });
  return traceEvents.length > 0 ? { traceEvents, displayTimeUnit: "ms" } : {};
}

/** All parts in short, the figures, and the device. */
export function summaryObject(measured: Measured, origin: Origin) {
  const { device, parts } = measured;
  return {
    benchmark: "gpu",
    ...origin,
    adapter: device.report?.adapter ?? "unknown",
    softwareAdapter: isSoftware(device.report?.adapter ?? ""),
    disagrees: disagrees(measured),
    figures: Object.fromEntries(figuresOf(measured).map(({ name, value }) => [name, value])),
    parts: parts.map((part) => ({
      name: part.name,
      status: statusOf(part),
      runs: part.runs.map(({ command, report: _, ...run }) => ({ command: command.join(" "), ...run })),
    })),
    device: { ...device, command: device.command.join(" "), report: stripped(device.report) },
  };
}

/** The same for people, in Markdown. */
export function summaryText(measured: Measured, origin: Origin): string {
  const { device, parts } = measured;
  const adapter = device.report?.adapter ?? "an unknown device";
  const figures = figuresOf(measured);
  return [
    `# wgrad on ${adapter}`,
    "",
    `\`${origin.command}\`, ${origin.minutes} minutes at most, begun ${origin.began}`,
    machineLine(origin.machine),
    ...(isSoftware(adapter)
      ? ["This adapter is software on the CPU: its times say nothing about a GPU."]
      : []),
    ...origin.remarks,
    "",
    "## Figures",
    "",
    ...(figures.length > 0 ? figures.map(({ name, text }) => `- ${name}: ${text}`) : ["None yet."]),
    "",
    "## Parts",
    "",
    "```text",
    ...table([["command", "part", "state", "s", "s at most"], ...parts.flatMap(partRows)]),
    "```",
    "",
    "## The device",
    "",
    ...runText(device),
    ...parts.flatMap((part) => [`## ${part.title}`, "", ...part.runs.flatMap(runText)]),
  ].join("\n");
}

function partRows({ name, runs }: PartResult): string[][] {
  return runs.map(({ command, status, seconds, limit }) => [
    command.join(" "),
    name,
    status,
    seconds > 0 ? seconds.toFixed(1) : "–",
    limit > 0 ? limit.toFixed(1) : "–",
  ]);
}

function runText({ command, status, seconds, words, report }: RunResult): string[] {
  const took = seconds > 0 ? ` in ${formatSeconds(seconds)}` : "";
  const why = words === undefined ? "" : `: ${words}`;
  const text = report ? ["```text", ...report.text, "```", ""] : [];
  return [`\`${command.join(" ")}\`: ${status}${took}${why}`, "", ...text];
}

/** What is printed when all is over. */
export function closingLines(measured: Measured): string[] {
  const figures = figuresOf(measured).map(({ name, text }) => [name, text]);
  const unfinished = measured.parts.flatMap(({ runs }) =>
    runs
      .filter(({ status }) => status !== "done")
      .map(({ command, status, words = "" }) => [command.join(" "), status, words]),
  );
  return [
    ...(figures.length > 0 ? table(figures) : ["No figures."]),
    ...(unfinished.length > 0 ? ["", ...table([["not done", "state", "why"], ...unfinished])] : []),
  ];
}
