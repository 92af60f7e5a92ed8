/** `npm run bench -- <benchmark>`: measures wgrad on this machine. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { connect, cpu } from "wgrad";
import { machine } from "./measure.ts";
import { measureStep, type StepModel, type StepOptions, stepLines, stepObject } from "./step.ts";

const EXIT = { success: 0, failure: 1, usage: 2 } as const;

interface StepFlags extends Omit<StepOptions, keyof StepModel | "batch"> {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly json?: boolean;
}

function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`);
  };
}

interface NamedModel extends StepModel {
  /** Samples a step, unless asked for. */
  readonly batch: number;
}

const MLP: NamedModel = { convolutions: false, hidden: [256, 128], batch: 128 };
const CONV: NamedModel = { convolutions: true, hidden: [128], batch: 250 };

/** "mlp", "conv", or the widths of the hidden layers: "96-200-48". */
function namedModel(text: string): NamedModel {
  if (text === "mlp") return MLP;
  if (text === "conv" || text === "convnet") return CONV;
  const parse = wholeNumber(1, 65_536);
  try {
    return { ...MLP, hidden: text.split("-").map(parse) };
  } catch {
    throw new InvalidArgumentError("Expected mlp, conv, or hidden widths such as 96-200-48.");
  }
}

function benchCommand(): Command {
  const bench = new Command("npm run bench --")
    .description("Measures wgrad on this machine.")
    .helpOption("-h, --help", "shows this")
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  bench
    .command("step")
    .description("time, dispatches, bytes and host time of one training step, on both engines")
    .addOption(
      new Option(
        "--model <name>",
        "mlp (784-256-128-10), conv (24 filters of 5×5, 32 of 3×3, each with max-pooling, then 128-10), or hidden widths such as 96-200-48",
      )
        .argParser(namedModel)
        .default(MLP, "mlp"),
    )
    .addOption(
      new Option("--batch <n>", "samples a step (default: 128; of conv 250)").argParser(
        wholeNumber(1, 20_000),
      ),
    )
    .addOption(
      new Option("--steps <n>", "steps of one measurement; the CPU engine takes about a second's worth")
        .argParser(wholeNumber(1, 100_000))
        .default(100),
    )
    .addOption(
      new Option("--repetitions <n>", "measurements on each engine, in turn")
        .argParser(wholeNumber(1, 1000))
        .default(7),
    )
    .addOption(
      new Option("--seed <n>", "of data and parameters").argParser(wholeNumber(0, 2 ** 32 - 1)).default(1),
    )
    .option("--json", "one JSON object on stdout; the table goes to stderr")
    .action(step);
  return bench;
}

async function step({ model, json, ...flags }: StepFlags): Promise<void> {
  const print = (stream: NodeJS.WriteStream) => (line: string) => void stream.write(`${line}\n`);
  const engine = await connect();
  try {
    const result = await measureStep(engine, cpu(), { ...model, ...flags }, print(process.stderr));
    const here = machine();
    stepLines(result, here).forEach(print(json ? process.stderr : process.stdout));
    const command = `npm run bench -- ${process.argv.slice(2).join(" ")}`;
    if (json) print(process.stdout)(JSON.stringify(stepObject(result, here, command)));
  } finally {
    // A process with a GPU device does not end by itself.
    await engine.destroy();
  }
}

async function main(args: readonly string[]): Promise<number> {
  try {
    await benchCommand().parseAsync([...args], { from: "user" });
    return EXIT.success;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success;
    const usage = error instanceof CommanderError;
    const message = error instanceof Error ? messageOf(error) : String(error);
    const stack = process.env.DEBUG === "wgrad" && error instanceof Error ? `\n${error.stack}` : "";
    process.stderr.write(`bench: ${message.trim().replace(/\s*\n\s*/g, " ")}${stack}\n`);
    return usage ? EXIT.usage : EXIT.failure;
  }
}

function messageOf(error: Error): string {
  if (error instanceof CommanderError && error.code === "commander.help")
    return "name a benchmark, such as step";
  return error.message.replace(/^error: /, "");
}

process.exitCode = await main(process.argv.slice(2));
