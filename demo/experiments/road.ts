/**
 * The road to 99.4 %: each row is a command of `npm run train`, run as it stands here, and adds one thing to the row
 * before. The first two are the textbook's (Nielsen, "Neural Networks and Deep Learning", chapters 1 and 3).
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BarsSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { percent } from "./frame/training.ts";

interface Row {
  readonly name: string;
  /** Arguments of `npm run train`. */
  readonly args: string;
  /** Epochs of the short version, which trains on a part of the images; it leaves out rows without. */
  readonly quick?: number;
}

const TEXTBOOK = "--optimizer sgd --batch 10";
const CONV = "--learning-rate 0.003 --schedule one-cycle --epochs 15";

const ROWS: readonly Row[] = [
  {
    name: "784-30-10, quadratic cost",
    args: `--model textbook --loss quadratic ${TEXTBOOK} --learning-rate 3 --epochs 30`,
    quick: 8,
  },
  {
    name: "784-100-10, cross-entropy, L2",
    args: `--model textbook --hidden 100 --loss sigmoid-cross-entropy --l2 4e-5 ${TEXTBOOK} --learning-rate 0.1 --epochs 60 --schedule cosine`,
  },
  { name: "one convolutional layer", args: `--model convnet --filters 24@5 --hidden 256 ${CONV}` },
  {
    name: "two convolutional layers",
    args: `--model convnet --filters 24@5,48@3 --hidden 256 ${CONV}`,
    quick: 8,
  },
  {
    name: "and dropout",
    args: `--model convnet --filters 24@5,48@3 --hidden 256 --dropout 0.5 ${CONV}`,
  },
  {
    name: "and augmentation",
    args: `--model convnet --filters 24@5,48@3 --hidden 256 --dropout 0.5 ${CONV} --augment rotate=8 scale=0.92,1.08 translate=1.5`,
    quick: 8,
  },
];

interface Found extends Row {
  /** Accuracy in percent. */
  readonly accuracy: number;
  readonly parameters: number;
  readonly seconds: number;
}

const QUICK_COUNT = 2000;
const TRAIN = fileURLToPath(new URL("../../cli/train.ts", import.meta.url));
const TSCONFIG = fileURLToPath(new URL("../../tsconfig.run.json", import.meta.url));
const TSX = fileURLToPath(new URL("../../node_modules/tsx/dist/cli.mjs", import.meta.url));

export const road: Experiment = {
  name: "road",
  title: "The road to 99.4 %",
  question: "What does each step of the textbook's journey bring on MNIST?",
  async run(context) {
    const { digits } = await context.mnist({ train: 10, test: 10 });
    const found: Found[] = [];
    for (const row of ROWS) {
      if (context.quick && row.quick === undefined) continue;
      found.push(await trained(row, commandOf(row, context, digits)));
      context.note(`${row.name}: ${percent(found[found.length - 1].accuracy)}`);
    }
    return outcome(found);
  },
};

function commandOf({ args, quick }: Row, context: Context, digits: boolean): string[] {
  return [
    ...args.split(" "),
    ...(context.quick ? ["--epochs", String(quick), "--count", String(QUICK_COUNT)] : []),
    ...(digits ? ["--dataset", "digits"] : context.data === undefined ? [] : ["--data", context.data]),
    ...(context.seed === 1 ? [] : ["--seed", String(context.seed)]),
    "--device",
    context.engine.kind,
  ];
}

/** Runs the command in a process of its own. @throws Error with the command's output where the command fails */
async function trained(row: Row, args: readonly string[]): Promise<Found> {
  const child = spawn(process.execPath, [TSX, "--tsconfig", TSCONFIG, TRAIN, ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { out: "", error: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    printed.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    printed.error += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const result = printed.out
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .find(({ event }) => event === "result");
  if (code !== 0 || !result) {
    throw new Error(
      `npm run train -- ${args.join(" ")} ended with exit code ${code}: ${printed.error.trim()}`,
    );
  }
  return {
    ...row,
    accuracy: 100 * result.testAccuracy,
    parameters: result.parameters,
    seconds: result.seconds,
  };
}

function outcome(found: readonly Found[]): Outcome {
  return {
    figures: Object.fromEntries(found.map(({ name, accuracy }) => [`accuracy, ${name}`, accuracy])),
    lines: [
      ...table([
        ["", "parameters", "training", "test accuracy"],
        ...found.map(({ name, parameters, seconds, accuracy }) => [
          name,
          parameters.toLocaleString("en-US"),
          `${seconds.toFixed(0)} s`,
          percent(accuracy),
        ]),
      ]),
      "",
      ...found.flatMap(({ name, args }) => [`${name}:`, `  npm run train -- ${args}`]),
    ],
    charts: [chart(found)],
  };
}

function chart(found: readonly Found[]): BarsSpec {
  return {
    kind: "bars",
    title: "Test error on MNIST, step by step",
    categories: found.map(({ name }) => name),
    value: { name: "test error", unit: "%" },
    series: [{ name: "test error", values: found.map(({ accuracy }) => 100 - accuracy) }],
    references: [{ value: 0.6, label: "0.6 %: 99.4 % right" }],
  };
}
