/** The options of `npm run train`: names, values and defaults. */
import { Command, InvalidArgumentError, Option } from "commander";
import { AUGMENTATION_FORMS, type Augmentation, augmentationNamed } from "wgrad/augment";
import { ACTIVATIONS, type Filters, OPTIMIZERS, type OptimizerEntry } from "../presets/choices.ts";
import { DEFAULT_ENGINE, DEFAULT_THREADS, ENGINES, threadCount, wholeNumber } from "../presets/command.ts";
import { MODELS } from "./model.ts";
import { numberThat } from "./numbers.ts";
import { LOSSES, SCHEDULES } from "./training.ts";

const MAX_WIDTH = 65_536;
/** Limit of images: 784 bytes each must fit an array, with room to spare. */
const MAX_COUNT = 1_000_000;

const EXAMPLES = `
Examples:
  npm run train                                       MNIST, 784-256-128-10, Adam, 5 epochs
  npm run train -- --dataset digits --epochs 10       the built-in digits, without a download
  npm run train -- --model convnet --batch 256 --epochs 1 \\
    --learning-rate 0.01 --beta1 0.7 --beta2 0.9 --schedule one-cycle
  npm run train -- --model textbook --loss quadratic \\
    --optimizer sgd --learning-rate 3 --batch 10 --epochs 30
  npm run train -- --hidden 512 --batch-norm --dropout 0.5 --summary
  npm run train -- --optimizer sgd --momentum 0.9 --learning-rate 0.1 --schedule step --step-size 2
  npm run train -- --augment rotate=10 translate=2    other images in each epoch
  npm run train -- --save mnist.safetensors           keeps the weights
  npm run train -- --checkpoint run-{epoch}.safetensors --resume
                                                      goes on where it was stopped, as often as it is
  npm run -s train -- --json > run.jsonl              results for programs

Exit codes: 0 done, 1 failed, 2 wrong use, 130 Ctrl-C, 141 no reader, 143 SIGTERM. DEBUG=wgrad shows the origin of an error.`;

const positive = numberThat((value) => Math.fround(value) > 0, "a finite number above 0");
const notNegative = numberThat((value) => value >= 0, "a finite number from 0");
const betweenZeroAndOne = numberThat((value) => value > 0 && value < 1, "a number between 0 and 1");
const belowOne = numberThat(
  (value) => value >= 0 && Math.fround(value) < 1,
  "a number from 0 up to, not including, 1",
);

/** The command; `write` shows its help. Errors are thrown, and the caller reports them. */
export function trainCommand(write: (text: string) => void): Command {
  const command = new Command("npm run train --")
    .usage("[options]")
    .description("Trains a network to read handwritten digits, and reports its accuracy.")
    .helpOption("-h, --help", "shows this")
    .configureHelp({ optionDescription: describeOption })
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
    .exitOverride();
  for (const [group, options] of Object.entries(groups())) {
    command.optionsGroup(`${group}:`);
    for (const option of options) command.addOption(option);
  }
  return command.addHelpText("after", EXAMPLES);
}

function groups(): Record<string, Option[]> {
  return {
    Data: [
      choice("--dataset <name>", "data to train on; without a network, the digits replace the default", [
        "mnist",
        "digits",
      ]).default("mnist"),
      option("--data <folder>", "a folder with MNIST's four files, packed or not").default(
        undefined,
        "$MNIST_DIR",
      ),
      option(
        "--count <n>",
        "number of training images: the first n of mnist, or n drawn digits with a tenth as many for the test",
        wholeNumber(1, MAX_COUNT),
      ).default(undefined, "all 60000; of digits 20000"),
    ],
    Model: [
      choice(
        "--model <name>",
        "the network; convnet has 24 filters of 5×5 and 32 of 3×3, each with max-pooling, before its dense layers; textbook is 784-30-10 with sigmoid; linear has no hidden layer",
        Object.keys(MODELS),
      ).default("mlp"),
      option("--hidden <widths>", 'widths of the hidden dense layers, or "none"', widths).default(
        undefined,
        "256,128; of convnet 256, of textbook 30",
      ),
      option("--filters <list>", "convnet: filters@size of each convolution", filters).default(
        undefined,
        "24@5,32@3",
      ),
      choice("--activation <name>", "activation of the hidden layers", Object.keys(ACTIVATIONS)).default(
        undefined,
        "relu; of textbook sigmoid",
      ),
      option("--batch-norm", "normalises batches before each hidden layer's activation"),
      option(
        "--dropout <rate>",
        "fraction of the hidden dense layers' outputs that is zeroed in training",
        belowOne,
      ).default(undefined, "0"),
    ],
    Loss: [
      choice(
        "--loss <name>",
        "quadratic is the textbook's ½‖y−a‖², and adds the activation after the last layer, too; l1 is the mean absolute error; bce is the mean over outputs of binary cross-entropies, sigmoid-cross-entropy their sum",
        Object.keys(LOSSES),
      ).default("cross-entropy"),
      option("--label-smoothing <fraction>", "label smoothing of cross-entropy", belowOne).default(
        undefined,
        "0",
      ),
      option("--l1 <weight>", "adds weight · Σ|w| over all weights w to the loss", notNegative).default(
        undefined,
        "0",
      ),
      option("--l2 <weight>", "adds weight · Σw²", notNegative).default(undefined, "0"),
    ],
    Optimizer: [
      choice(
        "--optimizer <name>",
        "momentum is sgd with --momentum 0.9, and nesterov Nesterov's",
        Object.keys(OPTIMIZERS),
      ).default("adam"),
      ofOptimizers("--lr, --learning-rate <rate>", "learningRate", "learning rate", positive),
      ofOptimizers("--momentum <factor>", "momentum", "momentum", betweenZeroAndOne),
      ofOptimizers("--beta1 <rate>", "beta1", "decay rate of the mean of gradients", belowOne),
      ofOptimizers("--beta2 <rate>", "beta2", "decay rate of the mean of squared gradients", belowOne),
      ofOptimizers("--weight-decay <rate>", "weightDecay", "decay rate of weights", notNegative),
      option("--clip-norm <limit>", "scales all gradients down where their norm exceeds the limit", positive),
      option("--clip-value <limit>", "clips every gradient to ±limit", positive),
    ],
    Schedule: [
      choice(
        "--schedule <name>",
        "schedule of the learning rate; plateau monitors the test loss",
        Object.keys(SCHEDULES),
      ).default("constant"),
      option("--step-size <epochs>", "step: number of epochs between two drops", wholeNumber(1)).default(
        undefined,
        "2",
      ),
      option(
        "--gamma <factor>",
        "factor of step's and plateau's drops, and of exponential's epochs",
        betweenZeroAndOne,
      ).default(undefined, "0.1; of exponential 0.9"),
      option(
        "--patience <epochs>",
        "plateau: epochs without improvement before a drop",
        wholeNumber(0),
      ).default(undefined, "2"),
      option(
        "--warmup-steps <n>",
        "number of steps in which the rate rises to the schedule's",
        wholeNumber(0),
      ).default(undefined, "0"),
    ],
    Augmentation: [
      option(
        "--augment <names...>",
        `augments the training images, differently in each epoch: ${AUGMENTATION_FORMS.join(" ")}; numbers in brackets are optional`,
        augmentation,
      ).default(undefined, "as they are"),
    ],
    Run: [
      option("--epochs <n>", "number of passes over the data", wholeNumber(1, 1e6)).default(5),
      option("--batch <n>", "samples a step", wholeNumber(1)).default(128),
      option("--drop-last", "drops a smaller last batch"),
      option(
        "--accumulate <n>",
        "splits each batch into n parts: the same step in less memory",
        wholeNumber(1),
      ).default(undefined, "1"),
      option(
        "--early-stopping <epochs>",
        "ends after that many epochs without a better test loss, and keeps the best weights",
        wholeNumber(1),
      ),
      option(
        "--resume [file]",
        "continues from a checkpoint, with the same options: of a folder, or of a name with {epoch} or {step}, from the newest whole one; without a file, from that of --checkpoint, where it is there",
      ),
      option(
        "--seed <n>",
        "seed of the initial weights, the order of samples and dropout",
        wholeNumber(0),
      ).default(1),
      choice(
        "--device <name>",
        "where to train; wasm computes on the processor, with all its cores; cpu is the reference in JavaScript, many times slower",
        ENGINES,
      ).default(undefined, DEFAULT_ENGINE),
      option("--threads <n>", "threads of the wasm engine", threadCount).default(undefined, DEFAULT_THREADS),
    ],
    Output: [
      option("--save <file>", "writes the weights as safetensors"),
      option(
        "--checkpoint <file>",
        "writes a checkpoint for --resume after each epoch, and at Ctrl-C; with {epoch} or {step} in the name, several files",
      ),
      option("--checkpoint-steps <n>", "writes another after every n steps", wholeNumber(1)),
      option("--keep <n>", "number of checkpoints kept, the last ones", wholeNumber(1)).default(
        undefined,
        "3 of a name with a number",
      ),
      option(
        "--history <file>",
        "writes a line for each epoch: as CSV, or as JSON where the name ends in .jsonl",
      ),
      option("--summary", "prints the model's layers before training"),
      option("--describe", "prints the training step before it runs"),
      option("--json", "one JSON object a line on stdout: each epoch, then the result"),
    ],
  };
}

/** An option of optimizers, with their names unless all take it, and its defaults: "0.001; of sgd 0.01". */
function ofOptimizers(
  flags: string,
  setting: keyof OptimizerEntry["defaults"],
  description: string,
  parse: (text: string) => number,
): Option {
  const all: [string, OptimizerEntry][] = Object.entries(OPTIMIZERS);
  const takers = all.filter(([, { defaults }]) => defaults[setting] !== undefined);
  const values = new Map<number | undefined, string[]>();
  for (const [name, { defaults }] of takers)
    values.set(defaults[setting], [...(values.get(defaults[setting]) ?? []), name]);
  // The default optimizer's first.
  const weight = ([, names]: [unknown, string[]]) => (names.includes("adam") ? all.length : names.length);
  const [[common], ...others] = [...values].sort((a, b) => weight(b) - weight(a));
  const standard = [`${common}`, ...others.map(([value, names]) => `of ${names.join(", ")} ${value}`)];
  const names = takers.map(([name]) => name).join(", ");
  const whose = takers.length < all.length ? `${description}; of ${names}` : description;
  return option(flags, whose, parse).default(undefined, standard.join("; "));
}

/**
 * The description of an option, its values and its default. A default that depends on other options has a description
 * but no value: commander then leaves the option undefined.
 */
function describeOption({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const standard = defaultValueDescription ?? defaultValue;
  const notes = [
    ...(argChoices ? [argChoices.join(", ")] : []),
    ...(standard === undefined ? [] : [`default: ${standard}`]),
  ];
  return notes.length > 0 ? `${description} (${notes.join("; ")})` : description;
}

function option(flags: string, description: string, read?: (text: string) => unknown): Option {
  const made = new Option(flags, description);
  return read ? made.argParser(read) : made;
}

function choice(flags: string, description: string, values: readonly string[]): Option {
  return option(flags, description).choices(values);
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

/** Reads "24@5,32@3". */
function filters(text: string): Filters[] {
  const parse = wholeNumber(1, MAX_WIDTH);
  return text.split(",").map((part) => {
    const [count, size, ...more] = part.split("@");
    if (size === undefined || more.length > 0) {
      throw new InvalidArgumentError("Expected filters@size with commas between them, such as 24@5,32@3.");
    }
    return { filters: parse(count), kernel: parse(size) };
  });
}

/** Reads one of several augmentations. */
function augmentation(text: string, before: readonly Augmentation[] = []): Augmentation[] {
  try {
    return [...before, augmentationNamed(text)];
  } catch (error) {
    throw new InvalidArgumentError(`${error instanceof Error ? error.message : error}.`);
  }
}
