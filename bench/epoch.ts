/** Time until a model reads handwritten digits: seconds to a test accuracy, of training and of start-up. */

import { type Command, Option } from "commander";
import type { Engine } from "wgrad";
import { digits, mnist } from "wgrad/data";
import type { ChartSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatSpread, type Spread, significant, spreadOf } from "./measure.ts";
import {
  benchmark,
  type EngineFlags,
  endOf,
  engineOptions,
  MAX_SEED,
  note,
  type OutputFlags,
  openMeasured,
  outputOptions,
  repetitionsOption,
  seedOption,
} from "./options.ts";
import { publish, publishSoFar, type Report } from "./report.ts";
import {
  type AccuracyPoint,
  type Recipe,
  type StartUp,
  Stopwatch,
  type TrainingData,
  type TrainingRun,
  trainOnce,
} from "./training.ts";
import { layersOf } from "./workload.ts";

const RECIPES = {
  mlp: {
    convolutions: false,
    hidden: [256, 128],
    batch: 256,
    epochs: 3,
    learningRate: 0.008,
    beta1: 0.7,
    beta2: 0.9,
  },
  convnet: {
    convolutions: true,
    hidden: [256],
    batch: 256,
    epochs: 1,
    learningRate: 0.01,
    beta1: 0.7,
    beta2: 0.9,
  },
} satisfies Record<string, Recipe>;

/** Percent of the test set. */
const TARGETS = [97, 98, 99];

interface EpochFlags extends EngineFlags, OutputFlags {
  readonly model: keyof typeof RECIPES;
  readonly dataset: "mnist" | "digits";
  readonly data?: string;
  readonly count: number;
  readonly epochs?: number;
  readonly every: number;
  readonly repetitions: number;
  readonly seed: number;
}

interface EpochResult {
  readonly adapter: string;
  readonly model: string;
  readonly dataset: string;
  readonly trainSamples: number;
  readonly testSamples: number;
  readonly recipe: Recipe;
  readonly every: number;
  /** Start-up of the first run: later runs find pipelines compiled. */
  readonly startUp: StartUp & { readonly adapter: number };
  readonly runs: readonly TrainingRun[];
  readonly targets: readonly Target[];
}

interface Target {
  /** Percent. */
  readonly accuracy: number;
  /** Number of runs that reached the accuracy. */
  readonly reached: number;
  /** Seconds of training and steps until then, of those that did. */
  readonly seconds?: Spread;
  readonly steps?: Spread;
}

export function epochCommand(): Command {
  const command = benchmark("epoch", "seconds to 97 %, 98 % and 99 % test accuracy on MNIST, and start-up")
    .addOption(
      new Option("--model <name>", "mlp is 784-256-128-10; convnet has two convolutions before 256-10")
        .choices(Object.keys(RECIPES))
        .default("mlp"),
    )
    .addOption(
      new Option("--dataset <name>", "digits are generated, which is faster than reading MNIST")
        .choices(["mnist", "digits"])
        .default("mnist"),
    )
    .option(
      "--data <folder>",
      "a folder with MNIST's four files (default: $MNIST_DIR, otherwise they are fetched)",
    )
    .addOption(
      new Option("--count <n>", "number of training digits, with a fifth as many for the test")
        .argParser(wholeNumber(1, 100_000))
        .default(20_000),
    )
    .addOption(
      new Option("--epochs <n>", `number of passes over the data (default: ${standardEpochs()})`).argParser(
        wholeNumber(1, 1000),
      ),
    )
    .addOption(
      new Option("--every <steps>", "number of steps between evaluations")
        .argParser(wholeNumber(1, 1e6))
        .default(20),
    )
    .addOption(repetitionsOption(1, "number of trainings, each with the next seed"))
    .addOption(seedOption())
    .action(epoch);
  for (const option of [...engineOptions(), ...outputOptions()]) command.addOption(option);
  return command;
}

function standardEpochs(): string {
  return Object.entries(RECIPES)
    .map(([name, { epochs }]) => `${epochs} of ${name}`)
    .join(", ");
}

async function epoch({ model, epochs, ...flags }: EpochFlags): Promise<void> {
  const recipe = { ...RECIPES[model], epochs: epochs ?? RECIPES[model].epochs };
  const data = await loadData(flags);
  const watch = new Stopwatch();
  await using engine = await openMeasured(flags);
  const adapterSeconds = watch.lap();
  const result = (runs: readonly TrainingRun[]): EpochResult => ({
    adapter: engine.info.adapter,
    model,
    dataset: flags.dataset,
    trainSamples: data.train.count,
    testSamples: data.test.count,
    recipe,
    every: flags.every,
    startUp: { adapter: adapterSeconds, ...runs[0].startUp },
    runs,
    targets: TARGETS.map((accuracy) => targetOf(accuracy, runs)),
  });
  const reportOf = (runs: readonly TrainingRun[]) => epochReport(result(runs), endOf(engine));
  const tell = (runs: readonly TrainingRun[]) => publishSoFar(() => reportOf(runs), flags);
  await publish(reportOf(await trainRepeatedly(engine, recipe, data, flags, tell)), flags);
}

async function loadData({
  dataset,
  data,
  count,
}: Pick<EpochFlags, "dataset" | "data" | "count">): Promise<TrainingData> {
  if (dataset === "digits") return digits({ train: count, test: Math.ceil(count / 5) });
  const told = new Set<string>();
  return mnist({
    dir: data,
    onProgress: ({ source }) => {
      if (!told.has(source)) note(`reading ${source}`);
      told.add(source);
    },
  });
}

type RunFlags = Pick<EpochFlags, "every" | "seed" | "repetitions">;

async function trainRepeatedly(
  engine: Engine,
  recipe: Recipe,
  data: TrainingData,
  { every, seed, repetitions }: RunFlags,
  onRun: (runs: readonly TrainingRun[]) => void,
): Promise<TrainingRun[]> {
  if (data.train.count < recipe.batch) {
    throw new Error(
      `there are ${data.train.count} samples, but a batch has ${recipe.batch}; give more samples`,
    );
  }
  const runs: TrainingRun[] = [];
  for (let i = 0; i < repetitions; i++) {
    note(`training ${i + 1} of ${repetitions}, seed ${(seed + i) % (MAX_SEED + 1)}`);
    runs.push(await trainOnce(engine, recipe, data, { every, seed: (seed + i) % (MAX_SEED + 1) }));
    onRun(runs);
  }
  return runs;
}

/** When the runs first had this accuracy, in percent. */
export function targetOf(accuracy: number, runs: readonly Pick<TrainingRun, "points">[]): Target {
  const first = runs
    .map(({ points }) => points.find((point) => point.accuracy * 100 >= accuracy))
    .filter((point) => point !== undefined);
  if (first.length === 0) return { accuracy, reached: 0 };
  const spread = (value: (point: AccuracyPoint) => number) => spreadOf(first.map(value));
  return {
    accuracy,
    reached: first.length,
    seconds: spread(({ seconds }) => seconds),
    steps: spread(({ steps }) => steps),
  };
}

function epochReport(result: EpochResult, end: string): Report {
  return {
    name: `epoch-${result.model}${result.dataset === "mnist" ? "" : `-${result.dataset}`}${end}`,
    lines: epochLines(result),
    object: { benchmark: "epoch", ...result },
    chart: epochChart(result),
  };
}

function epochLines(result: EpochResult): string[] {
  const { recipe, startUp, runs, targets } = result;
  const { upload, compile, firstStep, adapter } = startUp;
  const last = runs.map(({ points }) => points[points.length - 1]);
  const before = adapter + upload + compile;
  const seconds = (value: number) => `${significant(value)} s`;
  const seeds = runs.map(({ seed }) => seed);
  return [
    `Training ${layersOf(recipe).join("-")} on ${result.trainSamples.toLocaleString("en-US")} samples of ${result.dataset}: ${describe(recipe)}`,
    "",
    `Start-up: adapter ${seconds(adapter)}, upload ${seconds(upload)}, compile ${seconds(compile)}, first step ${seconds(firstStep)}; in all ${seconds(before + firstStep)}`,
    "",
    ...table([
      ["test accuracy", "steps", "s of training", "s with start-up", "runs"],
      ...targets.map(({ accuracy, reached, seconds, steps }) => [
        `${accuracy} %`,
        steps ? countSpread(steps) : "–",
        seconds ? formatSpread(seconds) : "not reached",
        seconds ? significant(seconds.median + before) : "–",
        `${reached} of ${runs.length}`,
      ]),
    ]),
    "",
    `In the end: ${percentSpread(spreadOf(last.map(({ accuracy }) => accuracy)))}${meanOf(last)} of ${result.testSamples.toLocaleString("en-US")} after ${last[0].steps} steps, ${formatSpread(spreadOf(last.map(({ seconds }) => seconds)))} s of training; seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}`,
    `Evaluated every ${result.every} steps, in ${seconds(runs[0].evaluationSeconds)} that do not count. Training counts from the first step on, and start-up everything before it but reading the data.`,
    ...(runs.length > 1 ? ["Start-up is the first run's; later ones find kernels compiled."] : []),
  ];
}

function describe({ batch, epochs, learningRate, beta1, beta2 }: Recipe): string {
  return `batch ${batch}, Adam (learning rate ${learningRate}, beta1 ${beta1}, beta2 ${beta2}), one cycle over ${epochs} epoch${epochs > 1 ? "s" : ""}`;
}

function countSpread({ median, lowest, highest }: Spread): string {
  return lowest < highest ? `${median} (${lowest} – ${highest})` : `${median}`;
}

/** ", mean 98.76 %" of several. */
function meanOf(points: readonly AccuracyPoint[]): string {
  if (points.length === 1) return "";
  const sum = points.reduce((sum, { accuracy }) => sum + accuracy, 0);
  return `, mean ${((sum / points.length) * 100).toFixed(2)} %,`;
}

function percentSpread({ median, lowest, highest }: Spread): string {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  return lowest < highest ? `${percent(median)} (${percent(lowest)} – ${percent(highest)})` : percent(median);
}

function epochChart({ recipe, dataset, runs, testSamples }: EpochResult): ChartSpec {
  // A logarithm has no place for a perfect score: half a sample stands for it.
  const error = (accuracy: number) => 100 * Math.max(1 - accuracy, 0.5 / testSamples);
  return {
    kind: "lines",
    title: `Test error on ${dataset} while ${layersOf(recipe).join("-")} trains`,
    x: { name: "time spent training, first step included", unit: "s" },
    y: { name: "test error", unit: "%", log: true, base: 2 },
    series: runs.map(({ seed, points }) => ({
      name: `seed ${seed}`,
      points: points.map(({ seconds, accuracy }) => ({ x: seconds, y: error(accuracy) })),
    })),
  };
}
