/**
 * Linear regression in closed form and by four iterative methods, and logistic regression, which has no closed form, by
 * the same four: all find the same weights, in very different numbers of steps.
 */
import {
  binaryCrossEntropy,
  createTrainer,
  dense,
  type Engine,
  init,
  type Loss,
  meanSquaredError,
} from "wgrad";
import { linearRegression } from "wgrad/linear";
import {
  gradientDescent,
  lbfgs,
  type MinimizeOptions,
  type Minimum,
  newtonCG,
  type Objective,
  objective,
} from "wgrad/minimize";
import type { BoundariesSpec, LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Experiment, Outcome } from "./frame/experiment.ts";
import { last } from "./frame/training.ts";

const ROWS = 200;
/** Features are from -REACH to REACH. */
const REACH = 3;
/** Coefficients of the table: y = 3 + 2 a - 1.5 b, and a little noise. */
const TRUTH = { weights: [2, -1.5], bias: 3, noise: 0.1 };

/** Each is done when no component of the gradient is above this: a line search on 32-bit losses sees little more. */
const TOLERANCE = 5e-5;

type Minimise = (objective: Objective, options: MinimizeOptions) => Promise<Minimum>;

/** `learningRate` is gradient descent's: the others find the length of a step themselves. */
const methods = (learningRate: number): readonly { readonly name: string; readonly minimise: Minimise }[] => [
  {
    name: `gradient descent, rate ${learningRate}`,
    minimise: (f, options) => gradientDescent(f, { ...options, learningRate, maxSteps: 2000 }),
  },
  { name: "L-BFGS", minimise: lbfgs },
  { name: "Newton-CG", minimise: newtonCG },
];
const LINEAR_RATE = 0.1;
const LOGISTIC_RATE = 1;

/** Slope of the logit of class 1: gentle enough that neither class is certain anywhere. */
const STEEPNESS = 0.4;

/** Samples as rows of two features. */
interface Table {
  readonly rows: readonly (readonly [number, number])[];
  readonly targets: readonly number[];
}

interface Fit {
  readonly method: string;
  /** Both weights, and the bias. */
  readonly position: readonly number[];
  readonly minimum: Minimum;
  /** The loss before the first step, and after each. */
  readonly losses: readonly number[];
}

export const regression: Experiment = {
  name: "regression",
  title: "Linear and logistic regression",
  question: "Do closed form, gradient descent, Newton-CG and L-BFGS find the same weights?",
  async run({ engine, seed, note }) {
    const numbers = linearTable(seed);
    const closed = linearRegression({ x: numbers.rows, y: numbers.targets });
    const linear = await fits(engine, numbers, meanSquaredError(), LINEAR_RATE);
    note("linear regression: done");
    const classes = logisticTable(numbers, seed);
    const logistic = await fits(engine, classes, binaryCrossEntropy(), LOGISTIC_RATE);
    note("logistic regression: done");
    return outcome([...closed.weights, ...closed.intercept], linear, classes, logistic);
  },
};

/** Two features, uniform, and a number that depends on them. */
function linearTable(seed: number): Table {
  const a = init.uniform(-REACH, REACH)([ROWS], { seed, stream: 1 });
  const b = init.uniform(-REACH, REACH)([ROWS], { seed, stream: 2 });
  const noise = init.normal(TRUTH.noise)([ROWS], { seed, stream: 3 });
  const rows = Array.from(a, (value, i): [number, number] => [value, b[i]]);
  const targets = rows.map((row, i) => linear(row) + noise[i]);
  return { rows, targets };
}

function linear([a, b]: readonly [number, number]): number {
  return TRUTH.weights[0] * a + TRUTH.weights[1] * b + TRUTH.bias;
}

/** The same features with classes: 1 with a probability that rises with the sum above, and is ½ in its middle. */
function logisticTable({ rows }: Table, seed: number): Table {
  const draws = init.uniform(0, 1)([ROWS], { seed, stream: 4 });
  const middle = rows.reduce((sum, row) => sum + linear(row), 0) / ROWS;
  const targets = rows.map((row, i) =>
    Number(draws[i] < 1 / (1 + Math.exp(STEEPNESS * (middle - linear(row))))),
  );
  return { rows, targets };
}

/** The same model, data and start (zeros) for each method. */
async function fits(
  engine: Engine,
  { rows, targets }: Table,
  loss: Loss,
  learningRate: number,
): Promise<Fit[]> {
  const found: Fit[] = [];
  for (const { name, minimise } of methods(learningRate)) {
    const trainer = createTrainer(engine, dense(1, { init: init.zeros() }), { inputShape: [2] });
    const f = await objective(
      trainer,
      { x: [ROWS, 2], y: [ROWS, 1] },
      ({ x, y }, model) => loss.apply(model(x), y),
      { x: Float32Array.from(rows.flat()), y: Float32Array.from(targets) },
    );
    const losses = [(await f.at(await f.position())).loss];
    const minimum = await minimise(f, {
      tolerance: TOLERANCE,
      onStep: (_step, value) => losses.push(value),
    });
    found.push({ method: name, position: Array.from(minimum.position), minimum, losses });
    f.release();
    trainer.release();
  }
  return found;
}

/** The largest difference between two sets of weights. */
function distance(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}

function outcome(
  closed: readonly number[],
  linearFits: readonly Fit[],
  classes: Table,
  logisticFits: readonly Fit[],
): Outcome {
  // No formula gives the weights of logistic regression: the others are held against Newton's.
  const newton = last(logisticFits).position;
  const accuracy =
    (100 * classes.rows.filter((row, i) => Number(score(newton, row) > 0) === classes.targets[i]).length) /
    ROWS;
  return {
    figures: {
      ...Object.fromEntries(
        linearFits.map((fit) => [
          `linear, ${fit.method}, off the closed form`,
          distance(fit.position, closed),
        ]),
      ),
      ...Object.fromEntries(
        logisticFits.map((fit) => [`logistic, ${fit.method}, off Newton-CG`, distance(fit.position, newton)]),
      ),
      ...Object.fromEntries(linearFits.map((fit) => [`linear, ${fit.method}, steps`, fit.minimum.steps])),
      ...Object.fromEntries(logisticFits.map((fit) => [`logistic, ${fit.method}, steps`, fit.minimum.steps])),
      "closed form, off the truth": distance(closed, [...TRUTH.weights, TRUTH.bias]),
      "logistic accuracy": accuracy,
    },
    lines: [
      `Linear regression on ${ROWS} rows made by y = 3 + 2 a - 1.5 b + noise of ${TRUTH.noise}`,
      ...table([
        header("off closed form"),
        ["closed form", ...closed.map((value) => value.toFixed(4)), "–", "–", "–", "–"],
        ...linearFits.map((fit) => line(fit, closed)),
      ]),
      "",
      `Logistic regression on the same rows with two classes; ${accuracy.toFixed(1)} % of them end on the right side`,
      ...table([header("off Newton-CG"), ...logisticFits.map((fit) => line(fit, newton))]),
    ],
    charts: [
      lossChart("linear", "Linear regression: how far the loss is from its minimum", linearFits),
      lossChart("logistic", "Logistic regression: how far the loss is from its minimum", logisticFits),
      boundary(newton, classes),
    ],
  };
}

function header(off: string): string[] {
  return ["", "weight of a", "weight of b", "bias", "steps", "gradients", "Hessian products", off];
}

function line({ method, position, minimum }: Fit, reference: readonly number[]): string[] {
  const off = distance(position, reference);
  return [
    method,
    ...position.map((value) => value.toFixed(4)),
    String(minimum.steps),
    String(minimum.evaluations),
    String(minimum.products),
    position === reference ? "–" : off.toExponential(1),
  ];
}

function score([a, b, bias]: readonly number[], row: readonly [number, number]): number {
  return a * row[0] + b * row[1] + bias;
}

/** Losses less the lowest that any method found, as far as 32-bit floats tell them apart. */
function lossChart(name: string, title: string, fits: readonly Fit[]): LinesSpec {
  const lowest = Math.min(...fits.flatMap(({ losses }) => losses));
  const smallest = 1e-7;
  return {
    kind: "lines",
    name,
    title,
    x: { name: "step", from: 0 },
    y: { name: "loss above the lowest", log: true },
    series: fits.map(({ method, losses }) => ({
      name: method,
      style: losses.length > 30 ? "plain" : "marked",
      points: losses.flatMap((loss, step) =>
        loss - lowest > smallest ? [{ x: step, y: loss - lowest }] : [],
      ),
    })),
  };
}

function boundary(position: readonly number[], { rows, targets }: Table): BoundariesSpec {
  const points = 41;
  const at = (i: number) => REACH * ((2 * i) / (points - 1) - 1);
  const all = Array.from({ length: points }, (_, i) => i);
  const field = all.flatMap((j) => all.map((i) => 1 / (1 + Math.exp(-score(position, [at(i), at(j)])))));
  return {
    kind: "boundaries",
    name: "boundary",
    title: "Logistic regression: where it holds both classes equally likely",
    x: { name: "a", from: -REACH, to: REACH },
    y: { name: "b", from: -REACH, to: REACH },
    classes: ["class 0", "class 1"],
    panels: [
      {
        caption: "probability of class 1",
        field,
        columns: points,
        rows: points,
        points: rows.map(([x, y], i) => ({ x, y, label: targets[i] === 1 ? 1 : 0 })),
      },
    ],
  };
}
