/**
 * Overfitting: the textbook's 784-30-10 network on 1,000 images, which it learns by heart, and what helps against that
 * (Nielsen, "Neural Networks and Deep Learning", chapter 3).
 */
import {
  dense,
  dropout,
  type Epoch,
  evaluate,
  type FitOptions,
  init,
  sequential,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
} from "wgrad";
import { earlyStopping } from "wgrad/callbacks";
import { type Dataset, subset, take } from "wgrad/data";
import type { LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { last, percent, train, validationAccuracy } from "./frame/training.ts";

const FEW = 1000;
const HIDDEN = 30;
const BATCH = 10;
/** The book's: its cost has λ/2n · Σw², and ours penalty · Σw². */
const LAMBDA = 0.1;
const EPOCHS = 400;

interface Way {
  readonly name: string;
  readonly epochs: number;
  readonly options?: FitOptions;
  /** The parts of inputs and of hidden units that are dropped. */
  readonly drop?: { readonly inputs: number; readonly hidden: number };
  readonly data?: Dataset;
}

interface Found {
  readonly name: string;
  readonly epochs: readonly Epoch[];
  /** On the test set, in percent: at the end, and at its best. */
  readonly accuracy: number;
  readonly best: number;
}

export const overfitting: Experiment = {
  name: "overfitting",
  title: "Overfitting, and its cures",
  question: "What happens when a network learns 1,000 images by heart, and what helps?",
  async run(context) {
    const { quick, note } = context;
    const many = quick ? 4000 : 50_000;
    const epochs = quick ? EPOCHS / 5 : EPOCHS;
    // Fewer epochs leave less time for weights to shrink in.
    const lambda = (LAMBDA * EPOCHS) / epochs;
    const { train: all, test } = await context.mnist({ train: many + 2000, test: quick ? 1000 : 10_000 });
    const few = take(all, FEW);
    // Early stopping must not look at the test set that it is judged by.
    const held = subset(
      all,
      Array.from({ length: 2000 }, (_, i) => many + i),
    );
    const ways: Way[] = [
      { name: "none", epochs },
      { name: "L2", epochs, options: { penalty: { l2: lambda / (2 * FEW) } } },
      { name: "L1", epochs, options: { penalty: { l1: lambda / FEW } } },
      { name: "dropout", epochs, drop: { inputs: 0.2, hidden: 0.2 } },
      { name: "more data", epochs: Math.ceil((epochs * FEW) / many), data: take(all, many) },
    ];
    const found: Found[] = [];
    for (const way of ways) {
      found.push(await follow(context, way, few, test));
      note(`${way.name}: ${percent(last(found).accuracy)}`);
    }
    const stopped = await stopEarly(context, few, held, test, epochs);
    note(`early stopping: ${percent(stopped.accuracy)} after ${stopped.epochs} epochs`);
    return outcome(found, stopped);
  },
};

/** The textbook's network: sigmoid neurons, weights from N(0, 1). */
function network({ inputs, hidden }: NonNullable<Way["drop"]> = { inputs: 0, hidden: 0 }) {
  const wide = { init: init.normal(1), biasInit: init.normal(1) };
  return sequential(
    ...(inputs > 0 ? [dropout(inputs)] : []),
    dense(HIDDEN, wide),
    sigmoid(),
    ...(hidden > 0 ? [dropout(hidden)] : []),
    dense(10, wide),
  );
}

function common({ seed }: Context): FitOptions {
  return { loss: sigmoidCrossEntropy(), optimizer: sgd({ learningRate: 0.5 }), batchSize: BATCH, seed };
}

async function follow(context: Context, way: Way, few: Dataset, test: Dataset): Promise<Found> {
  const { name, epochs: count, options, drop, data = few } = way;
  const { epochs } = await train(context.engine, network(drop), data, {
    ...common(context),
    epochs: count,
    validation: test,
    ...options,
  });
  return {
    name,
    epochs,
    accuracy: validationAccuracy(last(epochs)),
    best: Math.max(...epochs.map(validationAccuracy)),
  };
}

interface Stopped {
  readonly accuracy: number;
  readonly epochs: number;
}

/** Ends when the images held back have not been recognized better for some epochs, and keeps the best weights. */
async function stopEarly(
  context: Context,
  few: Dataset,
  held: Dataset,
  test: Dataset,
  most: number,
): Promise<Stopped> {
  const options = {
    ...common(context),
    epochs: most,
    validation: held,
    callbacks: [earlyStopping({ monitor: "accuracy", patience: most / 20 })],
  };
  let accuracy = Number.NaN;
  const { epochs } = await train(context.engine, network(), few, options, async (trainer) => {
    accuracy =
      100 * ((await evaluate(trainer, test, { loss: sigmoidCrossEntropy() })).accuracy ?? Number.NaN);
  });
  return { accuracy, epochs: epochs.length };
}

function outcome(found: readonly Found[], stopped: Stopped): Outcome {
  const [none] = found;
  const lastOf = (one: Found) => last(one.epochs);
  return {
    figures: {
      ...Object.fromEntries(found.map(({ name, accuracy }) => [`accuracy, ${name}`, accuracy])),
      "accuracy, early stopping": stopped.accuracy,
      "epochs, early stopping": stopped.epochs,
      "training accuracy, none": 100 * (lastOf(none).accuracy ?? Number.NaN),
      "lowest test cost, none": Math.min(...none.epochs.map(costOf)),
      "last test cost, none": costOf(lastOf(none)),
    },
    lines: [
      `784-${HIDDEN}-10, sigmoid, cross-entropy, SGD 0.5, batches of ${BATCH}, weights from N(0, 1), ${FEW} images`,
      ...table([
        ["against overfitting", "epochs", "training accuracy", "test accuracy", "its best", "test cost"],
        ...found.map((one) => [
          one.name,
          String(one.epochs.length),
          percent(100 * (lastOf(one).accuracy ?? Number.NaN)),
          percent(one.accuracy),
          percent(one.best),
          costOf(lastOf(one)).toFixed(2),
        ]),
        ["early stopping", String(stopped.epochs), "", percent(stopped.accuracy), "", ""],
      ]),
    ],
    charts: [accuracyChart(found), costChart(none)],
  };
}

/** The loss on the test set. With a penalty it is without it. */
function costOf({ validation }: Epoch): number {
  return validation?.loss ?? Number.NaN;
}

function accuracyChart(found: readonly Found[]): LinesSpec {
  return {
    kind: "lines",
    name: "accuracy",
    title: `Test accuracy of 784-${HIDDEN}-10 trained on ${FEW} images`,
    x: { name: "steps of 10 images", unit: "thousands" },
    y: { name: "test accuracy", unit: "%", from: 60, to: 100 },
    series: found.map(({ name, epochs }) => {
      const steps = (found[0].epochs.length * FEW) / BATCH / 1000 / epochs.length;
      return {
        name,
        style: "plain",
        points: epochs.map((epoch) => ({ x: epoch.epoch * steps, y: validationAccuracy(epoch) })),
      };
    }),
  };
}

function costChart({ epochs }: Found): LinesSpec {
  return {
    kind: "lines",
    name: "cost",
    title: "Without a cure: the cost on training images falls, on test images it rises",
    x: { name: "epoch" },
    y: { name: "cross-entropy" },
    series: [
      {
        name: "training images",
        style: "plain",
        points: epochs.map(({ epoch, loss }) => ({ x: epoch, y: loss })),
      },
      {
        name: "test images",
        style: "dashed",
        points: epochs.map((epoch) => ({ x: epoch.epoch, y: costOf(epoch) })),
      },
    ],
  };
}
