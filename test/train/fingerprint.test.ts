/** A checkpoint knows the run that wrote it: whatever its numbers follow from is told apart, and nothing else. */
import { describe, expect, it } from "vitest";
import { augment, rotate, translate } from "wgrad/augment";
import { type Dataset, dataset, stream } from "wgrad/data";
import {
  adagrad,
  adam,
  adamw,
  add,
  batchNorm,
  binaryCrossEntropy,
  cosineDecay,
  cpu,
  crossEntropy,
  dense,
  dropout,
  type Engine,
  type FitOptions,
  fit,
  frozen,
  huber,
  type Loss,
  leakyRelu,
  type Model,
  meanSquaredError,
  mul,
  oneCycle,
  ops,
  type ResumeOptions,
  reduceOnPlateau,
  relu,
  residual,
  sequential,
  sgd,
  stepDecay,
  sum,
  tanh,
  warmUp,
} from "../../src/index.ts";
import { fingerprintOf } from "../../src/train/fingerprint.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const images = Float32Array.from({ length: 12 * 16 }, (_, i) => Math.sin(i));
const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 3);

function samples(
  change: { at?: number; label?: number; scale?: number; name?: string; count?: number } = {},
): Dataset {
  const { at, label, scale, name, count = 12 } = change;
  const data = images.slice(0, count * 16);
  if (at !== undefined) data[at] += 1e-7 * Math.max(1, Math.abs(data[at]));
  const targets = labels.slice(0, count);
  if (label !== undefined) targets[label] = (targets[label] + 1) % 3;
  return dataset({ name, inputs: { data, shape: [1, 4, 4], scale }, targets: { data: targets }, classes: 3 });
}

const model = (): Model => sequential(dense(4), relu(), dense(3));
const options: FitOptions = { batchSize: 4, epochs: 3, seed: 5, optimizer: adam() };
interface Parts {
  readonly model?: Model;
  readonly data?: Dataset;
  readonly options?: FitOptions;
}

const opened = (parts: Parts = {}, engine: Engine = engines.cpu) =>
  fit(engine, parts.model ?? model(), parts.data ?? samples(), { ...options, ...parts.options });

async function begun(parts: Parts = {}, engine?: Engine): Promise<Uint8Array> {
  const run = opened(parts, engine);
  for await (const _ of run) break;
  return run.checkpoint();
}

/** The message that refuses the resume; undefined where it goes on. */
async function refusal(from: Uint8Array, parts: Parts, allow?: ResumeOptions["allow"], engine?: Engine) {
  const resume = allow ? { from, allow } : from;
  const run = opened({ ...parts, options: { ...parts.options, resume } }, engine);
  const before = await run.trainer.snapshot();
  try {
    await run[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error) {
    // Nothing was changed.
    expect(await run.trainer.snapshot()).toEqual(before);
    expect(run.history).toEqual([]);
    return (error as Error).message;
  }
}

/** Two losses of one name. */
const scaled = (factor: number): Loss => ({
  name: "own",
  apply: (outputs, targets) => mul(ops.crossEntropy(outputs, targets), factor),
});
const warmed = (steps: number) => warmUp({ steps, schedule: stepDecay({ epochs: 2 }) });

describe("a resume with something else is refused, and says what", () => {
  const cases: [string, Parts, Parts, RegExp][] = [
    [
      "activation",
      {},
      { model: sequential(dense(4), tanh(), dense(3)) },
      /model has 1\.relu where this run's has 1\.tanh;/,
    ],
    [
      "option of a layer",
      { model: sequential(dense(4), leakyRelu(0.1), dense(3)) },
      { model: sequential(dense(4), leakyRelu(0.2), dense(3)) },
      /model computes something else in 1\.leakyRelu;/,
    ],
    [
      "rate of dropout",
      { model: sequential(dense(4), dropout(0.1), dense(3)) },
      { model: sequential(dense(4), dropout(0.2), dense(3)) },
      /model computes something else in 1\.dropout;/,
    ],
    [
      "wiring",
      { model: sequential(dense(4), residual(dense(4)), dense(3)) },
      { model: sequential(dense(4), dense(4), dense(3)) },
      /the checkpoint's model /,
    ],
    [
      "function as a model",
      { model: (x, scope) => add(dense(3).apply(x, scope), 1) },
      { model: (x, scope) => add(dense(3).apply(x, scope), 2) },
      /model computes something else;/,
    ],
    [
      "width",
      {},
      { model: sequential(dense(5), relu(), dense(3)) },
      /model's 0\.weight is \[4, 16\], decays, this run's \[5, 16\], decays;/,
    ],
    [
      "frozen layer",
      {},
      { model: sequential(frozen(dense(4)), relu(), dense(3)) },
      /model's 0\.weight is \[4, 16\], decays, this run's \[4, 16\], decays, frozen;/,
    ],
    [
      "speed of running statistics",
      { model: sequential(batchNorm(), dense(3)) },
      { model: sequential(batchNorm({ momentum: 0.2 }), dense(3)) },
      /model's 0\.running_mean is \[1\], rate 0\.1, this run's \[1\], rate 0\.2;/,
    ],
    [
      "loss",
      {},
      { options: { loss: meanSquaredError() } },
      /loss is crossEntropy, this run's meanSquaredError;/,
    ],
    [
      "loss's option",
      {},
      { options: { loss: crossEntropy({ labelSmoothing: 0.1 }) } },
      /loss computes something else;/,
    ],
    [
      "weights of classes",
      {},
      { options: { loss: crossEntropy({ classWeights: [1, 2, 1] }) } },
      /loss computes/,
    ],
    [
      "delta of Huber's",
      { options: { loss: huber() } },
      { options: { loss: huber({ delta: 2 }) } },
      /loss computes/,
    ],
    [
      "loss of one's own",
      { options: { loss: scaled(1.5) } },
      { options: { loss: scaled(2) } },
      /loss computes/,
    ],
    ["optimizer", {}, { options: { optimizer: sgd() } }, /optimizer is adam, this run's sgd;/],
    [
      "decoupled decay",
      {},
      { options: { optimizer: adamw({ weightDecay: 0 }) } },
      /optimizer is adam, this run's adamw/,
    ],
    [
      "lr",
      {},
      { options: { optimizer: adam({ learningRate: 0.01 }) } },
      /learning rate is 0\.001, this run's 0\.01; .*allow: \["learningRate"\]/,
    ],
    [
      "beta",
      {},
      { options: { optimizer: adam({ beta1: 0.8 }) } },
      /optimizer's beta1 is 0\.9, this run's 0\.8;/,
    ],
    [
      "epsilon",
      {},
      { options: { optimizer: adam({ epsilon: 1e-7 }) } },
      /optimizer's epsilon is 1e-8, this run's 1e-7;/,
    ],
    [
      "decay",
      {},
      { options: { optimizer: adam({ weightDecay: 0.1 }) } },
      /optimizer's weightDecay is 0, this run's 0\.1;/,
    ],
    [
      "decay of biases",
      {},
      { options: { optimizer: adam({ decayBiases: true }) } },
      /optimizer's decayBiases is false/,
    ],
    [
      "lrDecay",
      { options: { optimizer: adagrad() } },
      { options: { optimizer: adagrad({ lrDecay: 0.1 }) } },
      /the checkpoint's optimizer's/,
    ],
    [
      "group",
      {},
      { options: { optimizer: adam({ groups: [{ match: /0/, frozen: true }] }) } },
      /optimizer's groups is \[\]/,
    ],
    [
      "momentum",
      { options: { optimizer: sgd({ momentum: 0.9 }) } },
      { options: { optimizer: sgd({ momentum: 0.8 }) } },
      /optimizer's momentum is 0\.9, this run's 0\.8;/,
    ],
    ["schedule", {}, { options: { schedule: cosineDecay() } }, /schedule is constant, this run's cosine;/],
    [
      "floor",
      { options: { schedule: cosineDecay() } },
      { options: { schedule: cosineDecay({ floor: 0.01 }) } },
      /schedule gives other rates;/,
    ],
    [
      "warm-up",
      { options: { schedule: warmed(3) } },
      { options: { schedule: warmed(4) } },
      /schedule gives other rates;/,
    ],
    [
      "one cycle",
      { options: { schedule: oneCycle() } },
      { options: { schedule: oneCycle({ finalDivisor: 1e3 }) } },
      /other rates/,
    ],
    [
      "patience",
      { options: { schedule: reduceOnPlateau() } },
      { options: { schedule: reduceOnPlateau({ patience: 11 }) } },
      /other rates/,
    ],
    [
      "threshold",
      { options: { schedule: reduceOnPlateau() } },
      { options: { schedule: reduceOnPlateau({ threshold: 2e-4 }) } },
      /other rates/,
    ],
    ["clip", {}, { options: { clip: { norm: 1 } } }, /clip's norm is none, this run's 1;/],
    ["penalty", {}, { options: { penalty: { l2: 0.1 } } }, /penalty's l2 is 0, this run's 0\.1;/],
    ["accumulate", {}, { options: { accumulate: 2 } }, /accumulate is 1, this run's 2; resume with/],
    ["dropLast", {}, { options: { dropLast: true } }, /dropLast is false, this run's true;/],
    ["shuffle", {}, { options: { shuffle: false } }, /shuffle is true, this run's false;/],
    ["seed", {}, { options: { seed: 6 } }, /seed is 5, this run's 6;/],
    ["batchSize", {}, { options: { batchSize: 3 } }, /batchSize is 4, this run's 3; resume with/],
    [
      "augmentation",
      {},
      { options: { augment: augment(rotate(9)) } },
      /augment is none, this run's rotate\(9\);/,
    ],
    [
      "augmentation's option",
      { options: { augment: augment(translate(1)) } },
      { options: { augment: augment(translate(2)) } },
      /augment is translate\(1\), this run's translate\(2\);/,
    ],
    [
      "one number of the inputs",
      {},
      { data: samples({ at: 191 }) },
      /data set's inputs holds other numbers;/,
    ],
    ["one target", {}, { data: samples({ label: 11 }) }, /data set's targets holds other numbers;/],
    ["scale", {}, { data: samples({ scale: 2 }) }, /data set's inputs's scale is 1, this run's 2;/],
    ["number of samples", {}, { data: samples({ count: 11 }) }, /data set's samples is 12, this run's 11;/],
  ];
  it.each(cases)("%s", async (_what, then, now, message) => {
    const from = await begun(then);
    const said = await refusal(from, now);
    expect(said).toMatch(message);
    expect(said).toMatch(
      /^resume: the checkpoint's .* resume with the same, or say that it may differ: resume: /,
    );
  });

  it("all that differs at once, with what would allow it", async () => {
    const now = { model: sequential(dense(4), tanh(), dense(3)), options: { seed: 6, dropLast: true } };
    const from = await begun();
    const said = await refusal(from, now);
    expect(said).toContain("seed is 5, this run's 6; dropLast is false, this run's true; model has 1.relu");
    expect(said).toContain('allow: ["seed", "dropLast", "model"]');
    expect(await refusal(from, now, ["seed", "model"])).toContain('allow: ["seed", "model", "dropLast"]');
    expect(await refusal(from, now, ["seed", "dropLast", "model"])).toBe(undefined);
  });
});

describe("a resume with the same goes on", () => {
  const same: [string, Parts, Parts][] = [
    ["more epochs", {}, { options: { epochs: 9 } }],
    ["another name of the data", {}, { data: samples({ name: "other" }) }],
    [
      "validation, metrics and callbacks",
      {},
      { options: { validation: samples(), callbacks: [() => undefined] } },
    ],
    ["a data set that is streamed", { options: { batchSize: 1 } }, { options: { dataMemory: 700 } }],
    [
      "binary targets",
      { options: { loss: binaryCrossEntropy() } },
      { options: { loss: binaryCrossEntropy() } },
    ],
  ];
  it.each(same)("%s", async (_what, then, now) => {
    expect(
      await refusal(await begun(then), { ...then, ...now, options: { ...then.options, ...now.options } }),
    ).toBe(undefined);
  });

  it.each(ENGINES)("on another engine than the %s", async (kind) => {
    const other = engines[ENGINES[(ENGINES.indexOf(kind) + 1) % ENGINES.length]];
    expect(await refusal(await begun({}, engines[kind]), {}, undefined, other)).toBe(undefined);
  });
});

describe("what may differ is said by resume's allow", () => {
  it("a new learning rate is taken, and all else goes on", async () => {
    const from = await begun();
    const optimizer = adam({ learningRate: 0.1 });
    const at = async (allow: ResumeOptions["allow"], how: FitOptions["optimizer"]) => {
      const run = opened({ options: { optimizer: how, epochs: 2, resume: { from, allow } } });
      for await (const _ of run);
      return (await run.trainer.snapshot()).arenas;
    };
    const [old, allowed] = [await at([], adam()), await at(["learningRate"], optimizer)];
    expect(allowed.parameters).not.toEqual(old.parameters);
    expect(
      await refusal(from, { options: { optimizer: adam({ learningRate: 0.1, beta1: 0.5 }) } }, [
        "learningRate",
      ]),
    ).toMatch(/^resume: the checkpoint's optimizer's beta1 is 0\.9, this run's 0\.5; /);
  });

  it("another batch size needs no more than that", async () => {
    expect(await refusal(await begun(), { options: { batchSize: 3 } }, ["batchSize"])).toBe(undefined);
  });

  it("another optimizer takes over what it has the memory for", async () => {
    const from = await begun();
    expect(await refusal(from, { options: { optimizer: adamw() } }, ["optimizer"])).toBe(undefined);
    expect(await refusal(from, { options: { optimizer: sgd({ learningRate: 0.001 }) } }, ["optimizer"])).toBe(
      "resume: the checkpoint holds first, second, which this model and optimizer do not have",
    );
  });

  it.each([
    [["lr"], 'fit: resume: there is no difference to allow "lr"; did you mean learningRate?'],
    [["batch_size"], 'there is no difference to allow "batch_size"; did you mean batchSize?'],
  ])("%j is refused", async (allow, message) => {
    expect(await refusal(await begun(), {}, allow as ResumeOptions["allow"])).toContain(message);
  });
});

it("a stream is known by its name and layout", async () => {
  const { inputs, targets } = samples();
  const of = (name: string) =>
    stream({
      name,
      count: 12,
      inputs: { type: "f32", shape: [1, 4, 4] },
      targets: { type: "u8" },
      classes: 3,
      open: () => [{ inputs: inputs.data, targets: targets.data }],
    });
  const run = fit(cpu(), model(), of("a"), options);
  for await (const _ of run) break;
  const from = await run.checkpoint();
  const again = (name: string) =>
    fit(cpu(), model(), of(name), { ...options, resume: from })
      [Symbol.asyncIterator]()
      .next();
  await expect(again("b")).rejects.toThrow("resume: the checkpoint's data set's stream is a, this run's b;");
  expect((await again("a")).value?.epoch).toBe(2);
});

it("hides no sum where two samples change places", async () => {
  const { inputs, targets } = samples();
  const swapped = inputs.data.slice() as Float32Array;
  swapped.set(inputs.data.subarray(16, 32) as Float32Array, 0);
  swapped.set(inputs.data.subarray(0, 16) as Float32Array, 16);
  const other = dataset({ inputs: { ...inputs, data: swapped }, targets, classes: 3 });
  const prints = await Promise.all(
    [samples(), other].map((data) => fingerprintOf(opened({ data }) as never)),
  );
  expect(prints[0].data).not.toEqual(prints[1].data);
});

it("costs little: 60,000 images are read faster than they are shuffled twice", async () => {
  const data = new Uint8Array(60_000 * 784).map((_, i) => i ^ (i >>> 8));
  const large = dataset({
    inputs: { data, shape: [1, 28, 28] },
    targets: { data: new Uint8Array(60_000) },
    classes: 1,
  });
  const run = opened({ data: large, options: { loss: { name: "size", apply: (outputs) => sum(outputs) } } });
  const started = performance.now();
  const { data: facts } = await fingerprintOf(run as never);
  const took = performance.now() - started;
  expect(facts).toMatchObject({ inputs: { numbers: expect.stringMatching(/^[0-9a-f]{16}$/) } });
  const begin = performance.now();
  for (let pass = 0; pass < 2; pass++) data.slice().sort(() => 0);
  expect(took).toBeLessThan(performance.now() - begin);
});
