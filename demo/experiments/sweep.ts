/** Learning rate, batch size and schedule together: the same number of epochs for each, and the test accuracy after. */
import { constantRate, cosineDecay, dense, oneCycle, relu, type Schedule, sequential, sgd } from "wgrad";
import type { HeatMapSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Images } from "./frame/data.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { last, percent, train, validationAccuracy } from "./frame/training.ts";

const SCHEDULES: readonly { readonly name: string; readonly make: () => Schedule }[] = [
  { name: "constant", make: constantRate },
  { name: "cosine", make: () => cosineDecay() },
  { name: "one-cycle", make: () => oneCycle() },
];
const RATES = [0.01, 0.03, 0.1, 0.3, 1, 3];
const BATCHES = [8, 32, 128, 512];
const EPOCHS = 3;
/** Below this, colours do not tell one accuracy from another: what matters is among the good ones. */
const DARKEST = 80;

interface Grid {
  readonly schedule: string;
  readonly rates: readonly number[];
  readonly batches: readonly number[];
  /** Test accuracies in percent, a row for each batch size, a column for each rate; undefined where it diverged. */
  readonly cells: readonly (readonly (number | undefined)[])[];
}

export const sweep: Experiment = {
  name: "sweep",
  title: "Learning rate, batch size and schedule",
  question: "Which learning rate goes with which batch size, and does a schedule help?",
  async run(context) {
    const { quick } = context;
    const images = await context.mnist(quick ? { train: 1000, test: 1000 } : { train: 10_000, test: 10_000 });
    const rates = quick ? [0.01, 0.1, 1] : RATES;
    const batches = quick ? [8, 128] : BATCHES;
    const grids: Grid[] = [];
    for (const { name, make } of quick ? SCHEDULES.slice(0, 2) : SCHEDULES) {
      const cells = [];
      for (const batchSize of batches) {
        const row = [];
        for (const learningRate of rates)
          row.push(await accuracyWith(context, images, learningRate, batchSize, make()));
        cells.push(row);
        context.note(`${name}, batch size ${batchSize}: ${row.map(format).join("  ")}`);
      }
      grids.push({ schedule: name, rates, batches, cells });
    }
    return outcome(grids, images.train.count);
  },
};

/** Trains 784-64-10 by SGD. @returns the test accuracy in percent; undefined where it diverges */
async function accuracyWith(
  { engine, seed }: Context,
  { train: images, test }: Images,
  learningRate: number,
  batchSize: number,
  schedule: Schedule,
): Promise<number | undefined> {
  const { epochs, diverged } = await train(engine, sequential(dense(64), relu(), dense(10)), images, {
    optimizer: sgd({ learningRate }),
    schedule,
    batchSize,
    epochs: EPOCHS,
    seed,
    validation: test,
  });
  return diverged ? undefined : validationAccuracy(last(epochs));
}

interface Best {
  readonly accuracy: number;
  readonly learningRate: number;
  readonly batchSize: number;
}

/** The best cell of a grid, or of one of its rows. */
function best({ rates, batches, cells }: Grid, row?: number): Best {
  const found = cells.flatMap((cellsOfRow, j) =>
    cellsOfRow.flatMap((accuracy, i) =>
      accuracy === undefined || (row !== undefined && row !== j)
        ? []
        : [{ accuracy, learningRate: rates[i], batchSize: batches[j] }],
    ),
  );
  return found.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
}

function outcome(grids: readonly Grid[], images: number): Outcome {
  const { batches } = grids[0];
  return {
    figures: {
      ...Object.fromEntries(grids.map((grid) => [`best accuracy, ${grid.schedule}`, best(grid).accuracy])),
      ...Object.fromEntries(
        grids.flatMap((grid) =>
          batches.map((batchSize, j) => [
            `best rate, ${grid.schedule}, batch size ${batchSize}`,
            best(grid, j).learningRate,
          ]),
        ),
      ),
      ...Object.fromEntries(
        grids.flatMap((grid) =>
          batches.flatMap((batchSize, j) =>
            grid.rates.map((learningRate, i) => [
              `accuracy, ${grid.schedule}, batch size ${batchSize}, rate ${learningRate}`,
              grid.cells[j][i] ?? Number.NaN,
            ]),
          ),
        ),
      ),
    },
    lines: [
      `784-64-10, ReLU, SGD, ${EPOCHS} epochs of ${images.toLocaleString("en-US")} images: the best test accuracy, and the rate it is reached with`,
      ...table([
        ["schedule", ...batches.map((batchSize) => `batch ${batchSize}`)],
        ...grids.map((grid) => [
          grid.schedule,
          ...batches.map((_, j) => `${percent(best(grid, j).accuracy)} at ${best(grid, j).learningRate}`),
        ]),
      ]),
    ],
    charts: grids.map((grid) => heatMap(grid, grids, images)),
  };
}

/** All with the same colours. */
function heatMap(
  { schedule, rates, batches, cells }: Grid,
  grids: readonly Grid[],
  images: number,
): HeatMapSpec {
  return {
    kind: "heatMap",
    name: schedule,
    title: `${EPOCHS} epochs of ${images.toLocaleString("en-US")} images, ${schedule} rate`,
    x: { name: "learning rate", labels: rates.map(String) },
    y: { name: "batch size", labels: batches.map(String) },
    value: {
      name: "test accuracy",
      unit: "%",
      from: DARKEST,
      to: Math.max(...grids.map((grid) => best(grid).accuracy)),
    },
    cells,
    missing: "diverged",
    format: (value) => value.toFixed(1),
  };
}

function format(accuracy: number | undefined): string {
  return accuracy === undefined ? "diverged" : percent(accuracy);
}
