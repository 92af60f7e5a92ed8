/** Losses against plain formulas, in f64, and their gradients against differences of these formulas. */
import { describe, expect, it } from "vitest";
import {
  binaryCrossEntropy,
  compile,
  createTrainer,
  crossEntropy,
  dense,
  type Engine,
  gradients,
  huber,
  type Loss,
  layerNorm,
  meanAbsoluteError,
  meanSquaredError,
  ops,
  quadratic,
  sequential,
  sgd,
  sigmoidCrossEntropy,
  type Tensor,
} from "../../../src/index.ts";
import { difference } from "../../helpers/compare.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";
import { indices, type Sample, uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };
const BATCH = 6;
const CLASSES = 4;
const logits = uniform([BATCH, CLASSES], -3, 3);
const labels = indices([BATCH], CLASSES);
const WEIGHTS = [0.5, 2, 0, 1.25];

type Rows = readonly (readonly number[])[];

function rowsOf({ shape, data }: Sample): Rows {
  const size = shape[shape.length - 1];
  return Array.from({ length: data.length / size }, (_, i) => [...data.slice(i * size, (i + 1) * size)]);
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const average = (values: readonly number[]) => total(values) / values.length;
const logSum = (row: readonly number[]) => Math.log(total(row.map(Math.exp)));
const oneHot = (label: number) => Array.from({ length: CLASSES }, (_, c) => (c === label ? 1 : 0));

/** Random rows that are probabilities. */
function probabilities(): Sample<Float32Array> {
  const { shape, data, dtype } = uniform([BATCH, CLASSES], 0.1, 1);
  const sums = rowsOf({ shape, data, dtype }).map(total);
  return { shape, dtype, data: data.map((value, i) => value / sums[Math.floor(i / CLASSES)]) };
}

/** -Σ target log softmax(row). */
const overTarget = (row: readonly number[], target: readonly number[]) =>
  -total(row.map((x, c) => target[c] * (x - logSum(row))));

const smoothed = (target: readonly number[], epsilon: number) =>
  target.map((part) => (1 - epsilon) * part + epsilon / CLASSES);

/** PyTorch's definition for class indices: every row's target is weighted by class, the mean by the labels' weights. */
function weightedMean(rows: Rows, classes: readonly number[], weights: readonly number[], epsilon: number) {
  const losses = rows.map((row, i) =>
    overTarget(
      row,
      smoothed(oneHot(classes[i]), epsilon).map((part, c) => part * weights[c]),
    ),
  );
  return total(losses) / total(classes.map((label) => weights[label]));
}

const binary = (x: number, t: number) => {
  const p = 1 / (1 + Math.exp(-x));
  return -t * Math.log(p) - (1 - t) * Math.log(1 - p);
};

function elementwise(rows: Rows, targets: Rows, of: (x: number, t: number) => number): number[] {
  return rows.flatMap((row, i) => row.map((x, c) => of(x, targets[i][c])));
}

interface LossCase {
  readonly loss: Loss;
  readonly targets: Sample;
  /** The loss of rows of outputs. */
  formula(rows: Rows): number;
}

const soft = probabilities();
const values = uniform([BATCH, CLASSES], -3, 3);
const bits: Sample = { ...values, data: values.data.map((value) => (value > 0 ? 1 : 0)) };
const classes = [...labels.data];
const hot = classes.map(oneHot);
/** Labels of which two are to be ignored; -1 is no class. */
const partly: Sample = { ...labels, data: labels.data.map((label, i) => (i === 1 || i === 4 ? -1 : label)) };
const counted = (rows: Rows) => rows.filter((_, i) => i !== 1 && i !== 4);
const countedClasses = classes.filter((_, i) => i !== 1 && i !== 4);
const square = (x: number, t: number) => (x - t) ** 2;
const ONES = [1, 1, 1, 1];

const cases: Readonly<Record<string, LossCase>> = {
  "crossEntropy of labels": {
    loss: crossEntropy(),
    targets: labels,
    formula: (rows) => average(rows.map((row, i) => logSum(row) - row[classes[i]])),
  },
  "crossEntropy of probabilities": {
    loss: crossEntropy(),
    targets: soft,
    formula: (rows) => average(rows.map((row, i) => overTarget(row, rowsOf(soft)[i]))),
  },
  "crossEntropy of labels, smoothed": {
    loss: crossEntropy({ labelSmoothing: 0.2 }),
    targets: labels,
    formula: (rows) => average(rows.map((row, i) => overTarget(row, smoothed(hot[i], 0.2)))),
  },
  "crossEntropy of probabilities, smoothed": {
    loss: crossEntropy({ labelSmoothing: 0.3 }),
    targets: soft,
    formula: (rows) => average(rows.map((row, i) => overTarget(row, smoothed(rowsOf(soft)[i], 0.3)))),
  },
  "crossEntropy with class weights": {
    loss: crossEntropy({ classWeights: WEIGHTS }),
    targets: labels,
    formula: (rows) => weightedMean(rows, classes, WEIGHTS, 0),
  },
  "crossEntropy with class weights, smoothed": {
    loss: crossEntropy({ classWeights: WEIGHTS, labelSmoothing: 0.1 }),
    targets: labels,
    formula: (rows) => weightedMean(rows, classes, WEIGHTS, 0.1),
  },
  "crossEntropy of probabilities with class weights": {
    loss: crossEntropy({ classWeights: WEIGHTS }),
    targets: soft,
    formula: (rows) =>
      average(
        rows.map((row, i) =>
          overTarget(
            row,
            rowsOf(soft)[i].map((part, c) => part * WEIGHTS[c]),
          ),
        ),
      ),
  },
  "crossEntropy with an ignored index": {
    loss: crossEntropy({ ignoreIndex: -1 }),
    targets: partly,
    formula: (rows) => weightedMean(counted(rows), countedClasses, ONES, 0),
  },
  "crossEntropy with an ignored class, weights and smoothing": {
    loss: crossEntropy({ ignoreIndex: -1, classWeights: WEIGHTS, labelSmoothing: 0.1 }),
    targets: partly,
    formula: (rows) => weightedMean(counted(rows), countedClasses, WEIGHTS, 0.1),
  },
  meanSquaredError: {
    loss: meanSquaredError(),
    targets: values,
    formula: (rows) => average(elementwise(rows, rowsOf(values), square)),
  },
  "meanSquaredError of labels": {
    loss: meanSquaredError(),
    targets: labels,
    formula: (rows) => average(elementwise(rows, hot, square)),
  },
  meanAbsoluteError: {
    loss: meanAbsoluteError(),
    targets: values,
    formula: (rows) => average(elementwise(rows, rowsOf(values), (x, t) => Math.abs(x - t))),
  },
  quadratic: {
    loss: quadratic(),
    targets: labels,
    formula: (rows) => total(elementwise(rows, hot, square)) / 2 / BATCH,
  },
  huber: {
    loss: huber(),
    targets: values,
    formula: (rows) => average(elementwise(rows, rowsOf(values), huberOf(1))),
  },
  "huber with a delta": {
    loss: huber({ delta: 2.5 }),
    targets: values,
    formula: (rows) => average(elementwise(rows, rowsOf(values), huberOf(2.5))),
  },
  binaryCrossEntropy: {
    loss: binaryCrossEntropy(),
    targets: bits,
    formula: (rows) => average(elementwise(rows, rowsOf(bits), binary)),
  },
  "binaryCrossEntropy of parts": {
    loss: binaryCrossEntropy(),
    targets: soft,
    formula: (rows) => average(elementwise(rows, rowsOf(soft), binary)),
  },
  sigmoidCrossEntropy: {
    loss: sigmoidCrossEntropy(),
    targets: labels,
    formula: (rows) => total(elementwise(rows, hot, binary)) / BATCH,
  },
};

function huberOf(delta: number) {
  return (x: number, t: number) => {
    const d = Math.abs(x - t);
    return d <= delta ? d ** 2 / 2 : delta * (d - delta / 2);
  };
}

/** A loss and its gradient with respect to the outputs. */
async function lossOf(
  engine: Engine,
  outputs: Sample,
  targets: Sample,
  of: (x: Tensor, y: Tensor) => Tensor,
) {
  const compiled = await compile(engine, { x: outputs, y: targets }, ({ x, y }) => {
    const loss = of(x, y);
    return { loss, dx: gradients(loss, [x])[0] };
  });
  const { loss, dx } = await compiled({ x: outputs.data, y: targets.data });
  compiled.release();
  return { loss: loss[0], dx };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(Object.entries(cases))("%s is its formula", async (_name, { loss, targets, formula }) => {
    const got = await lossOf(engines[kind], logits, targets, loss.apply);
    expect(difference("loss", [got.loss], [formula(rowsOf(logits))], TOLERANCE)).toBe(undefined);
    const h = 1e-4;
    const slopes = Array.from(logits.data, (_, i) => {
      const moved = (by: number) =>
        formula(rowsOf(logits).map((row, n) => row.map((x, c) => (n * CLASSES + c === i ? x + by : x))));
      return (moved(h) - moved(-h)) / (2 * h);
    });
    expect(difference("gradient", got.dx, slopes, TOLERANCE)).toBe(undefined);
  });

  it("entropies stay finite, and right, at logits of ±10000", async () => {
    const extreme = Float32Array.of(1e4, -1e4, 0, 0, -1e4, -1e4, -1e4, 1e4);
    const outputs: Sample = { shape: [2, 4], dtype: "f32", data: extreme };
    const wrong: Sample = { shape: [2], dtype: "i32", data: Int32Array.of(1, 3) };
    const softmaxLosses = [
      crossEntropy(),
      crossEntropy({ labelSmoothing: 0.1 }),
      crossEntropy({ classWeights: [1, 1, 1, 1] }),
      crossEntropy({ classWeights: [1, 1, 1, 1], labelSmoothing: 0.1 }),
    ];
    // The first row's label is 20000 below its largest logit; smoothing takes part of that, and adds the others'.
    const plain = 20_000 / 2;
    const smooth = (0.9 * 20_000 + 0.025 * (20_000 + 10_000 + 10_000) + 0.025 * 60_000) / 2;
    for (const [i, want] of [plain, smooth, plain, smooth].entries()) {
      const { loss, dx } = await lossOf(engines[kind], outputs, wrong, softmaxLosses[i].apply);
      expect(difference(softmaxLosses[i].name, [loss], [want], TOLERANCE)).toBe(undefined);
      expect(dx.every(Number.isFinite)).toBe(true);
      expect(Math.max(...dx)).toBeGreaterThan(0.4);
    }
    const { loss, dx } = await lossOf(engines[kind], outputs, wrong, ops.binaryCrossEntropy);
    // Wrong by 10000 at elements 0 and 1, log 2 at the two zeros, right at the others.
    expect(difference("binary", [loss], [(20_000 + 2 * Math.log(2)) / 8], TOLERANCE)).toBe(undefined);
    expect(
      difference(
        "gradient",
        dx,
        [1, -1, 0.5, 0.5, 0, 0, 0, 0].map((d) => d / 8),
        TOLERANCE,
      ),
    ).toBe(undefined);
  });
});

describe("of numbers that are infinite, very large, small or NaN", () => {
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  /** Of an output and a target: the loss and its gradient, as PyTorch gives them. */
  const known: Readonly<Record<string, [Loss, [number, number, number, number][]]>> = {
    huber: [
      huber({ delta: 0.75 }),
      [
        [inf, 0, inf, 0.75],
        [-inf, 0, inf, -0.75],
        [3e38, 0, 2.25e38, 0.75],
        [-3e38, 3e38, inf, -0.75],
        [1e20, 0, 7.5e19, 0.75],
        [0.75, 0, 0.28125, 0.75],
        [-0.5, 0, 0.125, -0.5],
        [0, 0, 0, 0],
        [nan, 0, nan, nan],
      ],
    ],
    meanAbsoluteError: [
      meanAbsoluteError(),
      [
        [inf, 0, inf, 1],
        [-inf, 0, inf, -1],
        [-3e38, 3e38, inf, -1],
        [0, 0, 0, 0],
        // Where PyTorch gives 0 for the sign of NaN.
        [nan, 0, nan, nan],
      ],
    ],
    meanSquaredError: [
      meanSquaredError(),
      [
        [inf, 0, inf, inf],
        [1e20, 0, inf, 2e20],
        [nan, 0, nan, nan],
      ],
    ],
    binaryCrossEntropy: [
      binaryCrossEntropy(),
      [
        [inf, 0, inf, 1],
        [inf, 0.5, inf, 0.5],
        [-inf, 1, inf, -1],
        [-inf, 0.5, inf, -0.5],
        // Where PyTorch multiplies 0 by infinity: a mask of what is right counts nothing, as in crossEntropy.
        [inf, 1, 0, 0],
        [-inf, 0, 0, 0],
        [3e38, 0, 3e38, 1],
        [-3e38, 1, 3e38, -1],
        [3e38, 1, 0, 0],
        [10, 1, 4.5398898e-5, -4.5397868e-5],
        [-10, 0, 4.5398898e-5, 4.5397868e-5],
        [20, 1, 2.0611537e-9, -2.0611537e-9],
        [0, 0.25, Math.LN2, 0.25],
        [nan, 0, nan, nan],
        [nan, 1, nan, nan],
      ],
    ],
  };

  it.each(Object.entries(known))("%s is as PyTorch's", async (_name, [loss, values]) => {
    for (const kind of ENGINES) {
      const compiled = await compile(engines[kind], { x: [1, 1], t: [1, 1] }, ({ x, t }) => {
        const value = loss.apply(x, t);
        const [dx, dt] = gradients(value, [x, t]);
        return { value, dx, dt };
      });
      for (const [output, target, value, slope] of values) {
        const got = await compiled({ x: Float32Array.of(output), t: Float32Array.of(target) });
        const what = `${loss.name} of ${output} against ${target} on the ${kind}`;
        const tolerance = { rtol: 1e-6, atol: 0 };
        expect(difference(what, got.value, [value], tolerance)).toBe(undefined);
        expect(difference(`gradient of ${what}`, got.dx, [slope], tolerance)).toBe(undefined);
        if (!Number.isFinite(output)) continue;
        const targets = loss.name === "binaryCrossEntropy" ? -output : -slope;
        expect(difference(`targets' gradient of ${what}`, got.dt, [targets], tolerance)).toBe(undefined);
      }
      compiled.release();
    }
  });
});

describe("targets", () => {
  it("of one output a sample are numbers, whether they have an axis for it or not", async () => {
    const outputs = uniform([BATCH, 1]);
    const column = uniform([BATCH, 1], 0, 1);
    const flat: Sample = { ...column, shape: [BATCH] };
    const losses = [meanSquaredError(), meanAbsoluteError(), quadratic(), huber(), binaryCrossEntropy()];
    for (const loss of [...losses, sigmoidCrossEntropy()]) {
      const got = await lossOf(engines.cpu, outputs, flat, loss.apply);
      expect(got, loss.name).toEqual(await lossOf(engines.cpu, outputs, column, loss.apply));
      expect(got.loss).toBeGreaterThan(0);
    }
  });

  it("may have more axes in front of the classes", async () => {
    const sequence: Sample = { ...logits, shape: [2, 3, CLASSES] };
    const of: Sample = { ...labels, shape: [2, 3] };
    for (const loss of [crossEntropy(), crossEntropy({ classWeights: WEIGHTS }), meanSquaredError()]) {
      const got = await lossOf(engines.cpu, sequence, of, loss.apply);
      const want = await lossOf(engines.cpu, logits, labels, loss.apply);
      expect(difference(loss.name, [got.loss], [want.loss], { rtol: 1e-6, atol: 0 })).toBe(undefined);
    }
  });

  it("of which none counts give a loss of 0, and no gradient", async () => {
    const none: Sample = { ...labels, data: labels.data.map(() => 9) };
    const { loss, dx } = await lossOf(engines.cpu, logits, none, crossEntropy({ ignoreIndex: 9 }).apply);
    expect(loss).toBe(0);
    expect([...dx].every((d) => d === 0)).toBe(true);
  });
});

describe("penalties", () => {
  const model = sequential(dense(3), layerNorm(), dense(2, { bias: false }));
  const x = uniform([5, 4]);
  const y = uniform([5, 2]);
  const l1 = 0.01;
  const l2 = 0.03;

  it.each(ENGINES)(
    "count weights, not biases and norms, in the loss and its gradient, on the %s",
    async (kind) => {
      const trainer = createTrainer(engines[kind], model, {
        inputShape: [4],
        optimizer: sgd({ learningRate: 0 }),
        seed: 5,
      });
      const weights = await trainer.weights();
      const steps = await Promise.all(
        [{}, { penalty: { l1, l2 } }].map((options) =>
          trainer.compile(({ x, y }, call) => ({ minimize: ops.meanSquaredError(call(x), y) }), {
            inputs: { x: x.shape, y: y.shape },
            ...options,
          }),
        ),
      );
      const run = async (i: number) => {
        const { loss } = await steps[i].run({ x: x.data, y: y.data });
        return { loss: loss[0], gradients: (await trainer.memory.gradients.read()) as Float32Array };
      };
      const [plain, penalised] = [await run(0), await run(1)];
      const counted = ["0.weight", "2.weight"].flatMap((name) => [...weights[name].data]);
      const size = l1 * total(counted.map(Math.abs)) + l2 * total(counted.map((w) => w ** 2));
      expect(difference("loss", [penalised.loss], [plain.loss + size], TOLERANCE)).toBe(undefined);
      for (const [name, { data }] of Object.entries(weights)) {
        const at = trainer.layout.offset(name);
        const want = Array.from(data, (w, i) => {
          const own = name in { "0.weight": 0, "2.weight": 0 } ? l1 * Math.sign(w) + 2 * l2 * w : 0;
          return plain.gradients[at + i] + own;
        });
        const got = penalised.gradients.subarray(at, at + data.length);
        expect(difference(name, got, want, TOLERANCE)).toBe(undefined);
      }
    },
  );
});
