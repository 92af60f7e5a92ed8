/** Whatever training can do, it does the same on all engines, to rounding, and goes on from one engine to the next. */
import { expect, it } from "vitest";
import * as w from "wgrad";
import * as a from "wgrad/augment";
import { type Dataset, dataset, type Stream, stream } from "wgrad/data";
import { uniforms } from "../../src/random.ts";
import { expectSameLosses } from "../helpers/curve.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
/** A third of them on each engine. */
const STEPS = 12;
/** Samples, of which a batch of 24 leaves a rest; and pixels along a side. */
const COUNT = 92;
const SIDE = 12;
const PIXELS = SIDE * SIDE;
const draws = uniforms(COUNT * PIXELS, 3, 1);

const labels = Uint8Array.from({ length: COUNT }, (_, i) => i % 4);
/** The upper, lower, left or right half is bright. */
const pixels = Uint8Array.from({ length: COUNT * PIXELS }, (_, i) => {
  const [y, x] = [Math.floor(i / SIDE) % SIDE, i % SIDE];
  const halves = [y < 6, y >= 6, x < 6, x >= 6];
  return 255 * ((halves[labels[Math.floor(i / PIXELS)]] ? 0.6 : 0) + 0.4 * draws[i]);
});
const image = [1, SIDE, SIDE];
const images = dataset({
  name: "images",
  inputs: { data: pixels, shape: image, scale: 1 / 255 },
  targets: { data: labels },
  classes: 4,
});
const numbers = draws.slice(0, COUNT * 5).map((u) => 2 * u - 1);
const ofNumbers = (name: string, target: (x: number) => number): Dataset =>
  dataset({
    name,
    inputs: { data: numbers, shape: [5] },
    targets: {
      data: Float32Array.from({ length: COUNT * 3 }, (_, i) =>
        target(numbers[Math.floor(i / 3) * 5 + (i % 3)]),
      ),
      shape: [3],
    },
  });
const waves = ofNumbers("waves", (x) => Math.sin(3 * x));
const signs = ofNumbers("signs", (x) => (x > 0 ? 1 : 0));
const tokens = dataset({
  name: "tokens",
  inputs: { data: Int32Array.from({ length: COUNT * 6 }, (_, i) => (i * 7 + (i % 5)) % 11), shape: [6] },
  targets: { data: labels },
  classes: 4,
});
const streamed = stream({
  count: COUNT,
  inputs: { type: "u8", shape: image, scale: 1 / 255 },
  targets: { type: "u8" },
  classes: 4,
  *open() {
    for (let from = 0; from < COUNT; from += 17) {
      const to = Math.min(COUNT, from + 17);
      yield { inputs: pixels.slice(from * PIXELS, to * PIXELS), targets: labels.slice(from, to) };
    }
  },
});

interface Case {
  readonly model?: () => w.Model;
  readonly data?: Dataset | Stream;
  readonly options?: w.SessionOptions;
}

const dense = (...layers: w.Layer[]) => w.sequential(w.flatten(), w.dense(17), ...layers, w.dense(4));
const conv = (...layers: w.Layer[]) => w.sequential(w.conv2d(5, 3), ...layers, w.flatten(), w.dense(4));
const regression = (...layers: w.Layer[]) => w.sequential(w.dense(9), w.tanh(), w.dense(3), ...layers);
const ofLoss = (loss: w.Loss, data = waves, ...layers: w.Layer[]): Case => ({
  data,
  model: () => regression(...layers),
  options: { loss },
});
const inOptions = (all: Record<string, w.SessionOptions>) =>
  Object.fromEntries(Object.entries(all).map(([name, options]): [string, Case] => [name, { options }]));
const inModels = (all: Record<string, () => w.Model>) =>
  Object.fromEntries(Object.entries(all).map(([name, model]): [string, Case] => [name, { model }]));
const inOptimizers = (all: readonly w.Optimizer[]) =>
  Object.fromEntries(all.map((optimizer): [string, Case] => [optimizer.name, { options: { optimizer } }]));
const inAugmentations = (all: Record<string, a.Augmentation[]>) =>
  Object.fromEntries(
    Object.entries(all).map(([name, list]): [string, Case] => [
      name,
      { options: { augment: a.augment(...list) } },
    ]),
  );

const layers = inModels({
  selu: () => dense(w.selu()),
  gelu: () => dense(w.gelu()),
  silu: () => dense(w.silu()),
  sigmoid: () => dense(w.sigmoid()),
  softplus: () => dense(w.softplus()),
  leakyRelu: () => dense(w.leakyRelu(0.2)),
  elu: () => dense(w.elu(0.7)),
  softmax: () => dense(w.softmax()),
  "conv2d with stride, in groups and depthwise": () =>
    w.sequential(
      w.conv2d(6, 3, { stride: 2, padding: 1 }),
      w.relu(),
      w.conv2d(6, 3, { groups: 3, padding: "same" }),
      w.relu(),
      w.conv2d(12, 3, { groups: 6 }),
      w.flatten(),
      w.dense(4),
    ),
  "conv2d with dilation": () => conv(w.tanh(), w.conv2d(3, [1, 5], { padding: [0, 2], dilation: [1, 2] })),
  maxPool2d: () => conv(w.maxPool2d(2), w.relu()),
  "maxPool2d, windows that overlap": () => conv(w.maxPool2d(3, { stride: 2, padding: 1 })),
  avgPool2d: () => conv(w.avgPool2d(3, { stride: 1, padding: 1 })),
  globalAvgPool2d: () => w.sequential(w.conv2d(5, 3), w.tanh(), w.globalAvgPool2d(), w.dense(4)),
  "batchNorm of images": () => conv(w.batchNorm(), w.relu()),
  "batchNorm and layerNorm": () => dense(w.batchNorm(), w.relu(), w.layerNorm()),
  multiHeadAttention: () =>
    w.sequential(
      w.reshape(SIDE, SIDE),
      w.residual(w.layerNorm(), w.multiHeadAttention(3)),
      w.multiHeadAttention(2, { causal: true }),
      w.flatten(),
      w.dense(4),
    ),
  dropout: () => dense(w.relu(), w.dropout(0.4)),
  frozen: () => w.sequential(w.flatten(), w.frozen(w.dense(17)), w.tanh(), w.dense(4)),
});

const cases: Readonly<Record<string, Case>> = {
  ...layers,
  embedding: { data: tokens, model: () => w.sequential(w.embedding(11, 5), w.flatten(), w.dense(4)) },
  meanSquaredError: ofLoss(w.meanSquaredError()),
  meanAbsoluteError: ofLoss(w.meanAbsoluteError()),
  quadratic: ofLoss(w.quadratic()),
  huber: ofLoss(w.huber({ delta: 0.3 })),
  sigmoidCrossEntropy: ofLoss(w.sigmoidCrossEntropy(), signs),
  binaryCrossEntropy: ofLoss(w.binaryCrossEntropy(), signs, w.sigmoid()),
  ...inOptimizers([
    w.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
    w.adamw(),
    w.nadam(),
    w.adamax(),
    w.lion(),
    w.rmsprop(),
    w.adagrad(),
    w.muon(),
    w.averaged(w.adam()),
    w.lookahead(w.sgd({ learningRate: 0.1 })),
  ]),
  ...inOptions({
    "label smoothing": { loss: w.crossEntropy({ labelSmoothing: 0.1 }) },
    "an ignored class": { loss: w.crossEntropy({ ignoreIndex: 2 }) },
    "a group of parameters": { optimizer: w.adam({ groups: [{ match: /bias/, learningRate: 0 }] }) },
    "clipping by the norm": { clip: { norm: 0.1 } },
    "clipping by value": { clip: { value: 0.001 } },
    "penalty l1": { penalty: { l1: 1e-3 } },
    "penalty l2": { penalty: { l2: 1e-2 } },
    accumulate: { accumulate: 4 },
    "a schedule": { schedule: w.oneCycle(), epochs: 5 },
    "one sample a step": { batchSize: 1 },
    "little memory": { dataMemory: 9000 },
  }),
  "a stream": { data: streamed },
  ...inAugmentations({
    geometry: [a.translate(1), a.rotate(20), a.scale(0.8, 1.2), a.shear(15), a.flip(), a.elastic()],
    crop: [a.crop(2)],
    values: [a.brightness(0.2), a.contrast(0.7, 1.3), a.noise(0.1), a.cutout(4)],
    mixup: [a.mixup(0.3)],
  }),
};

const open = (engine: w.Engine, { model = () => dense(w.tanh()), data = images, options }: Case) =>
  w.session(engine, model(), data, { batchSize: 24, seed: 3, ...options });

it.each(Object.entries(cases))(
  "%s: the same losses on the wasm engine, and from the GPU on to it and to the CPU",
  { timeout: 60_000 },
  async (_name, one) => {
    using reference = await open(engines.cpu, one);
    const { losses } = await reference.advance(STEPS);
    expect(losses).toHaveLength(STEPS);
    using whole = await open(engines.wasm, one);
    expectSameLosses((await whole.advance(STEPS)).losses, losses, 1e-4);
    const third = STEPS / 3;
    let state: w.SessionState | undefined;
    for (const [at, kind] of ENGINES.entries()) {
      using session = await open(engines[kind], one);
      if (state) session.restore(state);
      const own = await session.advance(third);
      expectSameLosses(own.losses, losses.slice(at * third, (at + 1) * third), 1e-4);
      state = await session.snapshot();
    }
  },
);
