/** Linear regression in closed form, against numpy's figures and against the iterative fit. */
import { describe, expect, it } from "vitest";
import { dataset, makeRegression } from "../../src/data/index.ts";
import * as wgrad from "../../src/index.ts";
import { type LinearOptions, linearRegression } from "../../src/linear/index.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

const X = [
  [1, 2, 0.5],
  [2, 1, -1],
  [3, 5, 2],
  [4, 3, 0],
  [5, 8, -2],
  [6, 2, 1],
  [7, 7, 3],
];
const Y = [
  [3.1, 0.5],
  [2.2, 1.5],
  [9.8, -1],
  [6.9, 2.5],
  [9.1, 0],
  [6.2, 4],
  [15.7, -3],
];
const y = Y.map(([first]) => first);
const TOLERANCE = { rtol: 1e-12, atol: 1e-12 };

/**
 * The figures, with A and Y as above, by
 *
 *   am, ym = A.mean(0), Y.mean(0); Ac, Yc = A - am, Y - ym
 *   W, _, rank, _ = np.linalg.lstsq(Ac, Yc, rcond=None)   # ridge: np.linalg.solve(Ac.T @ Ac + l * np.eye(3), Ac.T @ Yc)
 *   b = ym - am @ W; residual = ((A @ W + b - Y) ** 2).sum()
 */
const CASES: readonly [string, { x: number[][]; y: number[] | number[][] }, LinearOptions, object][] = [
  [
    "two outputs",
    { x: X, y: Y },
    {},
    {
      weights: [
        0.5371554229168297, 1.067584229953665, 1.1610618079007315, 0.6224377601507893, -0.8243736747035271,
        -0.7254378386868766,
      ],
      intercept: [0.5719390559962259, 1.813319720411532],
      rank: 3,
      residual: 8.612468389224848,
      method: "qr",
    },
  ],
  [
    "one output",
    { x: X, y },
    {},
    {
      weights: [0.5371554229168297, 1.067584229953665, 1.1610618079007315],
      intercept: [0.5719390559962259],
      rank: 3,
      residual: 3.005168459907326,
      method: "qr",
    },
  ],
  [
    "a ridge of 0.7",
    { x: X, y },
    { ridge: 0.7 },
    {
      weights: [0.5495814889951154, 1.0484350330725234, 1.1144414139186298],
      intercept: [0.6221417761987009],
      rank: 3,
      residual: 3.0508107354355416,
      method: "qr",
    },
  ],
  [
    "a column that depends on others",
    { x: X.map((row) => [...row, row[0] + 2 * row[1]]), y },
    {},
    {
      weights: [0.09176810911280332, 0.17680960234561127, 1.1610618079007313, 0.4453873138040265],
      intercept: [0.5719390559962285],
      rank: 3,
      residual: 3.005168459907327,
      method: "svd",
    },
  ],
  [
    "a constant column",
    { x: X.map((row) => [...row, 4]), y },
    {},
    {
      weights: [0.5371554229168297, 1.067584229953665, 1.1610618079007315, 0],
      intercept: [0.5719390559962259],
      rank: 3,
      residual: 3.005168459907325,
      method: "svd",
    },
  ],
  [
    "as many samples as features",
    { x: X.slice(0, 3), y: y.slice(0, 3) },
    {},
    {
      weights: [1.0903225806451595, 1.2645161290322589, 0.48387096774193694],
      intercept: [-0.7612903225806438],
      rank: 2,
      residual: 0,
      method: "svd",
    },
  ],
];

describe.each(CASES)("%s", (_name, rows, options, expected) => {
  it("has numpy's solution", () => {
    const found = linearRegression(rows, options);
    const { weights, intercept, rank, residual, method } = expected as typeof found;
    expect(difference("weights", found.weights, weights, TOLERANCE)).toBe(undefined);
    expect(difference("intercept", found.intercept, intercept, TOLERANCE)).toBe(undefined);
    expect(difference("residual", [found.residual], [residual], TOLERANCE)).toBe(undefined);
    expect({ rank: found.rank, method: found.method }).toEqual({ rank, method });
    expect(found.meanSquaredError).toBe(found.residual / rows.y.flat().length);
    // The residual is that of what it predicts.
    const errors = found.predict(rows.x).map((value, i) => (value - rows.y.flat()[i]) ** 2);
    const sum = errors.reduce((total, error) => total + error, 0);
    expect(difference("squares", [sum], [residual], { rtol: 1e-11, atol: 1e-12 })).toBe(undefined);
  });
});

it("reads data sets in the type they are stored in", () => {
  const inputs = { data: Uint8Array.of(0, 51, 102, 204), scale: 1 / 255, shape: [1] };
  const { weights, intercept } = linearRegression(
    dataset({ inputs, targets: { data: Float32Array.of(1, 2, 3, 5) } }),
  );
  expect(difference("line", [...weights, ...intercept], [5, 1], TOLERANCE)).toBe(undefined);
});

describe.each(ENGINES)("on the engine %s", (kind) => {
  it("agrees with the iterative fit, within 1e-3", { timeout: 60_000 }, async () => {
    const train = makeRegression({ count: 64, features: 3, noise: 0.5, seed: 7 });
    const closed = linearRegression(train);
    const run = wgrad.fit(engines[kind], wgrad.sequential(wgrad.dense(1)), train, {
      loss: wgrad.meanSquaredError(),
      optimizer: wgrad.sgd({ learningRate: 0.2 }),
      batchSize: train.count,
      epochs: 60,
    });
    let loss = Number.NaN;
    for await (const epoch of run) loss = epoch.loss;
    const { "0.weight": weight, "0.bias": bias } = await run.trainer.weights();
    const within = { rtol: 0, atol: 1e-3 };
    expect(difference("weights", weight.data, closed.weights, within)).toBe(undefined);
    expect(difference("intercept", bias.data, closed.intercept, within)).toBe(undefined);
    expect(difference("loss", [loss], [closed.meanSquaredError], within)).toBe(undefined);
    // The noise is seen, so the agreement is no agreement on the truth.
    expect(Math.abs(closed.weights[0] - train.weights[0])).toBeGreaterThan(1e-2);
    // The closed form's numbers fit the model as they are.
    await run.trainer.load({
      "0.weight": { shape: [1, 3], data: closed.weights },
      "0.bias": { shape: [1], data: closed.intercept },
    });
    const rows = [0, 1, 2].map((i) => train.inputs.data.subarray(3 * i, 3 * i + 3));
    const predicted = await wgrad.predict(run.trainer, Float32Array.from(rows.flatMap((row) => [...row])));
    expect(difference("predictions", predicted.data, closed.predict(rows), { rtol: 1e-5, atol: 1e-5 })).toBe(
      undefined,
    );
  });
});

describe("what makes no sense is refused", () => {
  const classes = dataset({
    inputs: { data: new Float32Array(2) },
    targets: { data: Uint8Array.of(0, 1) },
    classes: 2,
  });
  it.each<[string, () => unknown, string]>([
    [
      "classes as targets",
      () => linearRegression(classes),
      "the targets of dataset are classes; give numbers",
    ],
    ["a ridge below 0", () => linearRegression({ x: X, y }, { ridge: -1 }), "ridge is -1"],
    ["NaN", () => linearRegression({ x: [[1, Number.NaN]], y: [1] }), "x: row 0, column 1 is NaN"],
    ["Infinity", () => linearRegression({ x: [[1], [2]], y: [1, 1 / 0] }), "y: row 1, column 0 is Infinity"],
    ["different counts", () => linearRegression({ x: X, y: [1] }), "7 rows of x, 1 of y"],
    ["no rows", () => linearRegression({ x: [], y: [] }), "0 rows of x, 0 of y"],
    [
      "rows of different lengths",
      () => linearRegression({ x: [[1, 2], [3]], y: [1, 2] }),
      "x: row 1 has 1 numbers",
    ],
    ["rows of nothing", () => linearRegression({ x: [[]], y: [1] }), "x: row 0 has 0 numbers"],
    [
      "another number of features",
      () => linearRegression({ x: X, y }).predict([[1, 2]]),
      "predict: row 0 has 2 features; the fit had 3",
    ],
  ])("%s", (_what, doing, message) => {
    expect(doing).toThrow(message);
  });
});
