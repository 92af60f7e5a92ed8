/** fit, evaluate and predict, held against the same computation by hand; and what they refuse. */
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
  type Loss,
  type Moment,
  mean,
  meanSquaredError,
  predict,
  relu,
  sequential,
  sgd,
  sum,
} from "../../src/index.ts";
import { epochOrder } from "../../src/random.ts";
import type { Executable } from "../../src/runtime/engine.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { indices, uniform } from "../helpers/samples.ts";

const engines = useEngines();
const FEATURES = 3;
const CLASSES = 4;
const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };

/** Random samples of random classes. */
function classes(count: number): Dataset {
  return dataset({
    name: "samples",
    inputs: { data: uniform([count, FEATURES]).data, shape: [FEATURES] },
    targets: { data: indices([count], CLASSES).data },
    classes: CLASSES,
  });
}

/** Softmax regression in f64: a weight of each class, and the bias behind it. */
class Regression {
  constructor(readonly weights: number[][]) {}

  static async of(trainer: {
    weights(): Promise<Record<string, { data: Float32Array }>>;
  }): Promise<Regression> {
    const { weight, bias } = await trainer.weights();
    return new Regression(
      Array.from(bias.data, (b, c) => [...weight.data.slice(c * FEATURES, (c + 1) * FEATURES), b]),
    );
  }

  logits(x: readonly number[]): number[] {
    return this.weights.map((row) => row.reduce((sum, w, i) => sum + w * (i < FEATURES ? x[i] : 1), 0));
  }

  loss(x: readonly number[], label: number): number {
    const logits = this.logits(x);
    return Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[label];
  }

  guess(x: readonly number[]): number {
    const logits = this.logits(x);
    return logits.indexOf(Math.max(...logits));
  }

  /** One step of gradient descent on the mean loss of a batch. */
  learn(batch: readonly Sample[], lr: number): void {
    const moves = this.weights.map((row) => row.map(() => 0));
    for (const { x, label } of batch) {
      const exps = this.logits(x).map(Math.exp);
      const total = exps.reduce((sum, e) => sum + e, 0);
      exps.forEach((e, c) => {
        const error = e / total - (c === label ? 1 : 0);
        moves[c] = moves[c].map((move, i) => move + (error * (i < FEATURES ? x[i] : 1)) / batch.length);
      });
    }
    this.weights.forEach((row, c) => {
      this.weights[c] = row.map((w, i) => w - lr * moves[c][i]);
    });
  }
}

interface Sample {
  readonly x: readonly number[];
  readonly label: number;
}

function samplesOf({ inputs, targets, count }: Dataset): Sample[] {
  return Array.from({ length: count }, (_, i) => ({
    x: [...inputs.data.slice(i * FEATURES, (i + 1) * FEATURES)],
    label: targets.data[i],
  }));
}

/** What `fit` should report of an epoch, and what it should leave behind in `model`. */
function epochByHand(model: Regression, ordered: readonly Sample[], batchSize: number, lr: number) {
  let [loss, correct] = [0, 0];
  for (let start = 0; start < ordered.length; start += batchSize) {
    const batch = ordered.slice(start, start + batchSize);
    for (const { x, label } of batch) {
      loss += model.loss(x, label);
      correct += model.guess(x) === label ? 1 : 0;
    }
    model.learn(batch, lr);
  }
  return { loss: loss / ordered.length, accuracy: correct / ordered.length };
}

async function epochsOf(run: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const epochs: Epoch[] = [];
  for await (const epoch of run) epochs.push(epoch);
  return epochs;
}

describe.each(ENGINES)("fit on the %s", (kind) => {
  it.each<[string, number, FitOptions]>([
    ["every sample counts, also those of a smaller last batch", 11, {}],
    ["dropLast leaves out what does not fill a batch", 11, { dropLast: true }],
    ["a data set of whole batches", 8, {}],
    ["without shuffling", 7, { shuffle: false }],
  ])("%s", async (_name, count, options) => {
    const data = classes(count);
    const [lr, batchSize, seed] = [0.5, 4, 9];
    const run = fit(engines[kind], dense(CLASSES), data, {
      ...options,
      batchSize,
      seed,
      epochs: 3,
      optimizer: sgd({ lr }),
    });
    const model = await Regression.of(run.trainer);
    const samples = samplesOf(data);
    let epochs = 0;
    for await (const { epoch, loss, accuracy } of run) {
      expect(epoch).toBe(++epochs);
      const order = epochOrder(count, seed, epoch, options.shuffle ?? true);
      const seen = options.dropLast ? count - (count % batchSize) : count;
      const ordered = [...order.slice(0, seen)].map((i) => samples[i]);
      const want = epochByHand(model, ordered, batchSize, lr);
      expect(difference("loss", [loss], [want.loss], TOLERANCE)).toBe(undefined);
      expect(accuracy).toBe(want.accuracy);
    }
    expect(epochs).toBe(3);
    const got = await Regression.of(run.trainer);
    expect(difference("weights", got.weights.flat(), model.weights.flat(), TOLERANCE)).toBe(undefined);
  });

  it("evaluates after each epoch what evaluate gives", async () => {
    const validation = classes(7);
    const run = fit(engines[kind], dense(CLASSES), classes(8), { batchSize: 4, epochs: 2, validation });
    for await (const epoch of run) {
      expect(epoch.validation).toEqual(await evaluate(run.trainer, validation));
      expect(epoch.validation?.confusion?.flat().reduce((sum, n) => sum + n)).toBe(7);
    }
  });

  it("takes batches in parts when asked, which changes nothing", async () => {
    const data = classes(10);
    const weights = async (accumulate?: number) => {
      const run = fit(engines[kind], dense(CLASSES), data, {
        batchSize: 4,
        epochs: 2,
        accumulate,
        optimizer: sgd(),
      });
      const epochs = await epochsOf(run);
      return { epochs, weights: (await Regression.of(run.trainer)).weights.flat() };
    };
    const [whole, parts] = [await weights(), await weights(2)];
    expect(difference("weights", parts.weights, whole.weights, { rtol: 0, atol: 1e-6 })).toBe(undefined);
    expect(parts.epochs.map(({ accuracy }) => accuracy)).toEqual(
      whole.epochs.map(({ accuracy }) => accuracy),
    );
  });

  it("evaluate counts every sample, whatever the batch", async () => {
    const data = classes(11);
    const trainer = createTrainer(engines[kind], dense(CLASSES), { inputShape: [FEATURES], seed: 2 });
    const model = await Regression.of(trainer);
    const samples = samplesOf(data);
    const loss = samples.reduce((sum, { x, label }) => sum + model.loss(x, label), 0) / 11;
    const confusion = Array.from({ length: CLASSES }, (_, label) =>
      Array.from(
        { length: CLASSES },
        (_, guess) => samples.filter((s) => s.label === label && model.guess(s.x) === guess).length,
      ),
    );
    const correct = confusion.reduce((sum, row, i) => sum + row[i], 0);
    for (const batchSize of [1, 4, 11, 1000]) {
      const got = await evaluate(trainer, data, { batchSize });
      expect(difference("loss", [got.loss], [loss], TOLERANCE)).toBe(undefined);
      expect(got.confusion).toEqual(confusion);
      expect(got.accuracy).toBe(correct / 11);
    }
  });

  it("evaluate counts guesses beyond the classes, too", async () => {
    // The first class that the data has not is often guessed.
    const biasInit = () => Float32Array.from({ length: CLASSES + 2 }, (_, c) => (c === CLASSES ? 1 : 0));
    const trainer = createTrainer(engines[kind], dense(CLASSES + 2, { biasInit }), {
      inputShape: [FEATURES],
    });
    const model = await Regression.of(trainer);
    const data = classes(30);
    const samples = samplesOf(data);
    const { confusion, accuracy } = await evaluate(trainer, data);
    const guesses = samples.map(({ x }) => model.guess(x));
    expect(Math.max(...guesses)).toBeGreaterThanOrEqual(CLASSES);
    const columns = confusion?.reduce((sum, row) => sum.map((n, i) => n + row[i]));
    expect(columns).toEqual(
      Array.from({ length: CLASSES + 2 }, (_, c) => guesses.filter((g) => g === c).length),
    );
    expect(accuracy).toBe(samples.filter(({ label }, i) => guesses[i] === label).length / 30);
  });

  it("predict gives a row for every sample, whatever the batch", async () => {
    const trainer = createTrainer(engines[kind], dense(CLASSES), { inputShape: [FEATURES], seed: 2 });
    const model = await Regression.of(trainer);
    const samples = samplesOf(classes(10));
    const inputs = Float32Array.from(samples.flatMap(({ x }) => x));
    const want = samples.flatMap(({ x }) => model.logits(x));
    for (const batchSize of [1, 4, 10, undefined]) {
      const { shape, data } = await predict(trainer, inputs, { batchSize });
      expect(shape).toEqual([10, CLASSES]);
      expect(difference(`in batches of ${batchSize}`, data, want, TOLERANCE)).toBe(undefined);
    }
  });
});

describe("the order of samples", () => {
  /** Which samples an epoch read, in order: a batch of one each, and its loss is the sample's number. */
  async function orders(seed: number, count: number): Promise<number[][]> {
    const numbers = dataset({
      inputs: { data: Float32Array.from({ length: count }, (_, i) => i), shape: [1] },
      targets: { data: new Float32Array(count) },
    });
    const itself: Loss = { name: "itself", apply: (outputs) => sum(outputs) };
    const runs: ReturnType<Executable["run"]>[] = [];
    const engine = cpu();
    const compile = engine.compile.bind(engine);
    engine.compile = async (...args) => {
      const executable = await compile(...args);
      const run = executable.run.bind(executable);
      executable.run = (n) => {
        const outputs = run(n);
        runs.push(outputs);
        return outputs;
      };
      return executable;
    };
    const options = { batchSize: 1, epochs: 2, seed, loss: itself, optimizer: sgd({ lr: 0 }) };
    const run = fit(engine, dense(1), numbers, options);
    await run.trainer.load({ weight: { shape: [1, 1], data: [1] }, bias: { shape: [1], data: [0] } });
    await epochsOf(run);
    const seen = (await Promise.all(runs)).flatMap(({ loss }) => [...loss]);
    return [seen.slice(0, count), seen.slice(count)];
  }

  it("is a function of seed and epoch, and visits each sample once", async () => {
    const [first, second] = await orders(5, 20);
    expect(await orders(5, 20)).toEqual([first, second]);
    expect(first).toEqual([...epochOrder(20, 5, 1)]);
    expect(second).toEqual([...epochOrder(20, 5, 2)]);
    expect(second).not.toEqual(first);
    expect((await orders(6, 20))[0]).not.toEqual(first);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

describe("schedules in fit", () => {
  /** A weight of 1 whose gradient is 1 in every step: it shows the sum of all rates. */
  async function run(options: FitOptions, count = 10) {
    const ones = dataset({
      inputs: { data: new Float32Array(count).fill(1), shape: [1] },
      targets: { data: new Float32Array(count) },
    });
    const slope: Loss = { name: "slope", apply: (outputs) => mean(outputs) };
    const fitting = fit(cpu(), dense(1, { bias: false }), ones, {
      loss: slope,
      batchSize: 4,
      epochs: 2,
      ...options,
    });
    await fitting.trainer.load({ weight: { shape: [1, 1], data: [1] } });
    const epochs = await epochsOf(fitting);
    return { epochs, weight: (await fitting.trainer.weights()).weight.data[0] };
  }

  it("are told of every step, and set its rate", async () => {
    const moments: Moment[] = [];
    const schedule = {
      name: "own",
      factor(moment: Moment) {
        moments.push({ ...moment, history: [...moment.history] });
        return moment.step + 1;
      },
    };
    const { epochs, weight } = await run({ schedule, optimizer: sgd({ lr: 0.01 }) });
    // Two batches of 4 and one of 2 an epoch.
    expect(moments.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(moments.every(({ total, stepsPerEpoch }) => total === 6 && stepsPerEpoch === 3)).toBe(true);
    expect(moments.map(({ history }) => history)).toEqual([[], [], [], ...Array(3).fill([epochs[0].loss])]);
    expect(weight).toBeCloseTo(1 - 0.01 * (1 + 2 + 3 + 4 + 5 + 6), 6);
  });

  it("go by the validation's losses where there is a validation set", async () => {
    const validation = dataset({
      inputs: { data: Float32Array.of(2), shape: [1] },
      targets: { data: new Float32Array(1) },
    });
    const histories: number[][] = [];
    const schedule = {
      name: "own",
      factor({ history }: Moment) {
        histories.push([...history]);
        return 1;
      },
    };
    const { epochs } = await run({ schedule, validation, optimizer: sgd({ lr: 0.1 }) });
    expect(histories[5]).toEqual([epochs[0].validation?.loss]);
    expect(epochs[0].validation?.loss).not.toBeCloseTo(epochs[0].loss, 3);
  });

  it("must give a number", async () => {
    const running = run({ schedule: { name: "own", factor: () => Number.NaN } });
    await expect(running).rejects.toThrow('step train: step scalar "learningRate" is NaN');
  });
});

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
    await expect(running).rejects.toThrow(/^samples targets: element \d+ is 3; .* from 0 to 2/);
    const squares = epochsOf(
      fit(cpu(), dense(CLASSES - 1), data, { batchSize: 5, loss: meanSquaredError() }),
    );
    await expect(squares).rejects.toThrow(/^samples targets: element \d+ is 3; .* from 0 to 2/);
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
    const options = { loss: meanSquaredError(), optimizer: sgd({ lr: 1e12 }), batchSize: 4, epochs: 50 };
    const seen: Epoch[] = [];
    const running = (async () => {
      for await (const epoch of fit(cpu(), model, far, options)) seen.push(epoch);
    })();
    await expect(running).rejects.toThrow(
      /^fit: the loss became (NaN|Infinity) in epoch \d+; use a lower learning rate, or look for NaN in the data/,
    );
    expect(seen.length).toBeLessThan(50);
  });
});

describe("what evaluate and predict refuse", () => {
  const open = (engine: Engine = cpu()) => createTrainer(engine, dense(CLASSES), { inputShape: [FEATURES] });

  it.each([0, -1, 1.5, Number.NaN])("a batch of %d", async (batchSize) => {
    const message = `batchSize is ${batchSize}; give a whole number from 1`;
    await expect(evaluate(open(), classes(4), { batchSize })).rejects.toThrow(`evaluate: ${message}`);
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
      /samples targets: element \d+ is \d; .* from 0 to 0/,
    );
  });
});

describe("what a step refuses", () => {
  const open = async (minimize = false) => {
    const trainer = createTrainer(cpu(), dense(2), {
      inputShape: [3],
      optimizer: minimize ? sgd() : undefined,
    });
    return trainer.compile(({ x, y }, model) => ({ loss: meanSquaredError(model(x), y) }), {
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
