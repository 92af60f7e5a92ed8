/** The command line: which experiment, and how. */

import { statSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { type EngineName, engineOption, folder, wholeNumber } from "../../../presets/command.ts";
import { table } from "../../../src/text.ts";
import type { Experiment } from "./experiment.ts";

/** The program's name in commands. */
export const PROGRAM = "npm run experiments --";
const DEFAULT_OUT = "demo/experiments/out";

export interface Flags {
  /** The engine; by default the GPU, or the wasm engine without a GPU. */
  readonly engine?: EngineName;
  /** The folder of MNIST's files. */
  readonly data?: string;
  readonly seed: number;
  /** The folder that the JSON and SVG files go into. */
  readonly out: string;
  readonly quick: boolean;
  readonly publish: boolean;
}

/** The command line's choices. */
interface Wish {
  readonly experiments: readonly Experiment[];
  readonly flags: Flags;
}

/** The command cannot mean anything. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads the command line. `write` shows the help.
 * @returns undefined for `list`
 * @throws UsageError for an unknown name, or options that make no sense
 */
export function readCommand(
  args: readonly string[],
  all: readonly Experiment[],
  write: (text: string) => void,
): Wish | undefined {
  let wish: Wish | undefined;
  const command = experimentsCommand(all, write).action((name: string, flags: Flags) => {
    if (name === "list") return;
    checkTogether(flags);
    wish = { experiments: named(name, all), flags };
  });
  command.parse([...args], { from: "user" });
  return wish;
}

function experimentsCommand(all: readonly Experiment[], write: (text: string) => void): Command {
  return new Command(PROGRAM)
    .usage("<name> [options]")
    .description("Replays experiments of the textbooks: prints figures, and draws charts.")
    .argument("<name>", `an experiment, "all" for all of them, or "list" for their names`)
    .addOption(engineOption())
    .addOption(
      new Option(
        "--data <folder>",
        "MNIST's four files (default: $MNIST_DIR, the cache, or a mirror)",
      ).argParser(existing),
    )
    .addOption(
      new Option("--seed <n>", "of parameters, orders and generated data")
        .argParser(wholeNumber(0, 2 ** 32 - 1))
        .default(1),
    )
    .addOption(
      new Option("--out <folder>", "where figures go as JSON, and charts as SVG")
        .argParser(folder)
        .default(DEFAULT_OUT),
    )
    .option("--quick", "a short version, on less data", false)
    .option("--publish", "writes figures and charts into demo/experiments/README.md, too", false)
    .helpOption("-h, --help", "shows this")
    .addHelpText("after", `\n${listOf(all).join("\n")}\n\nDEBUG=wgrad shows where an error comes from.`)
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
    .exitOverride();
}

/** The names, and the question of each. */
export function listOf(all: readonly Experiment[]): string[] {
  return table(
    all.map(({ name, question }) => [name, question]),
    () => false,
  );
}

function named(name: string, all: readonly Experiment[]): readonly Experiment[] {
  if (name === "all") return all;
  const found = all.find((experiment) => experiment.name === name);
  if (found) return [found];
  const names = all.map((experiment) => experiment.name).join(", ");
  throw new UsageError(`there is no experiment "${name}"; use all, or one of ${names}`);
}

function checkTogether({ quick, publish }: Flags): void {
  if (quick && publish) {
    throw new UsageError(
      "--publish writes the page that people read, but --quick is a short version; leave one out",
    );
  }
}

function existing(path: string): string {
  const found = path === "" ? undefined : statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) throw new InvalidArgumentError("Expected a folder that exists.");
  return path;
}
