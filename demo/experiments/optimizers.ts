/**
 * Optimizers on the same model, the same start and the same batches: how far each comes in so many steps, and in how
 * much time. Each has the learning rate that serves it best, of some that are tried first.
 */
import { dense, evaluate, type Optimizer, relu, type Session, sequential, session } from "wgrad";
import { significant } from "../../charts/numbers.ts";
import type { LinesSpec } from "../../charts/spec.ts";
import { optimizerOf } from "../../presets/build.ts";
import type { OptimizerName } from "../../presets/choices.ts";
import { table } from "../../src/text.ts";
import type { Images } from "./frame/data.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { last, mean, nextLosses, percent } from "./frame/training.ts";

interface Candidate {
  readonly name: string;
  readonly optimizer: OptimizerName;
  readonly rates: readonly number[];
}

const CANDIDATES: readonly Candidate[] = [
  { name: "SGD", optimizer: "sgd", rates: [0.03, 0.1, 0.3, 1] },
  { name: "momentum 0.9", optimizer: "momentum", rates: [0.01, 0.03, 0.1, 0.3] },
  { name: "Nesterov 0.9", optimizer: "nesterov", rates: [0.01, 0.03, 0.1, 0.3] },
  { name: "RMSProp", optimizer: "rmsprop", rates: [0.0003, 0.001, 0.003, 0.01] },
  { name: "Adam", optimizer: "adam", rates: [0.001, 0.003, 0.01, 0.03] },
];

const BATCH = 128;
/** Losses are told as means of so many steps. */
const WINDOW = 25;
/** The loss that a curve must reach and stay below, as a mean of WINDOW steps. */
const GOAL = 0.15;

interface Curve {
  /** Means of WINDOW steps in a row. */
  readonly losses: readonly number[];
  /** When each of them was reached, in seconds spent training. */
  readonly seconds: readonly number[];
  /** Accuracy in percent. */
  readonly accuracy: number;
}

interface Found extends Curve {
  readonly name: string;
  readonly learningRate: number;
}

export const optimizers: Experiment = {
  name: "optimizers",
  title: "Optimizers",
  question: "SGD, momentum, Nesterov, RMSProp, Adam: which one comes furthest?",
  async run(context) {
    const { quick, note } = context;
    const images = await context.mnist(quick ? { train: 4000, test: 1000 } : { train: 50_000, test: 10_000 });
    const rates: number[] = [];
    for (const candidate of CANDIDATES) {
      rates.push(await bestRate(context, images, candidate));
      note(`${candidate.name}: best at learning rate ${last(rates)}`);
    }
    const chosen = CANDIDATES.map(({ optimizer }, i) => optimizerOf(optimizer, { learningRate: rates[i] }));
    const curves = await descend(context, images, chosen, quick ? 150 : 2000);
    return outcome(CANDIDATES.map(({ name }, i) => ({ name, learningRate: rates[i], ...curves[i] })));
  },
};

/** The rate whose loss is lowest after a short run. */
async function bestRate(context: Context, images: Images, { optimizer, rates }: Candidate): Promise<number> {
  const made = rates.map((learningRate) => optimizerOf(optimizer, { learningRate }));
  const curves = await descend(context, images, made, context.quick ? 75 : 300);
  const ends = curves.map(({ losses }) => last(losses));
  // A rate at which training diverges ends with NaN or infinity, and is never the best.
  const best = ends.reduce(
    (found, loss, i) => (loss < (ends[found] ?? Number.NaN) ? i : found),
    ends.findIndex(Number.isFinite),
  );
  if (best < 0) throw new Error(`every learning rate of ${rates.join(", ")} diverges`);
  return rates[best];
}

/** 784-64-10 in training by one of the optimizers. */
interface Run {
  readonly training: Session;
  readonly losses: number[];
  readonly seconds: number[];
}

/**
 * Trains the same model from the same start by each optimizer, a window of steps in turn, so that what else the machine
 * does slows all alike.
 */
async function descend(
  { engine, seed }: Context,
  { train, test }: Images,
  optimizers: readonly Optimizer[],
  steps: number,
): Promise<Curve[]> {
  const runs: Run[] = [];
  try {
    for (const optimizer of optimizers) {
      const model = sequential(dense(64), relu(), dense(10));
      const options = { optimizer, batchSize: BATCH, seed, dropLast: true, firstEpoch: 0 };
      runs.push({ training: await session(engine, model, train, options), losses: [], seconds: [] });
    }
    for (let step = 0; step < steps; step += WINDOW) for (const run of runs) await advance(run);
    const curves: Curve[] = [];
    for (const { training, losses, seconds } of runs) {
      // No evaluation takes the outputs of a diverged network.
      const trained = Number.isFinite(last(losses)) ? await evaluate(training.trainer, test) : undefined;
      const accuracy = trained?.accuracy ?? Number.NaN;
      curves.push({ losses, seconds, accuracy: 100 * accuracy });
    }
    return curves;
  } finally {
    for (const { training } of runs) training.release();
  }
}

async function advance({ training, losses, seconds }: Run): Promise<void> {
  const began = performance.now();
  const next = await nextLosses(training, WINDOW);
  losses.push(next ? mean(next) : Number.NaN);
  seconds.push((seconds[seconds.length - 1] ?? 0) + (performance.now() - began) / 1000);
}

function outcome(found: readonly Found[]): Outcome {
  const steps = found[0].losses.length * WINDOW;
  return {
    figures: {
      ...Object.fromEntries(found.map(({ name, learningRate }) => [`learning rate, ${name}`, learningRate])),
      ...Object.fromEntries(found.map(({ name, losses }) => [`first loss, ${name}`, losses[0]])),
      ...Object.fromEntries(found.map(({ name, losses }) => [`last loss, ${name}`, last(losses)])),
      ...Object.fromEntries(found.map((one) => [`steps to ${GOAL}, ${one.name}`, stepsTo(one, GOAL)])),
      ...Object.fromEntries(found.map(({ name, accuracy }) => [`accuracy, ${name}`, accuracy])),
    },
    lines: [
      `784-64-10, ReLU, cross-entropy, ${steps} steps of ${BATCH} images; the loss is a mean of ${WINDOW} steps`,
      ...table([
        ["", "rates tried", "best", `steps to ${GOAL}`, "last loss", "test accuracy", "ms a step"],
        ...found.map((one, i) => [
          one.name,
          CANDIDATES[i].rates.join(", "),
          String(one.learningRate),
          formatSteps(stepsTo(one, GOAL)),
          significant(last(one.losses)),
          percent(one.accuracy),
          significant((1000 * last(one.seconds)) / steps),
        ]),
      ]),
    ],
    charts: [
      chart(found, "steps", { name: "step" }, (_one, i) => (i + 1) * WINDOW),
      chart(found, "time", { name: "time spent training", unit: "s" }, ({ seconds }, i) => seconds[i]),
    ],
  };
}

/** After which step the loss is below `goal` for the first time. */
function stepsTo({ losses }: Curve, goal: number): number {
  const found = losses.findIndex((loss) => loss < goal);
  return found < 0 ? Number.POSITIVE_INFINITY : (found + 1) * WINDOW;
}

function formatSteps(steps: number): string {
  return Number.isFinite(steps) ? steps.toLocaleString("en-US") : "more";
}

function chart(
  found: readonly Found[],
  name: string,
  x: LinesSpec["x"],
  place: (one: Found, i: number) => number,
): LinesSpec {
  return {
    kind: "lines",
    name,
    title: `Training loss against ${name}: each optimizer at its best learning rate`,
    x,
    y: { name: `loss, mean of ${WINDOW} steps`, log: true, base: 2 },
    series: found.map((one) => ({
      name: `${one.name}, ${one.learningRate}`,
      style: "plain",
      points: one.losses.map((loss, i) => ({ x: place(one, i), y: loss })),
    })),
  };
}
