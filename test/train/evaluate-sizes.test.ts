/** Evaluations by what a device can hold, of many classes, and of outputs that are no numbers. */
import { describe, expect, it } from "vitest";
import { type Dataset, dataset } from "../../src/data/dataset.ts";
import { stream } from "../../src/data/stream.ts";
import {
  add,
  conv2d,
  correctCount,
  createTrainer,
  DivergenceError,
  dense,
  type Engine,
  evaluate,
  fit,
  flatten,
  log,
  meanSquaredError,
  relu,
  sequential,
  sgd,
  sub,
} from "../../src/index.ts";
import { meanAbsolute, precisionRecall, rocAuc, rSquared, topK } from "../../src/metrics/index.ts";
import type { Program } from "../../src/program.ts";
import { normals } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { limited } from "../helpers/limited.ts";

const engines = useEngines();
const MIB = 2 ** 20;

/** An engine that notes what it compiles, and how many steps a run of it may have. */
function noting(engine: Engine) {
  const compiled: { program: Program; maxSteps: number }[] = [];
  const noted: Engine = {
    ...limited(engine, engine.info.maxBufferBytes),
    async compile(program, options = {}) {
      const executable = await engine.compile(program, options);
      compiled.push({ program, maxSteps: options.maxSteps ?? 1 });
      return executable;
    },
  };
  return { engine: noted, compiled };
}

const batchOf = ({ name, buffers }: Program, perSample: number) =>
  name.startsWith("evaluate")
    ? Math.max(...buffers.filter(({ kind }) => kind === "temporary").map(({ length }) => length)) / perSample
    : 0;

/** The shapes of 600 images of 3 × 64 × 64 on a device that binds 128 MiB, an eighth as high and as wide on 2 MiB. */
const SIDE = 8;
const FILTERS = 16;
const images = (count: number): Dataset =>
  dataset({
    name: "images",
    inputs: {
      data: Uint8Array.from({ length: count * 3 * SIDE * SIDE }, (_, i) => (i * 37) % 251),
      shape: [3, SIDE, SIDE],
      scale: 1 / 255,
    },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => i % 3) },
    classes: 3,
  });
const filters = () => sequential(conv2d(FILTERS, 3, { padding: 1 }), relu(), flatten(), dense(3));

/** Its largest tensor, of one filter after 16, takes 4096 bytes a sample, its parameters less. */
const narrow = () => sequential(conv2d(FILTERS, 1), relu(), conv2d(1, 1), flatten(), dense(3));

describe("the batch of an evaluation", () => {
  it("is the largest whose activations a device can hold, in fit as well", async () => {
    const { engine, compiled } = noting(engines.cpu);
    const small = limited(engine, 2 * MIB);
    const data = images(600);
    const run = fit(small, filters(), images(64), { batchSize: 32, epochs: 1, validation: data });
    for await (const { validation } of run) {
      expect(validation?.confusion?.flat().reduce((a, b) => a + b)).toBe(600);
      const largest = compiled.map(({ program }) => batchOf(program, FILTERS * SIDE * SIDE)).filter(Boolean);
      expect(Math.max(...largest)).toBe(500);
      const trainer = createTrainer(engines.cpu, filters(), { inputShape: [3, SIDE, SIDE] });
      await trainer.load(await run.trainer.weights());
      const whole = await evaluate(trainer, data);
      expect(validation?.accuracy).toBe(whole.accuracy);
      expect(Math.abs((validation?.loss ?? Number.NaN) - whole.loss)).toBeLessThanOrEqual(1e-6);
    }
  });

  it("goes down to one sample, and to a message that says what to do", async () => {
    const trainer = createTrainer(limited(engines.cpu, 12 * 1024), narrow(), { inputShape: [3, SIDE, SIDE] });
    expect((await evaluate(trainer, images(5))).accuracy).toBeGreaterThanOrEqual(0);
    await expect(evaluate(trainer, images(5), { batchSize: 5 })).rejects.toThrow(
      /^program evaluate images: temporary .* takes 20480 bytes, and this device holds at most 12288 in one piece; use a smaller batch/,
    );
    const tiny = createTrainer(limited(engines.cpu, 4000), narrow(), { inputShape: [3, SIDE, SIDE] });
    await expect(evaluate(tiny, images(5))).rejects.toThrow(
      "takes 4096 bytes, and this device holds at most 4000",
    );
  });

  it("can be told to fit, which says what is too large for the device, of training, too", async () => {
    const small = limited(engines.cpu, 2 * MIB);
    const options = { batchSize: 32, epochs: 1, validation: images(600) };
    const validated = async (validationBatchSize: number) => {
      const run = fit(small, filters(), images(64), { ...options, validationBatchSize });
      for await (const { validation } of run) return validation?.accuracy;
    };
    expect(await validated(100)).toBe(await validated(300));
    await expect(validated(600)).rejects.toThrow("use a smaller batch");
    expect(() => fit(small, filters(), images(64), { ...options, validationBatchSize: 0 })).toThrow(
      "fit: validationBatchSize is 0; give a whole number from 1",
    );
    const large = fit(small, filters(), images(600), { batchSize: 600 });
    await expect(large[Symbol.asyncIterator]().next()).rejects.toThrow(
      /^program train: .* use a smaller batch or, in training, accumulate over more parts; a batchSize of at most 512 fits, and accumulate: 2 with this one fits$/,
    );
    const parts = fit(small, filters(), images(600), { batchSize: 600, accumulate: 2, epochs: 1 });
    expect((await parts[Symbol.asyncIterator]().next()).done).toBe(false);
  });

  it("of a stream is what two slots can hold", async () => {
    const data = images(90);
    const streamed = stream({
      name: "images",
      count: 90,
      inputs: { type: "u8", shape: [3, SIDE, SIDE], scale: 1 / 255 },
      targets: { type: "u8" },
      classes: 3,
      async *open() {
        yield { inputs: data.inputs.data, targets: data.targets.data };
      },
    });
    const trainer = createTrainer(engines.cpu, filters(), { inputShape: [3, SIDE, SIDE] });
    const dataMemory = 2 * 40 * (3 * SIDE * SIDE + 9);
    const parts = await evaluate(trainer, streamed, { dataMemory });
    const whole = await evaluate(trainer, data);
    expect(parts.confusion).toEqual(whole.confusion);
    expect(Math.abs(parts.loss - whole.loss)).toBeLessThanOrEqual(1e-6);
  });
});

/** Samples whose outputs are their inputs: one for each class, the last two guessed as class 0. */
function ofClasses(classes: number): Dataset {
  const inputs = new Float32Array(classes * classes);
  for (let i = 0; i < classes; i++) inputs[i * classes + (i < classes - 2 ? i : 0)] = 1;
  return dataset({
    name: "classes",
    inputs: { data: inputs, shape: [classes] },
    targets: { data: Int32Array.from({ length: classes }, (_, i) => i) },
    classes,
  });
}

describe("evaluations of many classes", () => {
  it.each(ENGINES)("count accuracy, precision and recall without a matrix on the %s", async (kind) => {
    const classes = 300;
    const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [classes] });
    const metrics = [precisionRecall(), topK(1)] as const;
    const evaluation = await evaluate(trainer, ofClasses(classes), { metrics, batchSize: 128 });
    expect(evaluation.confusion).toBe(undefined);
    expect(evaluation.accuracy).toBe(298 / 300);
    expect(evaluation.metrics.top1).toBe(298 / 300);
    // Class 0 is right once in three guesses; two classes are never guessed.
    expect(evaluation.metrics.precisionRecall.precision).toBeCloseTo((297 + 1 / 3) / 300, 12);
    expect(evaluation.metrics.precisionRecall.recall).toBeCloseTo(298 / 300, 12);
    expect(JSON.stringify(evaluation).length).toBeLessThan(400);
  });

  it("count the matrix when asked to, in runs of few steps, and not when not", async () => {
    const classes = 300;
    const { engine, compiled } = noting(engines.cpu);
    const trainer = createTrainer(engine, (x) => x, { inputShape: [classes] });
    const { confusion = [] } = await evaluate(trainer, ofClasses(classes), { confusion: true, batchSize: 2 });
    expect(confusion.map((row) => row.reduce((a, b) => a + b))).toEqual(new Array(classes).fill(1));
    expect([confusion[5][5], confusion[298][0], confusion[299][0]]).toEqual([1, 1, 1]);
    // A step returns 360 kB: of 150 steps, 46 fit into 16 MiB.
    expect(compiled.map(({ maxSteps }) => maxSteps)).toEqual([46]);
    const few = await evaluate(
      createTrainer(engines.cpu, (x) => x, { inputShape: [4] }),
      ofClasses(4),
      {
        confusion: false,
      },
    );
    expect(Object.keys(few)).toEqual(["loss", "accuracy"]);
  });

  it("in fit, and refused where there are no classes", async () => {
    const data = ofClasses(4);
    const options = { batchSize: 4, epochs: 1, validation: data };
    const keys = async (confusion?: boolean) => {
      for await (const { validation } of fit(engines.cpu, dense(4), data, { ...options, confusion }))
        return Object.keys(validation ?? {});
    };
    expect(await keys()).toEqual(["loss", "accuracy", "confusion"]);
    expect(await keys(false)).toEqual(["loss", "accuracy"]);
    const numbers = dataset({
      name: "numbers",
      inputs: { data: new Float32Array(4), shape: [1] },
      targets: { data: new Float32Array(4), shape: [1] },
    });
    const message = "confusion is true, and numbers has no classes; leave it out";
    const loss = meanSquaredError();
    expect(() => fit(engines.cpu, dense(1), numbers, { loss, batchSize: 4, confusion: true })).toThrow(
      `fit: ${message}`,
    );
    const trainer = createTrainer(engines.cpu, dense(1), { inputShape: [1] });
    await expect(evaluate(trainer, numbers, { loss, confusion: true })).rejects.toThrow(
      `evaluate: ${message}`,
    );
  });
});

describe.each(ENGINES)("outputs that are NaN, on the %s", (kind) => {
  const message =
    "evaluate samples: the model's outputs for 2 of 5 samples hold NaN; look for NaN in the model's weights";
  // The logarithm of a number below 0 is none.
  const ofLogs = () => createTrainer(engines[kind], (x) => log(x), { inputShape: [2] });
  const inputs = Float32Array.of(1, 2, -1, 2, 2, 1, 3, -2, 1, 1);

  it.each([
    ["classes", undefined],
    ["classes", [precisionRecall(), topK(1), rocAuc()]],
    ["numbers", [meanAbsolute(), rSquared()]],
  ] as const)("are an error that counts them, of %s with %s", async (what, metrics) => {
    const targets =
      what === "classes"
        ? { targets: { data: Uint8Array.of(0, 0, 1, 1, 0) }, classes: 2 }
        : { targets: { data: normals(10, 1, 0), shape: [2] } };
    const data = dataset({ name: "samples", inputs: { data: inputs, shape: [2] }, ...targets });
    const options = { loss: meanSquaredError(), metrics, batchSize: 3 };
    const evaluating = evaluate(ofLogs(), data, options);
    await expect(evaluating).rejects.toThrow(message);
    await expect(evaluating).rejects.toBeInstanceOf(DivergenceError);
  });

  it("are never right, wherever the label is", async () => {
    const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [2] });
    const inputs = { logits: [5, 2], labels: { shape: [5], dtype: "i32" } } as const;
    const step = await trainer.compile(
      ({ logits, labels }) => ({ correct: correctCount(log(logits), labels) }),
      { inputs },
    );
    const counted = async (...labels: number[]) => {
      const logits = Float32Array.of(1, 2, -1, 2, 2, 1, 3, -2, 1, 1);
      return (await step.run({ logits, labels: Int32Array.from(labels) })).correct[0];
    };
    expect([await counted(1, 0, 0, 0, 0), await counted(1, 1, 0, 1, 0)]).toEqual([3, 3]);
    step.release();
  });

  it("end a run of fit in the epoch in which they come", async () => {
    const data = dataset({
      name: "samples",
      inputs: { data: Float32Array.of(1, 2, 3, 4), shape: [1] },
      targets: { data: Float32Array.of(1, 2, 3, 4), shape: [1] },
    });
    // One step an epoch: the loss of the first is still that of the start, its weights are infinite, and 2∞ - ∞ is NaN.
    const model = sequential(dense(1), (x) => sub(add(x, x), x));
    const run = fit(engines[kind], model, data, {
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 3e38 }),
      batchSize: 4,
      validation: data,
    });
    await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(DivergenceError);
    run.trainer.release();
  });
});
