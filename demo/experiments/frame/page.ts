/**
 * demo/experiments/README.md: each experiment's entry has two marks, and between them the command, what it printed and
 * the pictures, put in by `--publish`.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { writeFileWhole } from "wgrad";
import type { Experiment } from "./experiment.ts";
import { commandOf, type Finished, fileOf, linesOf, writeFiles } from "./report.ts";

const PAGE = fileURLToPath(new URL("../README.md", import.meta.url));
const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

function marks({ name }: Experiment): { begin: string; end: string } {
  return { begin: `<!-- ${name} -->`, end: `<!-- end of ${name} -->` };
}

/** @throws Error where the page has no place for an experiment: better known before it runs */
export async function checkPage(experiments: readonly Experiment[]): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  for (const experiment of experiments) withBlock(page, experiment, "");
}

/** The page with `block` between an experiment's marks. */
export function withBlock(page: string, experiment: Experiment, block: string): string {
  const { begin, end } = marks(experiment);
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) {
    throw new Error(
      `${PAGE}: no entry for ${experiment.name}; write one, with "${begin}" and "${end}" in it`,
    );
  }
  return `${page.slice(0, from + begin.length)}\n${block}\n${page.slice(to)}`;
}

/**
 * Puts a run into the page, and its pictures beside it.
 * @throws Error where digits stood in for MNIST
 */
export async function publish(finished: Finished): Promise<string[]> {
  if (finished.data === "digits") {
    throw new Error("--publish: the built-in digits stood in for MNIST; name its folder with --data");
  }
  const paths = await writeFiles(finished, RESULTS);
  await writeFileWhole(PAGE, withBlock(await readFile(PAGE, "utf8"), finished.experiment, blockOf(finished)));
  return [PAGE, ...paths];
}

function blockOf(finished: Finished): string {
  const { experiment, outcome } = finished;
  const pictures = outcome.charts.map((chart) => `![${chart.title}](results/${fileOf(experiment, chart)})`);
  return [
    "",
    `\`${commandOf(finished)}\``,
    "",
    "```text",
    ...linesOf(finished),
    "```",
    ...pictures.flatMap((picture) => ["", picture]),
    "",
  ].join("\n");
}
