/**
 * All that a machine with a GPU can tell within a few minutes: whether its kernels are right, how fast they are, and how
 * fast others are on it. Each benchmark is a process of its own with a share of the time; what there is so far is always
 * in the files, so that a run that is cut off tells it, too.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { writeFileWhole } from "wgrad";
import { type Measured, measureAll, type PartResult } from "./gpu/measure.ts";
import { DEVICE, PART_NAMES, type PartName, partsFor } from "./gpu/plan.ts";
import {
  closingLines,
  type Origin,
  partObject,
  problemOf,
  summaryObject,
  summaryText,
} from "./gpu/summary.ts";
import { machine } from "./measure.ts";
import { benchmark, note, outFolderOption } from "./options.ts";
import { commandLine } from "./report.ts";

interface GpuFlags {
  readonly minutes: number;
  readonly parts: readonly PartName[];
  readonly out: string;
  readonly json?: boolean;
}

/** For the end of the last process, and the last files. */
const RESERVE_SECONDS = 4;
const MAX_MINUTES = 24 * 60;

export function gpuCommand(): Command {
  return benchmark(
    "gpu",
    "all of it on a new machine, within minutes: kernels against their twins, speed, others",
  )
    .addOption(
      new Option("--minutes <n>", "time for all of it, in shares for its parts")
        .argParser(minutes)
        .default(6),
    )
    .addOption(
      new Option("--parts <names>", "which of all: names with commas between them")
        .argParser(partNames)
        .default(PART_NAMES, PART_NAMES.join(",")),
    )
    .addOption(outFolderOption("folder of a JSON file for each part, summary.json and summary.md"))
    .option("--json", "summary.json on stdout, too")
    .action(gpu)
    .addHelpText("after", NOTES);
}

const NOTES = `
A part that fails, hangs or ends its process does not end the others, and what
it measured until then is kept. MNIST_DIR names a folder with MNIST's files;
without it, training goes by generated digits.

Exit code: 1 where a kernel disagrees with its twin, or nothing was measured.`;

function minutes(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= MAX_MINUTES) return value;
  throw new InvalidArgumentError(`Expected minutes, above 0 and up to ${MAX_MINUTES}.`);
}

function partNames(text: string): PartName[] {
  const wanted = text.split(",");
  const unknown = wanted.filter((name) => !(PART_NAMES as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(
      `Expected names out of ${PART_NAMES.join(", ")} with commas between them.`,
    );
  return PART_NAMES.filter((name) => wanted.includes(name));
}

async function gpu({ minutes, parts, out, json }: GpuFlags): Promise<void> {
  const { MNIST_DIR } = process.env;
  const dataset = MNIST_DIR ? "mnist" : "digits";
  const origin: Origin = {
    machine: machine(),
    command: commandLine(process.argv.slice(2)),
    began: new Date().toISOString(),
    minutes,
    remarks: [
      MNIST_DIR
        ? `MNIST lies in ${MNIST_DIR}.`
        : "MNIST_DIR names no folder: training goes by generated digits.",
    ],
  };
  await mkdir(out, { recursive: true });
  const temporary = await mkdtemp(join(tmpdir(), "wgrad-gpu-"));
  const stopping = stopSignal();
  const writer = new Writer(out, origin);
  const program = [process.execPath, ...process.execArgv, process.argv[1]];
  const held = holdDevice(program);
  try {
    const measured = await measureAll({
      program,
      device: DEVICE,
      parts: partsFor(dataset).filter(({ name }) => parts.includes(name)),
      seconds: minutes * 60 - RESERVE_SECONDS,
      // What is left there by processes that were stopped goes with it.
      env: { TMPDIR: temporary },
      signal: stopping.signal,
      onChange: (soFar) => writer.changed(soFar),
    });
    await writer.finish(measured);
    if (json) process.stdout.write(`${JSON.stringify(summaryObject(measured, origin))}\n`);
    const lines = closingLines(measured);
    for (const line of lines) (json ? process.stderr : process.stdout).write(`${line}\n`);
    note(
      `written: ${join(out, "summary.md")}, with ${[...measured.parts.map(({ name }) => name), "summary"].join(".json, ")}.json`,
    );
    const problem = problemOf(measured, stopping.signal.aborted ? String(stopping.signal.reason) : undefined);
    if (problem !== undefined) throw new Error(`gpu: ${problem}`);
  } finally {
    held.release();
    stopping.release();
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A process that keeps the device open: without one, some drivers put a GPU to sleep between the others. */
function holdDevice([node, ...args]: readonly string[]): { release(): void } {
  const child = spawn(node, [...args, "device", "--hold"], { stdio: ["pipe", "ignore", "ignore"] });
  // Where there is no device, the runs say so.
  child.on("error", () => {});
  return {
    release() {
      // Nobody waits for it: a process may not end as long as its driver hangs.
      child.stdin.destroy();
      child.kill("SIGKILL");
      child.unref();
    },
  };
}

/** Ends the running process, and lets the files be written, where this one is told to end. */
function stopSignal(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (name: string) => controller.abort(`stopped by ${name}`);
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, stop);
  return {
    signal: controller.signal,
    release() {
      for (const name of names) process.off(name, stop);
    },
  };
}

/** Writes what there is, again and again, but never two versions of a file at once. */
class Writer {
  #latest: Measured | undefined;
  #writing: Promise<void> | undefined;
  #told = new Set<unknown>();

  constructor(
    readonly out: string,
    readonly origin: Origin,
  ) {}

  changed(soFar: Measured): void {
    this.#note(soFar);
    this.#latest = soFar;
    // A file that cannot be written is told by the last ones.
    this.#writing ??= this.#writeLatest()
      .catch(() => {})
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async finish(measured: Measured): Promise<void> {
    this.#latest = undefined;
    await this.#writing;
    await this.#write(measured);
  }

  async #writeLatest(): Promise<void> {
    while (this.#latest) {
      const soFar = this.#latest;
      this.#latest = undefined;
      await this.#write(soFar);
    }
  }

  async #write(measured: Measured): Promise<void> {
    const { origin, out } = this;
    const begun = ({ runs }: PartResult) => runs.some(({ status }) => status !== "waiting");
    for (const part of measured.parts.filter(begun))
      await writeFileWhole(join(out, `${part.name}.json`), pretty(partObject(part, origin)));
    await writeFileWhole(join(out, "summary.json"), pretty(summaryObject(measured, origin)));
    await writeFileWhole(join(out, "summary.md"), summaryText(measured, origin));
  }

  /** Tells each run's beginning and end on stderr. */
  #note({ device, parts }: Measured): void {
    for (const run of [device, ...parts.flatMap(({ runs }) => runs)]) {
      const key = `${run.command.join(" ")} ${run.status}`;
      if (run.status === "waiting" || this.#told.has(key)) continue;
      this.#told.add(key);
      const time =
        run.status === "running" ? `at most ${run.limit.toFixed(0)} s` : `${run.seconds.toFixed(1)} s`;
      note(
        `${run.command.join(" ")}: ${run.status}, ${time}${run.words === undefined ? "" : `: ${run.words}`}`,
      );
    }
  }
}

function pretty(object: object): string {
  return `${JSON.stringify(object, undefined, 1)}\n`;
}
