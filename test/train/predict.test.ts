/** Prediction with probabilities and thresholds, held against the formulas in f64. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import { cpu, createTrainer, type Engine, log, ops, predict } from "../../src/index.ts";
import { normals } from "../../src/random.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const TOLERANCE = { rtol: 1e-5, atol: 1e-7 };
const [COUNT, OUTPUTS] = [11, 3];
const logits = normals(COUNT * OUTPUTS, 3, 5).map((x) => 2 * x);
const rows = Array.from({ length: COUNT }, (_, i) => [...logits.slice(i * OUTPUTS, (i + 1) * OUTPUTS)]);

/** A model that gives back its inputs. */
const itself = (engine: Engine) => createTrainer(engine, (x) => x, { inputShape: [OUTPUTS] });

function softmaxed(row: readonly number[]): number[] {
  const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
  return row.map((x) => Math.exp(x) / total);
}

describe.each(ENGINES)("predict on the %s", (kind) => {
  it.each([undefined, 4])("gives softmax probabilities, in batches of %s", async (batchSize) => {
    const { shape, data, ...others } = await predict(itself(engines[kind]), logits, {
      batchSize,
      probabilities: "softmax",
    });
    expect(shape).toEqual([COUNT, OUTPUTS]);
    expect(difference("probabilities", data, rows.flatMap(softmaxed), TOLERANCE)).toBe(undefined);
    expect(others).toEqual({});
  });

  it("gives sigmoid probabilities, and what reaches the threshold", async () => {
    const { data, classes } = await predict(itself(engines[kind]), logits, {
      probabilities: "sigmoid",
      threshold: 0.3,
    });
    const want = [...logits].map((x) => 1 / (1 + Math.exp(-x)));
    expect(difference("probabilities", data, want, TOLERANCE)).toBe(undefined);
    expect([...classes]).toEqual(want.map((p) => Number(p >= 0.3)));
    expect(new Set(classes).size).toBe(2);
  });

  it("names the most probable class where it is probable enough", async () => {
    for (const threshold of [0, 0.7, 1]) {
      const { classes } = await predict(itself(engines[kind]), logits, {
        batchSize: 3,
        probabilities: "softmax",
        threshold,
      });
      const want = rows
        .map(softmaxed)
        .map((p) => (Math.max(...p) >= threshold ? p.indexOf(Math.max(...p)) : -1));
      expect([...classes]).toEqual(want);
      if (threshold === 0.7) expect(new Set(want).size).toBe(3);
    }
  });

  it("takes the first of equal classes, a probability at the threshold, and NaN for none", async () => {
    const ofLogs = createTrainer(engines[kind], (x) => log(x), { inputShape: [2] });
    const inputs = Float32Array.of(1, 1, -1, 2, 1, 3);
    const softmax = await predict(ofLogs, inputs, { probabilities: "softmax", threshold: 0.5 });
    expect([...softmax.classes]).toEqual([0, -1, 1]);
    const sigmoid = await predict(ofLogs, inputs, { probabilities: "sigmoid", threshold: 0.5 });
    expect([...sigmoid.classes]).toEqual([1, 1, -1, 1, 1, 1]);
  });

  it("takes the samples of a data set, in their own type and scale", async () => {
    const bytes = Uint8Array.from({ length: COUNT * OUTPUTS }, (_, i) => (i * 37) % 256);
    const data = dataset({
      inputs: { data: bytes, shape: [OUTPUTS], scale: 1 / 255 },
      targets: { data: new Float32Array(COUNT) },
    });
    const { data: outputs, shape } = await predict(itself(engines[kind]), data, { batchSize: 4 });
    expect(shape).toEqual([COUNT, OUTPUTS]);
    expect([...outputs]).toEqual([...bytes].map((byte) => Math.fround(byte * Math.fround(1 / 255))));
  });
});

describe("predict refuses", () => {
  it.each<[object, string]>([
    [{ probabilities: "logits" }, 'predict: probabilities is logits; give "softmax" or "sigmoid"'],
    [{ threshold: 0.5 }, "predict: threshold is 0.5; give a number from 0 to 1, and with it probabilities"],
    [{ probabilities: "softmax", threshold: 1.5 }, "predict: threshold is 1.5; give a number from 0 to 1"],
    [{ probabilities: "sigmoid", threshold: -0.1 }, "predict: threshold is -0.1"],
    [{ probabilities: "softmax", threshold: Number.NaN }, "predict: threshold is NaN"],
  ])("%j", async (options, message) => {
    await expect(predict(itself(cpu()), logits, options)).rejects.toThrow(message);
  });

  it("softmax over one output", async () => {
    const one = createTrainer(cpu(), (x) => x, { inputShape: [1] });
    const none = createTrainer(cpu(), (x) => ops.reshape(x, [-1]), { inputShape: [1] });
    for (const trainer of [one, none]) {
      const predicting = predict(trainer, logits, { probabilities: "softmax" });
      await expect(predicting).rejects.toThrow(/predict.*: softmax over the last axis of .* is 1 everywhere/);
    }
  });

  it("a data set of other samples", async () => {
    const wide = dataset({
      inputs: { data: new Float32Array(12), shape: [6] },
      targets: { data: new Float32Array(2) },
    });
    await expect(predict(itself(cpu()), wide)).rejects.toThrow(
      "predict: got 12 numbers; expected a multiple of 3",
    );
  });
});
