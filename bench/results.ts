/**
 * bench/RESULTS.md, made anew: it names commands, each with what it printed below. They are run, one after the other, and
 * what they print now is put in; their charts and figures go into the folder beside it.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { writeFileWhole } from "wgrad";
import { benchmark, note, PROGRAM } from "./options.ts";

const PAGE = "bench/RESULTS.md";
const FOLDER = "bench/results";
/** A command in a line of its own, and the block of text below it. */
const ENTRY = /^`npm run bench -- (.+)`\n\n```text\n[\s\S]*?^```$/gm;

export function resultsCommand(): Command {
  return benchmark("results", `runs the benchmarks in ${PAGE}, and writes their output into it`)
    .option("--only <text>", "only those whose command contains this text")
    .action(async ({ only = "" }: { only?: string }) => {
      const page = await readFile(PAGE, "utf8");
      const named = [...page.matchAll(ENTRY)].map(([, command]) => command);
      const commands = named.filter((command) => command.includes(only));
      if (commands.length === 0)
        throw new Error(`${PAGE} names no command with "${only}" in it and a block of text below`);
      let written = page;
      for (const [i, command] of commands.entries()) {
        note(`${i + 1} of ${commands.length}: ${PROGRAM} ${command}`);
        written = withOutput(written, command, await outputOf(command.split(" ")));
        // After each, so that nothing is lost where a later one fails.
        await writeFileWhole(PAGE, written);
      }
    });
}

/** The page with `output` below `command`. */
export function withOutput(page: string, command: string, output: string): string {
  return page.replace(ENTRY, (entry, named) =>
    named === command ? `\`npm run bench -- ${command}\`\n\n\`\`\`text\n${output.trimEnd()}\n\`\`\`` : entry,
  );
}

/** The program's output with these arguments. @throws Error when the program fails */
async function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1], ...args, "--out", FOLDER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`${PROGRAM} ${args.join(" ")} ended with exit code ${code}`);
  return output;
}
