/** The options that benchmarks share, and how a benchmark's command is made. */

import { Command, InvalidArgumentError, Option } from "commander";
import type { Engine } from "wgrad";
import { DEFAULT_ENGINE, folder, openEngine, threadCount, wholeNumber } from "../presets/command.ts";
import type { StepModel } from "./workload.ts";

/** The destinations of a benchmark's report. */
export interface OutputFlags {
  /** The folder of the JSON and SVG files. */
  readonly out: string;
  /** Whether stdout is for the JSON object alone. */
  readonly json?: boolean;
  /** Whether stdout is for JSON alone, a line whenever there are more results, and nothing is written elsewhere. */
  readonly jsonLines?: boolean;
}

/** Whether this is the archive of `bench pack`, whose start script sets the variables below. */
export const PACKED = process.env.WGRAD_BENCH_PROGRAM !== undefined;
/** The program's name in commands. */
export const PROGRAM = process.env.WGRAD_BENCH_PROGRAM ?? "npm run bench --";
/** The archive's folder of bundled libraries to compare with. */
export const BUNDLED_PEERS = process.env.WGRAD_BENCH_PEERS;
export const DEFAULT_OUT = process.env.WGRAD_BENCH_OUT ?? "bench/out";

const MAX_WIDTH = 65_536;
export const MAX_BATCH = 20_000;
export const MAX_SEED = 2 ** 32 - 1;

/** A model that has a name, with the batch that goes with it. */
export interface NamedModel extends StepModel {
  readonly name: string;
  /** Samples a step, unless asked for. */
  readonly batch: number;
}

const MLP: NamedModel = { name: "mlp", convolutions: false, hidden: [256, 128], batch: 128 };
const CONV: NamedModel = { name: "conv", convolutions: true, hidden: [128], batch: 250 };

/** Reads "mlp", "conv", or the widths of the hidden layers: "96-200-48". */
export function namedModel(text: string): NamedModel {
  if (text === "mlp") return MLP;
  if (text === "conv" || text === "convnet") return CONV;
  const parse = wholeNumber(1, MAX_WIDTH);
  try {
    return { ...MLP, name: text, hidden: text.split("-").map(parse) };
  } catch {
    throw new InvalidArgumentError("Expected mlp, conv, or hidden widths such as 96-200-48.");
  }
}

/** A benchmark's command; `main` takes all of them in. It writes its help, and throws its errors. */
export function benchmark(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .helpOption("-h, --help", "shows this")
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride();
}

export const modelOption = () =>
  new Option(
    "--model <name>",
    "mlp (784-256-128-10), conv (24 filters of 5×5, 32 of 3×3, each with max-pooling, then 128-10), or hidden widths such as 96-200-48",
  )
    .argParser(namedModel)
    .default(MLP, "mlp");

export const batchOption = () =>
  new Option("--batch <n>", "samples a step (default: 128; of conv 250)").argParser(
    wholeNumber(1, MAX_BATCH),
  );

export const repetitionsOption = (
  standard = 7,
  description = "number of measurements of each, alternating",
) => new Option("--repetitions <n>", description).argParser(wholeNumber(1, 1000)).default(standard);

/** The engine to measure, as `openMeasured` takes it. */
export interface EngineFlags {
  readonly engine?: "gpu" | "wasm";
  readonly threads?: number;
}

export const engineOptions = () => [
  new Option("--engine <name>", `the engine to measure (default: ${DEFAULT_ENGINE})`).choices([
    "gpu",
    "wasm",
  ]),
  threadsOption("threads of the wasm engine (default: one for each core)"),
];

export const threadsOption = (description: string) =>
  new Option("--threads <n>", description).argParser(threadCount);

/** A process with a GPU device does not end by itself: the engine is to be destroyed. */
export async function openMeasured({ engine, threads }: EngineFlags): Promise<Engine> {
  if (threads !== undefined && engine !== "wasm")
    throw new InvalidArgumentError("--threads does nothing without --engine wasm");
  return openEngine("--engine", engine, note, threads);
}

/** What a report's name ends with, so that engines do not overwrite each other's results. */
export function endOf({ kind }: Engine): string {
  return kind === "gpu" ? "" : `-${kind}`;
}

export const seedOption = () =>
  new Option("--seed <n>", "of data and parameters").argParser(wholeNumber(0, MAX_SEED)).default(1);

/** `--out` and `--json`, as `publish` takes them. */
export const outputOptions = () => [
  outFolderOption("folder of the report, as JSON and SVG"),
  new Option("--json", "one JSON object on stdout; the table goes to stderr"),
  new Option(
    "--json-lines",
    "all results so far as JSON on stdout, a line whenever there are more, and no files",
  ).conflicts("json"),
];

export const outFolderOption = (description: string) =>
  new Option("--out <folder>", description).argParser(folder).default(DEFAULT_OUT);

/** What is to be measured is not on this machine, which is no fault of anything. */
export class NotHereError extends Error {
  override readonly name = "NotHereError";
}

/** One line on stderr: how far a measurement is. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
