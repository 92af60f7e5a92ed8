/** `npm run experiments -- NAME`: runs an experiment, prints its results, and draws its charts. */
import { CommanderError } from "commander";
import type { Engine } from "wgrad";
import { oneLine, openEngine } from "../../presets/command.ts";
import { ImageSource } from "./frame/data.ts";
import type { Experiment } from "./frame/experiment.ts";
import { type Flags, listOf, readCommand, UsageError } from "./frame/options.ts";
import { checkPage, publish } from "./frame/page.ts";
import { linesOf, writeFiles } from "./frame/report.ts";
import { EXPERIMENTS } from "./index.ts";

const EXIT = { success: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** One line on stderr: figures alone go to stdout. */
function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const wish = readCommand(args, EXPERIMENTS, (text) => process.stdout.write(text));
    if (!wish) {
      print(listOf(EXPERIMENTS));
      return EXIT.success;
    }
    if (wish.flags.publish) await checkPage(wish.experiments);
    return await runAll(wish.experiments, wish.flags);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success;
    return tell(error);
  }
}

/** One after the other on one engine; where one fails, the others run still. */
async function runAll(experiments: readonly Experiment[], flags: Flags): Promise<number> {
  const engine = await openEngine("--engine", flags.engine, note);
  let exit: number = EXIT.success;
  try {
    const images = new ImageSource(flags.data, note);
    for (const experiment of experiments) {
      try {
        await runOne(experiment, engine, images, flags);
      } catch (error) {
        if (experiments.length === 1) throw error;
        exit = tell(error, experiment.name);
      }
    }
  } finally {
    // A process with a GPU device does not end by itself.
    await engine.destroy();
  }
  return exit;
}

async function runOne(
  experiment: Experiment,
  engine: Engine,
  images: ImageSource,
  flags: Flags,
): Promise<void> {
  print([experiment.title, experiment.question, ""]);
  images.given = undefined;
  const started = performance.now();
  const outcome = await experiment.run({
    engine,
    seed: flags.seed,
    data: flags.data,
    quick: flags.quick,
    mnist: (counts) => images.take(counts),
    note,
  });
  const seconds = (performance.now() - started) / 1000;
  const finished = { experiment, outcome, flags, adapter: engine.info.adapter, data: images.given, seconds };
  print([...linesOf(finished), ""]);
  const written = await writeFiles(finished, flags.out);
  const published = flags.publish ? await publish(finished) : [];
  note(`written: ${[...written, ...published].join(", ")}`);
}

/** Tells of an error on stderr. @returns the exit code */
function tell(error: unknown, name?: string): number {
  const usage = error instanceof UsageError || error instanceof CommanderError;
  const stack = process.env.DEBUG === "wgrad" && error instanceof Error ? `\n${error.stack}` : "";
  const hint = usage ? " (--help lists the options, list the experiments)" : "";
  note(`experiments: ${name === undefined ? "" : `${name}: `}${oneLine(error)}${hint}${stack}`);
  return usage ? EXIT.usage : EXIT.failure;
}

// Files are written as a whole, so that ending at any time leaves none half-written.
for (const [signal, code] of [
  ["SIGINT", EXIT.interrupted],
  ["SIGTERM", EXIT.terminated],
] as const) {
  process.on(signal, () => {
    note("experiments: interrupted");
    process.exit(code);
  });
}

process.exitCode = await main(process.argv.slice(2));
