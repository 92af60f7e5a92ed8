/** What fit, evaluate, predict and the steps of one's own refuse, and with which words. */
import { describe, expect, it } from "vitest";
import { type Dataset, dataset } from "../../src/data/dataset.ts";
import {
  cpu,
  createTrainer,
  dense,
  type Engine,
  type Epoch,
  embedding,
  evaluate,
  type FitOptions,
  fit,
  flatten,
  mean,
  meanSquaredError,
  ops,
  predict,
  relu,
  sequential,
  sgd,
  sum,
} from "../../src/index.ts";
import { uniform } from "../helpers/samples.ts";

const FEATURES = 3;
const CLASSES = 4;

/** Samples of all classes in turn. */
function classes(count: number): Dataset {
  return dataset({
    name: "samples",
    inputs: { data: uniform([count, FEATURES]).data, shape: [FEATURES] },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => i % CLASSES) },
    classes: CLASSES,
  });
}

async function epochsOf(run: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const epochs: Epoch[] = [];
  for await (const epoch of run) epochs.push(epoch);
  return epochs;
}

describe("what fit refuses", () => {
  const data = classes(10);
  const fitting = (options: FitOptions) => () =>
    fit(cpu(), dense(CLASSES), data, { batchSize: 5, ...options });

  it.each<[FitOptions, string]>([
    [{ batchSize: 0 }, "fit: batchSize is 0; give a whole number from 1"],
    [{ batchSize: 2.5 }, "fit: batchSize is 2.5"],
    [{ batchSize: Number.NaN }, "fit: batchSize is NaN"],
    [
      { batchSize: 11 },
      "fit: samples has 10 samples, fewer than one batch of 11; use a batchSize of at most 10",
    ],
    [{ epochs: 0 }, "fit: epochs is 0; give a whole number from 1"],
    [{ epochs: Number.NaN }, "fit: epochs is NaN"],
    [{ seed: -1 }, "seed is -1"],
    [{ accumulate: 0 }, "fit: accumulate is 0; give a whole number from 1"],
    [{ accumulate: Number.NaN }, "fit: accumulate is NaN"],
    [{ accumulate: 2 }, "fit: accumulate is 2; give a divisor of the batchSize 5"],
    [{ clip: { norm: 0 } }, "fit: clip.norm is 0; give a finite number above 0, or leave it out"],
    [{ clip: { norm: Number.NaN } }, "fit: clip.norm is NaN"],
    [{ clip: { value: -1 } }, "fit: clip.value is -1"],
    [{ penalty: { l1: -1 } }, "fit: penalty.l1 is -1; give a finite number from 0"],
    [{ penalty: { l2: Number.NaN } }, "fit: penalty.l2 is NaN"],
  ])("%j: %s", (options, message) => {
    expect(fitting(options)).toThrow(message);
  });

  it("a step's program before there is one", () => {
    expect(() => fitting({})().program).toThrow("the step is compiled when the first epoch begins");
  });

  it("labels and indices that the model has no place for", async () => {
    const running = epochsOf(fit(cpu(), dense(CLASSES - 1), data, { batchSize: 5 }));
    const message =
      "samples targets: sample 3 has class 3, and the model's 3 outputs tell only classes 0 to 2 apart; give its last layer 4 outputs";
    await expect(running).rejects.toThrow(message);
    const squares = epochsOf(
      fit(cpu(), dense(CLASSES - 1), data, { batchSize: 5, loss: meanSquaredError() }),
    );
    await expect(squares).rejects.toThrow(message);
    const words = dataset({
      name: "words",
      inputs: { data: Int32Array.of(0, 1, 2, 7), shape: [2] },
      targets: { data: Uint8Array.of(0, 1) },
      classes: 2,
    });
    const model = sequential(embedding(7, 3), flatten(), dense(2));
    await expect(epochsOf(fit(cpu(), model, words, { batchSize: 2 }))).rejects.toThrow(
      "words inputs: element 3 is 7; it is used as an index, and must be a whole number from 0 to 6",
    );
  });

  it("to go on with a loss that is no number", async () => {
    const model = sequential(dense(8), relu(), dense(1));
    const far = dataset({
      inputs: { data: uniform([8, 2], 1, 2).data, shape: [2] },
      targets: { data: uniform([8]).data },
    });
    const options = {
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 1e12 }),
      batchSize: 4,
      epochs: 50,
    };
    const seen: Epoch[] = [];
    const running = (async () => {
      for await (const epoch of fit(cpu(), model, far, options)) seen.push(epoch);
    })();
    await expect(running).rejects.toThrow(
      /^fit: the loss became (NaN|Infinity) in step \d+ \(epoch \d+\): .*; use a lower learning rate, clip gradients, or look for/,
    );
    expect(seen.length).toBeLessThan(50);
  });
});

describe("what evaluate and predict refuse", () => {
  const open = (engine: Engine = cpu()) => createTrainer(engine, dense(CLASSES), { inputShape: [FEATURES] });

  it.each([0, -1, 1.5, Number.NaN])("a batch of %d", async (batchSize) => {
    const message = `batchSize is ${batchSize}; give a whole number from 1`;
    await expect(evaluate(open(), classes(4), { batchSize })).rejects.toThrow(
      `evaluate: batchSize is ${batchSize}; give a whole number from 1`,
    );
    await expect(predict(open(), new Float32Array(3), { batchSize })).rejects.toThrow(`predict: ${message}`);
  });

  it("no whole number of samples", async () => {
    const message = "expected a multiple of 3, one sample being [3]";
    await expect(predict(open(), new Float32Array(4))).rejects.toThrow(`predict: got 4 numbers; ${message}`);
    await expect(predict(open(), new Float32Array(0))).rejects.toThrow(`predict: got 0 numbers; ${message}`);
  });

  it("a model that gives no row for each sample", async () => {
    const trainer = createTrainer(cpu(), (x) => sum(x, 0), { inputShape: [3] });
    await expect(predict(trainer, new Float32Array(6))).rejects.toThrow(
      "the model turns 2 samples into [3]; expected [2, …], a row for each",
    );
  });

  it("samples of another shape, or of other classes", async () => {
    const trainer = createTrainer(cpu(), dense(CLASSES), { inputShape: [5] });
    await expect(evaluate(trainer, classes(4))).rejects.toThrow(
      "weight (in evaluate samples): it has shape [4, 5], and is used with [4, 3]",
    );
    const few = createTrainer(cpu(), dense(1), { inputShape: [FEATURES] });
    await expect(evaluate(few, classes(20))).rejects.toThrow(
      "the model has one output a sample, [20, 1], which tells two classes apart, and samples has 4; give its last layer 4 outputs",
    );
  });
});

describe("what a step refuses", () => {
  const open = async (minimize = false) => {
    const trainer = createTrainer(cpu(), dense(2), {
      inputShape: [3],
      optimizer: minimize ? sgd() : undefined,
    });
    return trainer.compile(({ x, y }, model) => ({ loss: ops.meanSquaredError(model(x), y) }), {
      name: "measure",
      inputs: { x: [2, 3], y: [2, 2] },
    });
  };
  const x = new Float32Array(6);
  const y = new Float32Array(4);

  it("to run before every input was given", async () => {
    const step = await open();
    await expect(step.run({ x })).rejects.toThrow(
      'step measure: input "y" was never given; pass it to run()',
    );
    step.write({ x });
    await step.run({ y });
    await step.run();
  });

  it("inputs that it has not, or of another type or length", async () => {
    const step = await open();
    await expect(step.run({ x, z: y } as never)).rejects.toThrow(
      'program measure has no input "z"; its inputs are',
    );
    await expect(step.run({ x: y, y })).rejects.toThrow('input "x" takes 6 elements, got 4');
    await expect(step.run({ x: new Int32Array(6), y })).rejects.toThrow(
      'input "x" takes a Float32Array, got Int32Array',
    );
    await expect(step.run({ x: [1, 2] as never, y })).rejects.toThrow(
      'input "x" takes a Float32Array, got Array',
    );
  });

  it("to train without an optimizer, or to compute nothing", async () => {
    const trainer = createTrainer(cpu(), dense(2), { inputShape: [3] });
    const inputs = { x: [2, 3] } as const;
    const training = trainer.compile(({ x }, model) => ({ minimize: mean(model(x)) }), {
      name: "train",
      inputs,
    });
    await expect(training).rejects.toThrow("train: the step returns `minimize`, but there is no optimizer");
    await expect(trainer.compile(() => ({}), { inputs })).rejects.toThrow("got nothing to compute");
    await expect(trainer.compile(() => ({ y: 3 as never }), { inputs })).rejects.toThrow(
      `the step's output "y" is 3; return tensors`,
    );
  });

  it("options that make no sense", async () => {
    const trainer = createTrainer(cpu(), dense(2), { inputShape: [3], optimizer: sgd() });
    const compile = (options: object) =>
      trainer.compile(({ x }, model) => ({ minimize: mean(model(x)) }), {
        name: "train",
        inputs: { x: [2, 3] },
        ...options,
      });
    await expect(compile({ clip: { norm: Number.NaN } })).rejects.toThrow("train: clip.norm is NaN");
    await expect(compile({ penalty: { l2: -1 } })).rejects.toThrow("train: penalty.l2 is -1");
    await expect(compile({ accumulate: 1.5 })).rejects.toThrow("train: accumulate is 1.5");
    await expect(compile({ maxSteps: 0 })).rejects.toThrow("maxSteps is 0; give a whole number from 1");
    await expect(compile({ inputs: { x: [2, 0] } })).rejects.toThrow("x (in train): shape [2, 0] has size 0");
  });
});
