/** A loss refuses outputs and targets that it makes no sense for; what is allowed in PyTorch stays. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../../src/data/dataset.ts";
import { stream } from "../../../src/data/stream.ts";
import {
  binaryCrossEntropy,
  cpu,
  createTrainer,
  crossEntropy,
  dense,
  evaluate,
  fit,
  type Loss,
  meanSquaredError,
  ops,
  sigmoidCrossEntropy,
  slice,
  tensor,
} from "../../../src/index.ts";
import { crossValidate, learningCurve } from "../../../src/search/index.ts";
import { difference } from "../../helpers/compare.ts";
import { ENGINES, type EngineKind, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();

/** A step that gives a loss of inputs `x` and `y`, [2, width]. */
async function lossOf(loss: Loss, width: number, kind: EngineKind = "cpu") {
  const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [width] });
  const inputs = { x: [2, width], y: [2, width] } as const;
  const step = await trainer.compile(({ x, y }) => ({ value: loss.apply(x, y) }), { inputs });
  return async (...y: number[]) =>
    (await step.run({ x: new Float32Array(2 * width), y: Float32Array.from(y) })).value[0];
}

const numbers = (targets: number[], shape: number[] = [], scale?: number) => {
  const count = targets.length / shape.reduce((a, b) => a * b, 1);
  return dataset({
    name: "numbers",
    inputs: { data: new Float32Array(2 * count), shape: [2] },
    targets: { data: Float32Array.from(targets), shape, scale },
  });
};

describe.each(ENGINES)("targets on the %s", (kind) => {
  it("of cross-entropy are rows of probabilities", async () => {
    const value = await lossOf(crossEntropy(), 3, kind);
    const even = Math.log(3);
    const allowed = [
      [1, 0, 0, 0, 0, 1],
      [0.2, 0.3, 0.5, 1 / 3, 1 / 3, 1 / 3],
      // Written down with two digits.
      [0.33, 0.33, 0.34, 0.33, 0.33, 0.33],
    ];
    for (const y of allowed) {
      const want = (even * y.reduce((a, b) => a + b)) / 2;
      expect(difference("loss", [await value(...y)], [want], { rtol: 1e-6, atol: 0 })).toBe(undefined);
    }
    const remedy =
      "give such, or another loss, such as binaryCrossEntropy() where several classes can be right";
    await expect(value(1, 0, 0, 0, 1, 1)).rejects.toThrow(
      `input "y": elements 3 to 5 add up to 2; crossEntropy takes them for the probabilities of one sample's 3 classes, which add up to 1; ${remedy}`,
    );
    await expect(value(1, 0, 0, 0, 0, 0)).rejects.toThrow("elements 3 to 5 add up to 0");
    await expect(value(1, 0, 0, 2, -1, 0)).rejects.toThrow(
      'input "y": element 3 is 2; crossEntropy takes targets from 0 to 1; give such, or another loss, such as meanSquaredError() for quantities',
    );
  });

  it.each([
    ["binaryCrossEntropy", binaryCrossEntropy()],
    ["sigmoidCrossEntropy", sigmoidCrossEntropy()],
  ])("of %s are from 0 to 1, soft ones as well", async (name, loss) => {
    const value = await lossOf(loss, 2, kind);
    const scale = name === "sigmoidCrossEntropy" ? 2 : 1;
    const want = scale * Math.log(2);
    for (const y of [
      [1, 1, 0, 0],
      [0.1, 0.9, 0.5, 1],
    ])
      expect(difference("loss", [await value(...y)], [want], { rtol: 1e-6, atol: 0 })).toBe(undefined);
    await expect(value(0, 1, 1, 1.5)).rejects.toThrow(
      `input "y": element 3 is 1.5; ${name} takes targets from 0 to 1`,
    );
    await expect(value(-1, 1, 1, 1)).rejects.toThrow(`input "y": element 0 is -1; ${name} takes targets`);
  });
});

describe("targets of data sets", () => {
  const training = (data: ReturnType<typeof numbers>, loss: Loss, outputs: number) =>
    fit(cpu(), dense(outputs), data, { loss, batchSize: 2, epochs: 1 })[Symbol.asyncIterator]().next();

  it("are held to what the loss takes, before training, and in evaluations", async () => {
    const prices = numbers([0.5, 12, 7.25, 1]);
    await expect(training(prices, binaryCrossEntropy(), 1)).rejects.toThrow(
      "numbers targets: element 1 is 12; binaryCrossEntropy takes targets from 0 to 1",
    );
    const rows = numbers([1, 0, 0, 1, 1, 1, 0.5, 0.5], [2]);
    await expect(training(rows, crossEntropy(), 2)).rejects.toThrow(
      "numbers targets: elements 4 to 5 add up to 2",
    );
    const trainer = createTrainer(cpu(), dense(2), { inputShape: [2] });
    await expect(evaluate(trainer, rows, { loss: crossEntropy() })).rejects.toThrow(
      "elements 4 to 5 add up to 2",
    );
    // Several labels at once are no probabilities of one, but fine for yes and no.
    expect((await training(rows, binaryCrossEntropy(), 2)).done).toBe(false);
    expect((await training(numbers([1, 0, 0, 1, 0.25, 0.75, 0.5, 0.5], [2]), crossEntropy(), 2)).done).toBe(
      false,
    );
  });

  it("count with their scale, in parts of a batch, and with the one axis that is left out", async () => {
    const percent = numbers([50, 100, 0, 25], [], 1 / 100);
    expect((await training(percent, binaryCrossEntropy(), 1)).done).toBe(false);
    await expect(training(numbers([50, 101, 0, 25], [], 1 / 100), binaryCrossEntropy(), 1)).rejects.toThrow(
      /numbers targets: element 1 is 1\.01\d*; binaryCrossEntropy/,
    );
    const parts = fit(cpu(), dense(2), numbers([1, 0, 0, 1, 1, 0, 0, 2], [2]), {
      loss: crossEntropy(),
      batchSize: 4,
      accumulate: 2,
    });
    await expect(parts[Symbol.asyncIterator]().next()).rejects.toThrow("element 7 is 2");
  });

  it("are checked as they come where they are streamed", async () => {
    const streamed = stream({
      name: "coming",
      count: 4,
      inputs: { type: "f32", shape: [2] },
      targets: { type: "f32" },
      async *open() {
        yield { inputs: new Float32Array(4), targets: Float32Array.of(0, 1) };
        yield { inputs: new Float32Array(4), targets: Float32Array.of(0.5, 3) };
      },
    });
    const run = fit(cpu(), dense(1), streamed, { loss: binaryCrossEntropy(), batchSize: 2 });
    await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(
      /coming targets: element \d is 3; binaryCross/,
    );
  });

  it("are not known, and not checked, where the step computes them", async () => {
    const trainer = createTrainer(cpu(), (x) => x, { inputShape: [2] });
    const step = await trainer.compile(
      ({ x, y }) => ({ value: ops.binaryCrossEntropy(x, slice(y, 0, 2, 1)) }),
      {
        inputs: { x: [2, 2], y: [2, 3] },
      },
    );
    expect(
      (await step.run({ x: new Float32Array(4), y: Float32Array.of(1, 0, 9, 0, 1, 9) })).value[0],
    ).toBeCloseTo(Math.log(2), 6);
    expect(() => ops.crossEntropy(tensor([0, 0], [1, 2]), tensor([1, 3], [1, 2]))).not.toThrow();
    await expect(
      trainer.compile(({ x }) => ({ value: ops.crossEntropy(x, tensor([1, 3, 0, 1], [2, 2])) }), {
        inputs: { x: [2, 2] },
      }),
    ).rejects.toThrow("element 1 is 3; crossEntropy takes targets from 0 to 1");
  });
});

describe("outputs", () => {
  const one =
    "logits are [2, 1], of one class, whose probability is always 1: nothing can be learned; use binaryCrossEntropy()";

  it("of one class have no cross-entropy", async () => {
    const loss = crossEntropy();
    for (const data of [numbers([1, 2]), numbers([1, 2], [1])]) {
      const run = fit(cpu(), dense(1), data, { loss, batchSize: 2 });
      await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(`crossEntropy (in train): ${one}`);
    }
    // A vector would be the probabilities of one sample.
    await expect(
      lossOf({ name: "flat", apply: (x, y) => loss.apply(slice(x, 0, 1, 1), y) }, 3),
    ).rejects.toThrow("logits are [2, 1], of one class");
    const flat = createTrainer(cpu(), (x) => x, { inputShape: [2] });
    await expect(
      flat.compile(({ x, y }) => ({ value: ops.crossEntropy(x, y) }), { inputs: { x: [4], y: [4] } }),
    ).rejects.toThrow("crossEntropy (in step): logits are [4], targets [4]; expected class indices");
  });

  it("fewer than the classes are refused with the numbers, by every loss", async () => {
    const data = dataset({
      name: "iris",
      inputs: { data: new Float32Array(12), shape: [2] },
      targets: { data: Uint8Array.of(0, 1, 0, 1, 2, 0) },
      classes: 3,
    });
    for (const loss of [crossEntropy(), meanSquaredError(), binaryCrossEntropy()]) {
      const two = fit(cpu(), dense(2), data, { loss, batchSize: 2 });
      await expect(two[Symbol.asyncIterator]().next()).rejects.toThrow(
        "iris targets: sample 4 has class 2, and the model's 2 outputs tell only classes 0 to 1 apart; give its last layer 3 outputs",
      );
      const one = fit(cpu(), dense(1), data, { loss, batchSize: 2 });
      await expect(one[Symbol.asyncIterator]().next()).rejects.toThrow(
        "fit (in train): the model has one output a sample, [2, 1], which tells two classes apart, and iris has 3; give its last layer 3 outputs",
      );
    }
  });
});

describe("data without classes", () => {
  const data = numbers([1, 2, 3, 4]);
  const message =
    "no loss is given, and numbers has no classes: its targets are numbers []; give loss: meanSquaredError() for quantities, binaryCrossEntropy() for 0 or 1, crossEntropy() for rows of probabilities or class indices";

  it("has no default loss, in whatever trains or evaluates", async () => {
    expect(() => fit(cpu(), dense(1), data, { batchSize: 2 })).toThrow(`fit: ${message}`);
    const trainer = createTrainer(cpu(), dense(1), { inputShape: [2] });
    await expect(evaluate(trainer, data)).rejects.toThrow(`evaluate: ${message}`);
    await expect(crossValidate(cpu(), dense(1), data, { folds: 2, batchSize: 2 })).rejects.toThrow(message);
    await expect(learningCurve(cpu(), dense(1), data, { sizes: [2], validation: data })).rejects.toThrow(
      message,
    );
  });
});
