/**
 * Bias and variance: models too small, right and too large for the data, told apart by their learning curves; and the size
 * of a hidden layer, chosen by cross-validation.
 */
import { adam, dense, type FitOptions, type Model, relu, sequential } from "wgrad";
import { type Dataset, subset, take } from "wgrad/data";
import { crossValidate, learningCurve } from "wgrad/search";
import { table } from "../../charts/numbers.ts";
import type { LinesSpec } from "../../charts/spec.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { percent } from "./frame/training.ts";

interface Size {
  readonly name: string;
  readonly hidden: readonly number[];
}

const MODELS: readonly Size[] = [
  { name: "too small: 784-2-10", hidden: [2] },
  { name: "right: 784-64-10", hidden: [64] },
  { name: "too large: 784-512-512-10", hidden: [512, 512] },
];
const SIZES = [100, 300, 1000, 3000, 10_000];
const QUICK_SIZES = [100, 300, 1000];
const WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const QUICK_WIDTHS = [1, 4, 16, 64];
const FOLDS = 5;
/** Of cross-validation. */
const COUNT = 2000;
/** Steps of each training: the same for all sizes, so that small sets are learned as well as large ones. */
const STEPS = 1500;
const BATCH = 50;

interface Curve extends Size {
  /** Accuracies in percent, by the number of images. */
  readonly points: readonly { readonly size: number; readonly train: number; readonly validation: number }[];
}

interface Width {
  readonly hidden: number;
  /** In percent: the mean of the folds, and their standard deviation. */
  readonly mean: number;
  readonly deviation: number;
}

export const capacity: Experiment = {
  name: "capacity",
  title: "Bias and variance",
  question: "Is a model too small or too large for its data, and how is the right size found?",
  async run(context) {
    const sizes = context.quick ? QUICK_SIZES : SIZES;
    const largest = sizes[sizes.length - 1];
    const { train: all } = await context.mnist({ train: largest + 5000, test: 1 });
    // The test set is left alone: sizes are chosen here.
    const validation = subset(
      all,
      Array.from({ length: context.quick ? 1000 : 5000 }, (_, i) => largest + i),
    );
    const curves: Curve[] = [];
    for (const size of MODELS) {
      curves.push({ ...size, points: await curveOf(context, size, take(all, largest), validation, sizes) });
      context.note(`${size.name}: done`);
    }
    const widths: Width[] = [];
    for (const hidden of context.quick ? QUICK_WIDTHS : WIDTHS) {
      widths.push(await validated(context, hidden, take(all, context.quick ? 500 : COUNT)));
      context.note(`hidden ${hidden}: ${percent(widths[widths.length - 1].mean)}`);
    }
    return outcome(curves, widths);
  },
};

function network(hidden: readonly number[]): Model {
  return sequential(...hidden.flatMap((width) => [dense(width), relu()]), dense(10));
}

function training({ seed, quick }: Context, count: number): FitOptions {
  const steps = quick ? STEPS / 3 : STEPS;
  return {
    optimizer: adam({ lr: 0.002 }),
    batchSize: BATCH,
    epochs: Math.max(1, Math.round((steps * BATCH) / count)),
    seed,
  };
}

async function curveOf(
  context: Context,
  { hidden }: Size,
  data: Dataset,
  validation: Dataset,
  sizes: readonly number[],
): Promise<Curve["points"]> {
  const points = [];
  for (const size of sizes) {
    const curve = await learningCurve(context.engine, network(hidden), data, {
      sizes: [size],
      validation,
      ...training(context, size),
    });
    const [{ train, validation: measured }] = curve.points;
    points.push({ size, train: inPercent(train.accuracy), validation: inPercent(measured.accuracy) });
  }
  return points;
}

async function validated(context: Context, hidden: number, data: Dataset): Promise<Width> {
  const { mean, std } = await crossValidate(context.engine, network([hidden]), data, {
    folds: FOLDS,
    stratified: true,
    ...training(context, data.count),
  });
  return { hidden, mean: inPercent(mean.accuracy), deviation: inPercent(std.accuracy) };
}

function inPercent(part: number | undefined): number {
  if (part === undefined) throw new Error("there is no accuracy; the data needs classes");
  return 100 * part;
}

function outcome(curves: readonly Curve[], widths: readonly Width[]): Outcome {
  const best = widths.reduce((a, b) => (b.mean > a.mean ? b : a));
  return {
    figures: {
      ...Object.fromEntries(
        curves.flatMap(({ hidden, points }) =>
          points.flatMap(({ size, train, validation }) => [
            [`training accuracy, ${hidden.join("-")} on ${size}`, train],
            [`validation accuracy, ${hidden.join("-")} on ${size}`, validation],
          ]),
        ),
      ),
      ...Object.fromEntries(widths.map(({ hidden, mean }) => [`cross-validated accuracy, ${hidden}`, mean])),
      "best width": best.hidden,
    },
    lines: [
      `ReLU, Adam 0.002, batches of ${BATCH}; accuracy in training and on images held back`,
      ...table([
        ["images", ...curves.map(({ name }) => name)],
        ...curves[0].points.map(({ size }, i) => [
          size.toLocaleString("en-US"),
          ...curves.map(({ points }) => `${percent(points[i].train)} / ${percent(points[i].validation)}`),
        ]),
      ]),
      "",
      `784-n-10 by ${FOLDS}-fold cross-validation: mean and standard deviation of the folds`,
      ...table([
        ["n", "accuracy", ""],
        ...widths.map(({ hidden, mean, deviation }) => [
          String(hidden),
          `${percent(mean)} ± ${deviation.toFixed(2)}`,
          hidden === best.hidden ? "the best" : "",
        ]),
      ]),
    ],
    charts: [curveChart(curves), widthChart(widths)],
  };
}

function curveChart(curves: readonly Curve[]): LinesSpec {
  return {
    kind: "lines",
    name: "curves",
    title: "Learning curves: training above, images held back below",
    x: { name: "images to learn from", log: true },
    y: { name: "accuracy", unit: "%", from: 0, to: 100 },
    series: curves.flatMap(({ name, points }, colour) => [
      { name: `${name}, training`, colour, points: points.map(({ size, train }) => ({ x: size, y: train })) },
      {
        name: `${name}, held back`,
        colour,
        style: "dashed" as const,
        points: points.map(({ size, validation }) => ({ x: size, y: validation })),
      },
    ]),
  };
}

function widthChart(widths: readonly Width[]): LinesSpec {
  return {
    kind: "lines",
    name: "widths",
    title: `Hidden units by ${FOLDS}-fold cross-validation, with a standard deviation on either side`,
    x: { name: "hidden units", log: true, base: 2 },
    y: { name: "accuracy", unit: "%" },
    series: [
      {
        name: "mean of the folds",
        points: widths.map(({ hidden, mean, deviation }) => ({
          x: hidden,
          y: { median: mean, lowest: mean - deviation, highest: mean + deviation },
        })),
      },
    ],
  };
}
