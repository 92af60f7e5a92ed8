/** The options of `npm run train`: what they are called, what they may be, and what they are by default. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { UsageError } from "./errors.ts";
import { ACTIVATIONS, LOSSES, type ModelOptions, OPTIMIZERS, SCHEDULES } from "./model.ts";
import { numberThat, wholeNumber } from "./numbers.ts";

export type DatasetName = "mnist" | "digits";
export type DeviceName = "gpu" | "cpu";

export interface TrainOptions extends ModelOptions {
  readonly dataset: DatasetName;
  /** Asked for by name, or by folder: nothing else may stand in for it. */
  readonly datasetGiven: boolean;
  readonly data?: string;
  readonly count?: number;
  readonly epochs: number;
  readonly batch: number;
  readonly dropLast: boolean;
  readonly seed: number;
  /** Absent unless asked for: then the GPU, or the CPU engine where there is none. */
  readonly device?: DeviceName;
  readonly save?: string;
  readonly describe: boolean;
  readonly json: boolean;
}

/** What commander gives: options that were not given and have no default are absent. */
type Parsed = Partial<TrainOptions> & Omit<TrainOptions, WithoutDefault>;
type WithoutDefault =
  | "datasetGiven"
  | "labelSmoothing"
  | "lr"
  | "weightDecay"
  | "dropLast"
  | "describe"
  | "json";

const DEFAULT_MOMENTUM = 0.9;
const MAX_WIDTH = 65_536;
/** As many images as fit an array, with room to spare: 784 bytes each. */
const MAX_COUNT = 1_000_000;

const EXAMPLES = `
Examples:
  npm run train                                       MNIST, 784-256-128-10, Adam, 5 epochs
  npm run train -- --dataset digits --epochs 10       the built-in digits, without a download
  npm run train -- --hidden none                      a linear model
  npm run train -- --hidden 30 --activation sigmoid --loss quadratic \\
    --optimizer sgd --lr 3 --batch 10 --epochs 30     the textbook's network
  npm run train -- --optimizer momentum --lr 0.1 --schedule one-cycle
  npm run train -- --save mnist.safetensors           keeps the weights
  npm run -s train -- --json > run.jsonl              results for programs

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted. DEBUG=wgrad shows where an error comes from.`;

/**
 * Reads the command line.
 * @returns undefined when it asked for help, which was then shown through `write`
 * @throws UsageError when it makes no sense
 */
export function parseOptions(
  args: readonly string[],
  write: (text: string) => void = (text) => process.stdout.write(text),
): TrainOptions | undefined {
  const command = trainCommand(write);
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new UsageError(usageMessage(error, command.args), { cause: error });
  }
  const parsed = command.opts<Parsed>();
  const given = (name: string) => command.getOptionValueSource(name) === "cli";
  checkCombination(parsed, given);
  const adaptive = parsed.optimizer === "adam" || parsed.optimizer === "adamw";
  const withMomentum = parsed.optimizer === "momentum" || parsed.optimizer === "nesterov";
  return {
    ...parsed,
    datasetGiven: given("dataset") || given("data"),
    dropLast: parsed.dropLast ?? false,
    describe: parsed.describe ?? false,
    json: parsed.json ?? false,
    labelSmoothing: parsed.labelSmoothing ?? 0,
    lr: parsed.lr ?? (adaptive ? 0.001 : 0.01),
    weightDecay: parsed.weightDecay ?? (parsed.optimizer === "adamw" ? 0.01 : 0),
    momentum: withMomentum ? (parsed.momentum ?? DEFAULT_MOMENTUM) : undefined,
  };
}

function usageMessage({ code, message }: CommanderError, args: readonly string[]): string {
  if (code !== "commander.excessArguments") return message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  return `unexpected "${args.join(" ")}": options begin with --, and npm wants one more -- before the first: npm run train -- --epochs 3`;
}

function trainCommand(write: (text: string) => void): Command {
  return (
    new Command("npm run train --")
      .usage("[options]")
      .description("Trains a network to read handwritten digits, and tells how well it does.")
      .helpOption("-h, --help", "shows this")
      .configureHelp({ optionDescription: describeOption })
      // Errors are told by who catches them.
      .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
      .exitOverride()
      .optionsGroup("Data:")
      .addOption(
        choice(
          "--dataset <name>",
          "what to train on; without a network the digits stand in for the default",
          ["mnist", "digits"],
        ).default("mnist"),
      )
      .option("--data <folder>", "a folder with MNIST's four files, packed or not (default: $MNIST_DIR)")
      .addOption(
        new Option(
          "--count <n>",
          "training images: of mnist the first n (default: all 60000), of digits as many are made (default: 20000), and a tenth as many to test",
        ).argParser(wholeNumber(1, MAX_COUNT)),
      )
      .optionsGroup("Model:")
      .addOption(
        new Option("--hidden <widths>", 'widths of the hidden layers, or "none" for a linear model')
          .argParser(widths)
          .default([256, 128], "256,128"),
      )
      .addOption(
        choice("--activation <name>", "activation of the hidden layers", Object.keys(ACTIVATIONS)).default(
          "relu",
        ),
      )
      .addOption(
        choice(
          "--loss <name>",
          "loss; quadratic is the textbook's ½‖y−a‖², and puts the activation behind the last layer, too",
          Object.keys(LOSSES),
        ).default("cross-entropy"),
      )
      .addOption(
        new Option("--label-smoothing <part>", "label smoothing of cross-entropy (default: 0)").argParser(
          numberThat((value) => value >= 0 && value < 1, "a number from 0 up to, not including, 1"),
        ),
      )
      .optionsGroup("Training:")
      .addOption(new Option("--epochs <n>", "passes over the data").argParser(wholeNumber(1, 1e6)).default(5))
      .addOption(new Option("--batch <n>", "samples a step").argParser(wholeNumber(1)).default(128))
      .option("--drop-last", "leaves out a last batch that is smaller")
      .addOption(choice("--optimizer <name>", "optimizer", Object.keys(OPTIMIZERS)).default("adam"))
      .addOption(
        new Option(
          "--lr <rate>",
          "learning rate (default: 0.001; for sgd, momentum and nesterov 0.01)",
        ).argParser(numberThat((value) => Math.fround(value) > 0, "a finite number above 0")),
      )
      .addOption(
        new Option(
          "--momentum <part>",
          `momentum of momentum and nesterov (default: ${DEFAULT_MOMENTUM})`,
        ).argParser(numberThat((value) => value > 0 && value < 1, "a number between 0 and 1")),
      )
      .addOption(
        new Option("--weight-decay <rate>", "decay of weights (default: 0; for adamw 0.01)").argParser(
          numberThat((value) => value >= 0, "a finite number from 0"),
        ),
      )
      .addOption(
        choice("--schedule <name>", "course of the learning rate", Object.keys(SCHEDULES)).default(
          "constant",
        ),
      )
      .addOption(
        new Option("--seed <n>", "of the first weights and the order of samples")
          .argParser(wholeNumber(0))
          .default(1),
      )
      .addOption(
        choice("--device <name>", "where to train; the default is gpu, and cpu where there is none", [
          "gpu",
          "cpu",
        ]),
      )
      .optionsGroup("Output:")
      .option("--save <file>", "writes the weights as safetensors")
      .option("--describe", "prints the training step before it runs")
      .option("--json", "one JSON object a line on stdout: each epoch, then the result")
      .addHelpText("after", EXAMPLES)
  );
}

/** What an option does, which values it takes, and what it is by default. */
function describeOption({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const notes = [
    ...(argChoices ? [argChoices.join(", ")] : []),
    ...(defaultValue === undefined ? [] : [`default: ${defaultValueDescription ?? defaultValue}`]),
  ];
  return notes.length > 0 ? `${description} (${notes.join("; ")})` : description;
}

function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values);
}

/** "256,128" → [256, 128]; "none" → []. */
function widths(text: string): number[] {
  if (text.trim() === "none") return [];
  const parse = wholeNumber(1, MAX_WIDTH);
  try {
    return text.split(",").map(parse);
  } catch {
    throw new InvalidArgumentError(
      `Expected whole numbers from 1 to ${MAX_WIDTH} with commas between them, such as 256,128, or none.`,
    );
  }
}

/** Options that each make sense, but not together. */
function checkCombination(parsed: Parsed, given: (name: string) => boolean): void {
  if (given("data") && given("dataset") && parsed.dataset !== "mnist") {
    throw new UsageError(
      `--data reads MNIST's files, but --dataset is ${parsed.dataset}; leave one of them out`,
    );
  }
  if (parsed.momentum !== undefined && parsed.optimizer !== "momentum" && parsed.optimizer !== "nesterov") {
    throw new UsageError(
      `--momentum does nothing with --optimizer ${parsed.optimizer}; use --optimizer momentum or nesterov`,
    );
  }
  if (parsed.labelSmoothing !== undefined && parsed.loss !== "cross-entropy") {
    throw new UsageError(
      `--label-smoothing does nothing with --loss ${parsed.loss}; use --loss cross-entropy`,
    );
  }
}
