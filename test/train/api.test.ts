/** fit, evaluate and predict, held against the same computation by hand. */
import { describe, expect, it } from "vitest";
import { type Dataset, dataset } from "../../src/data/dataset.ts";
import {
  adam,
  binaryCrossEntropy,
  cpu,
  createTrainer,
  dense,
  type Epoch,
  evaluate,
  type FitOptions,
  fit,
  type Loss,
  type Moment,
  mean,
  predict,
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
  learn(batch: readonly Sample[], learningRate: number): void {
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
      this.weights[c] = row.map((w, i) => w - learningRate * moves[c][i]);
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
function epochByHand(model: Regression, ordered: readonly Sample[], batchSize: number, learningRate: number) {
  let [loss, correct] = [0, 0];
  for (let start = 0; start < ordered.length; start += batchSize) {
    const batch = ordered.slice(start, start + batchSize);
    for (const { x, label } of batch) {
      loss += model.loss(x, label);
      correct += model.guess(x) === label ? 1 : 0;
    }
    model.learn(batch, learningRate);
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
    const [learningRate, batchSize, seed] = [0.5, 4, 9];
    const run = fit(engines[kind], dense(CLASSES), data, {
      ...options,
      batchSize,
      seed,
      epochs: 3,
      optimizer: sgd({ learningRate }),
    });
    const model = await Regression.of(run.trainer);
    const samples = samplesOf(data);
    let epochs = 0;
    for await (const { epoch, loss, accuracy } of run) {
      expect(epoch).toBe(++epochs);
      const order = epochOrder(count, seed, epoch, options.shuffle ?? true);
      const seen = options.dropLast ? count - (count % batchSize) : count;
      const ordered = [...order.slice(0, seen)].map((i) => samples[i]);
      const want = epochByHand(model, ordered, batchSize, learningRate);
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
    const options = { batchSize: 1, epochs: 2, seed, loss: itself, optimizer: sgd({ learningRate: 0 }) };
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
    const { epochs, weight } = await run({ schedule, optimizer: sgd({ learningRate: 0.01 }) });
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
    const { epochs } = await run({ schedule, validation, optimizer: sgd({ learningRate: 0.1 }) });
    expect(histories[5]).toEqual([epochs[0].validation?.loss]);
    expect(epochs[0].validation?.loss).not.toBeCloseTo(epochs[0].loss, 3);
  });

  it("must give a number", async () => {
    const running = run({ schedule: { name: "own", factor: () => Number.NaN } });
    await expect(running).rejects.toThrow("fit: the schedule own gave NaN at step 0; return a factor");
  });
});

it.each(ENGINES)("one output is the logit of class 1, and is counted as such: %s", async (kind) => {
  const x = Float32Array.from({ length: 60 }, (_, i) => Math.sin(7 * i));
  const data = dataset({
    inputs: { data: x, shape: [1] },
    targets: { data: Uint8Array.from(x, (value) => (value > 0.2 ? 1 : 0)) },
    classes: 2,
  });
  const run = fit(engines[kind], dense(1), data, {
    loss: binaryCrossEntropy(),
    optimizer: adam({ learningRate: 0.3 }),
    batchSize: 60,
    epochs: 60,
    validation: data,
  });
  let last: Epoch | undefined;
  for await (const epoch of run) last = epoch;
  expect(last?.accuracy).toBeGreaterThan(0.95);
  expect(last?.validation?.accuracy).toBeGreaterThan(0.95);
});

it.each(ENGINES)("an output of exactly 0 counts alike in training and in evaluation: %s", async (kind) => {
  const data = dataset({
    inputs: { data: new Float32Array(6), shape: [1] },
    targets: { data: Uint8Array.from([1, 1, 1, 1, 0, 0]) },
    classes: 2,
  });
  const run = fit(engines[kind], dense(1), data, {
    loss: binaryCrossEntropy(),
    optimizer: sgd({ learningRate: 1e-30 }),
    batchSize: 6,
    epochs: 1,
    validation: data,
  });
  for await (const { accuracy, validation } of run) {
    expect(accuracy).toBe(4 / 6);
    expect(validation?.accuracy).toBe(4 / 6);
  }
});
