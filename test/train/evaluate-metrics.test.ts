/** Metrics in fit's validation, and on data that is streamed. */
import { describe, expect, it } from "vitest";
import { earlyStopping } from "../../src/callbacks/index.ts";
import { dataset } from "../../src/data/dataset.ts";
import {
  binaryCrossEntropy,
  createTrainer,
  crossEntropy,
  dense,
  evaluate,
  fit,
  meanSquaredError,
  predict,
  sgd,
} from "../../src/index.ts";
import { meanAbsolute, precisionRecall, rocAuc, rSquared, topK } from "../../src/metrics/index.ts";
import { normals } from "../../src/random.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const [FEATURES, CLASSES] = [3, 4];

const classes = (count: number, stream: number) =>
  dataset({
    inputs: { data: normals(count * FEATURES, 2, stream), shape: [FEATURES] },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => (i * 7) % CLASSES) },
    classes: CLASSES,
  });

const numbers = (count: number) =>
  dataset({
    inputs: { data: normals(count * FEATURES, 2, 3), shape: [FEATURES] },
    targets: { data: normals(count * 2, 2, 4).map((x) => 5 + x), shape: [2] },
  });

describe.each(ENGINES)("on the %s", (kind) => {
  it("fit's validation has the metrics that evaluate gives", async () => {
    const validation = classes(19, 1);
    const metrics = [topK(2), rocAuc(), precisionRecall()] as const;
    const run = fit(engines[kind], dense(CLASSES), classes(16, 0), {
      batchSize: 8,
      epochs: 2,
      validation,
      metrics,
    });
    const seen: unknown[] = [];
    for await (const { validation: evaluation } of run) {
      const want = await evaluate(run.trainer, validation, { metrics });
      expect(evaluation).toEqual(want);
      expect(want.metrics.top2).toBeGreaterThan(0);
      seen.push(want.metrics.rocAuc.auc);
    }
    expect(seen[0]).not.toBe(seen[1]);
  });

  it("a label that the loss ignores may lie outside of the outputs; it counts as wrong", async () => {
    const data = classes(16, 0);
    // The last class is ignored, and has no output.
    const loss = crossEntropy({ ignoreIndex: CLASSES - 1 });
    const run = fit(engines[kind], dense(CLASSES - 1), data, {
      loss,
      batchSize: 8,
      epochs: 1,
      optimizer: sgd({ learningRate: 0 }),
      validation: data,
    });
    const [{ accuracy, validation }] = await run;
    const { data: logits } = await predict(run.trainer, data);
    const { data: labels } = data.targets;
    const rows = Array.from(labels, (_, i) => [...logits.slice(i * 3, i * 3 + 3)]);
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length;
    expect(right).toBeGreaterThan(0);
    expect([accuracy, validation?.accuracy]).toEqual([right / 16, right / 16]);
    expect(validation?.confusion?.[CLASSES - 1].reduce((a, b) => a + b)).toBe(4);
    const others = fit(engines[kind], dense(CLASSES - 2), data, { loss, epochs: 1 });
    await expect(others).rejects.toThrow(
      "has class 2, and the model's 2 outputs tell only classes 0 to 1 apart",
    );
  });

  it("a loss may be infinite, and then is worse than any other", async () => {
    const trainer = createTrainer(engines[kind], dense(2), { inputShape: [FEATURES] });
    const data = numbers(6);
    const far = dataset({
      inputs: data.inputs,
      targets: { data: data.targets.data.map(() => 3e30), shape: [2] },
    });
    expect(await evaluate(trainer, far, { loss: meanSquaredError() })).toEqual({
      loss: Number.POSITIVE_INFINITY,
    });
    const history: number[] = [];
    const stop = earlyStopping({ patience: 1 });
    const run = fit(engines[kind], dense(2), data, {
      loss: meanSquaredError(),
      epochs: 5,
      validation: far,
      callbacks: [stop, ({ validation }) => void history.push(validation?.loss ?? 0)],
    });
    await run;
    expect(history).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(run.stoppedBy).toBe(stop.name);
    const resumed = fit(engines[kind], dense(2), data, {
      loss: meanSquaredError(),
      epochs: 3,
      validation: far,
      resume: await run.checkpoint(),
    });
    expect((await resumed).map(({ validation }) => validation?.loss)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("are not there where none was asked for", async () => {
    const trainer = createTrainer(engines[kind], dense(CLASSES), { inputShape: [FEATURES] });
    expect(Object.keys(await evaluate(trainer, classes(5, 0)))).toEqual(["loss", "accuracy", "confusion"]);
  });

  it("one output decides between two classes, as its threshold of a half", async () => {
    const logits = [2, -1, 0, -3, 1, -2, 0];
    const labels = [1, 1, 1, 0, 0, 0, 0];
    const data = dataset({
      inputs: { data: Float32Array.from(logits), shape: [1] },
      targets: { data: Uint8Array.from(labels) },
      classes: 2,
    });
    const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [1] });
    const options = { loss: binaryCrossEntropy(), batchSize: 4, metrics: [precisionRecall()] } as const;
    const { accuracy, confusion, metrics } = await evaluate(trainer, data, options);
    expect(confusion).toEqual([
      [2, 2],
      [1, 2],
    ]);
    expect(accuracy).toBe(4 / 7);
    expect(metrics.precisionRecall.precision).toBe(2 / 4);
    expect(metrics.precisionRecall.recall).toBe(2 / 3);
  });

  it("of data that is streamed are those of data that lies on the engine", async () => {
    const data = numbers(53);
    const trainer = createTrainer(engines[kind], dense(2), { inputShape: [FEATURES], seed: 1 });
    const metrics = [meanAbsolute(), rSquared({ reference: [5, 5] })] as const;
    const options = { loss: meanSquaredError(), batchSize: 8, metrics };
    const whole = await evaluate(trainer, data, options);
    // Room for a few batches at a time.
    const streamed = await evaluate(trainer, data, { ...options, dataMemory: 1000 });
    const values = ({ loss, metrics }: typeof whole) => [loss, metrics.meanAbsolute, metrics.rSquared];
    const off = difference("metrics", values(streamed), values(whole), { rtol: 1e-12, atol: 0 });
    expect(off).toBe(undefined);
    expect(whole.metrics.rSquared).toBeLessThan(0);
  });
});

it.each(["loss", "accuracy", "confusion"])("none is called as a value always counted: %s", async (name) => {
  const metrics = [{ ...topK(2), name }];
  const message = `a metric is called ${name}, the name of a value that is always counted; rename the metric`;
  const trainer = createTrainer(engines.cpu, dense(CLASSES), { inputShape: [FEATURES] });
  await expect(evaluate(trainer, classes(5, 0), { metrics })).rejects.toThrow(`evaluate: ${message}`);
  const fitting = () =>
    fit(engines.cpu, dense(CLASSES), classes(5, 0), { batchSize: 5, validation: classes(5, 1), metrics });
  expect(fitting).toThrow(`fit: ${message}`);
});
