/**
 * Bias and variance: networks too small, right and too large for a few noisy points of a wave, told apart by their learning
 * curves; and the size of the hidden layers, chosen by cross-validation.
 */
import { adam, dense, type FitOptions, init, type Model, meanSquaredError, sequential, tanh } from "wgrad";
import { type Dataset, dataset } from "wgrad/data";
import { crossValidate, learningCurve } from "wgrad/search";
import type { LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";

interface Size {
  readonly name: string;
  readonly hidden: readonly number[];
}

const MODELS: readonly Size[] = [
  { name: "too small: 1-1-1", hidden: [1] },
  { name: "right: 1-8-1", hidden: [8] },
  { name: "too large: 1-64-64-1", hidden: [64, 64] },
];
/** The noise of y = sin 4x + noise, x from -1 to 1. */
const NOISE = 0.3;
/** Numbers of points to learn from. */
const SIZES = [10, 20, 40, 80, 160, 320];
const QUICK_SIZES = [20, 160];
/** Each point of a curve is a mean over so many draws of points. */
const DRAWS = 4;
/** Widths of both hidden layers, for cross-validation. */
const WIDTHS = [1, 2, 4, 8, 16, 32, 64];
const QUICK_WIDTHS = [1, 8, 64];
const FOLDS = 5;
/** Points of cross-validation. */
const COUNT = 60;
/** Steps of each training, so that few points are learned as well as many. */
const STEPS = 3000;

interface Curve extends Size {
  /** Root mean squared errors, by the number of points. */
  readonly points: readonly { readonly size: number; readonly train: number; readonly validation: number }[];
}

interface Width {
  readonly hidden: number;
  /** Root of the mean squared error on the fold held back: the mean over the folds, and their standard deviation. */
  readonly mean: number;
  readonly deviation: number;
}

export const capacity: Experiment = {
  name: "capacity",
  title: "Bias and variance",
  question: "Is a model too small or too large for its data, and how is the right size found?",
  async run(context) {
    const { quick, note } = context;
    const curves: Curve[] = [];
    for (const size of MODELS) {
      curves.push({
        ...size,
        points: await curveOf(context, size, quick ? QUICK_SIZES : SIZES, quick ? 1 : DRAWS),
      });
      note(`${size.name}: done`);
    }
    const widths: Width[] = [];
    const points = wave(context, COUNT, 100);
    for (const hidden of quick ? QUICK_WIDTHS : WIDTHS) {
      widths.push(await validated(context, hidden, points));
      note(`${FOLDS} folds of 1-${hidden}-${hidden}-1: error ${widths[widths.length - 1].mean.toFixed(3)}`);
    }
    return outcome(curves, widths);
  },
};

/** Noisy points of the wave, others for each `draw`. */
function wave({ seed }: Context, count: number, draw: number): Dataset {
  const x = init.uniform(-1, 1)([count], { seed, stream: 2 * draw });
  const noise = init.normal(NOISE)([count], { seed, stream: 2 * draw + 1 });
  return dataset({
    name: "wave",
    inputs: { data: x, shape: [1] },
    targets: { data: x.map((at, i) => Math.sin(4 * at) + noise[i]), shape: [1] },
  });
}

function network(hidden: readonly number[]): Model {
  return sequential(...hidden.flatMap((width) => [dense(width), tanh()]), dense(1));
}

function training({ seed, quick }: Context, count: number): FitOptions {
  const batchSize = Math.min(count, 20);
  const steps = quick ? STEPS / 2 : STEPS;
  return {
    loss: meanSquaredError(),
    optimizer: adam({ learningRate: 0.01 }),
    batchSize,
    epochs: Math.round((steps * batchSize) / count),
    seed,
  };
}

async function curveOf(
  context: Context,
  { hidden }: Size,
  sizes: readonly number[],
  draws: number,
): Promise<Curve["points"]> {
  const validation = wave(context, 1000, 99);
  const points = [];
  for (const size of sizes) {
    const mean = { train: 0, validation: 0 };
    for (let draw = 0; draw < draws; draw++) {
      const { points } = await learningCurve(context.engine, network(hidden), wave(context, size, draw), {
        sizes: [size],
        validation,
        ...training(context, size),
      });
      mean.train += Math.sqrt(points[0].train.loss) / draws;
      mean.validation += Math.sqrt(points[0].validation.loss) / draws;
    }
    points.push({ size, ...mean });
  }
  return points;
}

async function validated(context: Context, hidden: number, data: Dataset): Promise<Width> {
  const { folds } = await crossValidate(context.engine, network([hidden, hidden]), data, {
    folds: FOLDS,
    ...training(context, (data.count * (FOLDS - 1)) / FOLDS),
  });
  const errors = folds.map(({ validation }) => Math.sqrt(validation.loss));
  const mean = errors.reduce((sum, error) => sum + error, 0) / FOLDS;
  const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / FOLDS);
  return { hidden, mean, deviation };
}

function outcome(curves: readonly Curve[], widths: readonly Width[]): Outcome {
  const best = widths.reduce((a, b) => (b.mean < a.mean ? b : a));
  const named = ({ hidden }: Size) => `1-${hidden.join("-")}-1`;
  return {
    figures: {
      ...Object.fromEntries(
        curves.flatMap((curve) =>
          curve.points.flatMap(({ size, train, validation }) => [
            [`training error, ${named(curve)} on ${size}`, train],
            [`validation error, ${named(curve)} on ${size}`, validation],
          ]),
        ),
      ),
      ...Object.fromEntries(widths.map(({ hidden, mean }) => [`cross-validated error, ${hidden}`, mean])),
      "best width": best.hidden,
    },
    lines: [
      `y = sin 4x + noise of ${NOISE}; tanh, Adam 0.01; root mean squared errors, in training / on points held back`,
      ...table([
        ["points", ...curves.map(({ name }) => name)],
        ...curves[0].points.map(({ size }, i) => [
          String(size),
          ...curves.map(({ points }) => `${points[i].train.toFixed(3)} / ${points[i].validation.toFixed(3)}`),
        ]),
      ]),
      "",
      `1-n-n-1 on ${COUNT} points by ${FOLDS}-fold cross-validation: mean and standard deviation of the folds`,
      ...table([
        ["n", "error", ""],
        ...widths.map(({ hidden, mean, deviation }) => [
          String(hidden),
          `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`,
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
    title: "Learning curves: bias lies above the noise, variance between the two lines",
    x: { name: "points to learn from", log: true },
    y: { name: "root mean squared error" },
    series: curves.flatMap(({ hidden, points }, colour) => [
      {
        name: `1-${hidden.join("-")}-1, training`,
        colour,
        points: points.map(({ size, train }) => ({ x: size, y: train })),
      },
      {
        name: `1-${hidden.join("-")}-1, held back`,
        colour,
        style: "dashed" as const,
        points: points.map(({ size, validation }) => ({ x: size, y: validation })),
      },
    ]),
    references: [{ value: NOISE, label: "the noise" }],
  };
}

function widthChart(widths: readonly Width[]): LinesSpec {
  return {
    kind: "lines",
    name: "widths",
    title: `Width of two hidden layers by ${FOLDS}-fold cross-validation, ± a standard deviation of the folds`,
    x: { name: "neurons in each hidden layer", log: true, base: 2 },
    y: { name: "root mean squared error" },
    series: [
      {
        name: "points held back",
        points: widths.map(({ hidden, mean, deviation }) => ({
          x: hidden,
          y: { median: mean, lowest: mean - deviation, highest: mean + deviation },
        })),
      },
    ],
    references: [{ value: NOISE, label: "the noise" }],
  };
}
