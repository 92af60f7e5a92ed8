/**
 * Initial weights. The textbook's N(0, 1) saturates its neurons, 1/√n does not (Nielsen 2015, chapter 3). In a deep
 * network signals fade or explode from layer to layer unless the variance goes by the number of inputs: Xavier's (Glorot
 * & Bengio 2010) for tanh, He's (He et al. 2015) for ReLU.
 */
import {
  dense,
  init,
  type Layer,
  relu,
  type Sequential,
  sequential,
  session,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
  type Tensor,
  type Trainer,
  tanh,
} from "wgrad";
import type { LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Images } from "./frame/data.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { deviation, tap } from "./frame/tensors.ts";
import { last, nextLosses, percent, train, validationAccuracy } from "./frame/training.ts";

type Initializer = ReturnType<typeof init.zeros>;

/** The textbook's network and its settings: weight decay is λ = 5 over n images, which is l2 = λ / 2n here. */
const TEXTBOOK = { learningRate: 0.1, batchSize: 10, lambda: 5 };
const STARTS: readonly { readonly name: string; readonly weights: () => Initializer }[] = [
  { name: "N(0, 1)", weights: () => init.normal(1) },
  { name: "N(0, 1/n)", weights: init.lecunNormal },
];

const DEEP = { layers: 10, width: 100, learningRate: 0.05, batchSize: 100, window: 20 };
const ACTIVATIONS = [
  { name: "tanh", layer: tanh as () => Layer },
  { name: "ReLU", layer: relu as () => Layer },
];
const DEEP_STARTS: readonly { readonly name: string; readonly weights: () => Initializer }[] = [
  { name: "zeros", weights: init.zeros },
  { name: "N(0, 1)", weights: () => init.normal(1) },
  { name: "Xavier", weights: init.xavierNormal },
  { name: "He", weights: init.heNormal },
];

interface Deep {
  readonly activation: string;
  readonly start: string;
  /** Standard deviation of each hidden layer's outputs, before training. */
  readonly deviations: readonly number[];
  /** Mean losses of so many steps in a row; they end where a loss is no number any more. */
  readonly losses: readonly number[];
  readonly diverged: boolean;
  /** Accuracy in percent. */
  readonly accuracy: number;
}

export const initialization: Experiment = {
  name: "initialization",
  title: "Weight initialization",
  question: "How large should weights be at first?",
  async run(context) {
    const images = await context.mnist(
      context.quick ? { train: 2000, test: 1000 } : { train: 50_000, test: 10_000 },
    );
    const shallow = [];
    for (const start of STARTS) shallow.push(await textbook(context, images, start.weights()));
    const deep = [];
    for (const activation of ACTIVATIONS) {
      for (const start of DEEP_STARTS) deep.push(await deepNetwork(context, images, activation, start));
    }
    return outcome(shallow, deep);
  },
};

/** Test accuracies of 784-30-10 by epoch, in percent. */
async function textbook(
  { engine, seed, quick, note }: Context,
  images: Images,
  weights: Initializer,
): Promise<number[]> {
  const how = { init: weights, biasInit: init.normal(1) };
  const { epochs } = await train(
    engine,
    sequential(dense(30, how), sigmoid(), dense(10, how)),
    images.train,
    {
      loss: sigmoidCrossEntropy(),
      optimizer: sgd({ learningRate: TEXTBOOK.learningRate }),
      penalty: { l2: TEXTBOOK.lambda / (2 * images.train.count) },
      batchSize: TEXTBOOK.batchSize,
      epochs: quick ? 3 : 30,
      seed,
      validation: images.test,
    },
  );
  note(`784-30-10: ${percent(validationAccuracy(last(epochs)))} after ${epochs.length} epochs`);
  return epochs.map(validationAccuracy);
}

async function deepNetwork(
  { engine, seed, quick, note }: Context,
  { train: images, test }: Images,
  activation: (typeof ACTIVATIONS)[number],
  start: (typeof DEEP_STARTS)[number],
): Promise<Deep> {
  const { learningRate, batchSize, window } = DEEP;
  const seen: Tensor[] = [];
  const model = deepModel(activation.layer, start.weights(), (x) => seen.push(x));
  using training = await session(engine, model, images, {
    optimizer: sgd({ learningRate }),
    batchSize,
    seed,
    dropLast: true,
    firstEpoch: 0,
  });
  const deviations = await deviationsOf(training.trainer, images, seen);
  const losses: number[] = [];
  let diverged = false;
  for (let step = 0; step < (quick ? 100 : 600) && !diverged; step += window) {
    const next = await nextLosses(training, window);
    if (next) losses.push(next.reduce((sum, loss) => sum + loss / window, 0));
    diverged = next === undefined;
  }
  const accuracy = diverged ? Number.NaN : 100 * ((await training.evaluate(test)).accuracy ?? Number.NaN);
  note(
    `${DEEP.layers} layers of ${activation.name} from ${start.name}: ${diverged ? "diverged" : percent(accuracy)}`,
  );
  return {
    activation: activation.name,
    start: start.name,
    deviations,
    losses,
    diverged,
    accuracy,
  };
}

function deepModel(activation: () => Layer, weights: Initializer, see: (x: Tensor) => void): Sequential {
  const hidden = Array.from({ length: DEEP.layers }, () => [
    dense(DEEP.width, { init: weights }),
    activation(),
    tap(see),
  ]);
  return sequential(...hidden.flat(), dense(10, { init: weights }));
}

/** The standard deviation of each tap's values, over a batch of images. */
async function deviationsOf(
  trainer: Trainer,
  { inputs }: Images["train"],
  seen: Tensor[],
): Promise<number[]> {
  const count = 200;
  const step = await trainer.compile(
    ({ x }, model) => {
      // The model was traced before, to find its parameters: only this trace counts.
      seen.length = 0;
      const outputs = model(x);
      return { outputs, ...Object.fromEntries(seen.map((tensor, i) => [`layer ${i}`, deviation(tensor)])) };
    },
    { name: "deviations", inputs: { x: [count, 784] }, training: false },
  );
  const pixels = Float32Array.from(inputs.data.subarray(0, count * 784), (byte) => byte * inputs.scale);
  const found = await step.run({ x: pixels });
  step.release();
  return seen.map((_, i) => found[`layer ${i}`][0]);
}

function outcome(shallow: readonly number[][], deep: readonly Deep[]): Outcome {
  const middle = Math.floor(DEEP.layers / 2);
  const name = ({ activation, start }: Deep) => `${activation}, ${start}`;
  return {
    figures: {
      ...Object.fromEntries(STARTS.map((start, i) => [`first epoch, ${start.name}`, shallow[i][0]])),
      ...Object.fromEntries(STARTS.map((start, i) => [`last epoch, ${start.name}`, last(shallow[i])])),
      ...Object.fromEntries(
        deep.map((one) => [`deviation of the last layer, ${name(one)}`, last(one.deviations)]),
      ),
      ...Object.fromEntries(deep.map((one) => [`accuracy, ${name(one)}`, one.accuracy])),
    },
    lines: [
      `784-30-10, sigmoid, cross-entropy, learning rate ${TEXTBOOK.learningRate}, λ ${TEXTBOOK.lambda}: test accuracy`,
      ...table([
        ["weights", ...epochsShown(shallow[0]).map((epoch) => `epoch ${epoch}`)],
        ...STARTS.map((start, i) => [
          start.name,
          ...epochsShown(shallow[i]).map((epoch) => percent(shallow[i][epoch - 1])),
        ]),
      ]),
      "",
      `${DEEP.layers} hidden layers of ${DEEP.width}: standard deviation of a layer's outputs at first, and what ${DEEP.window * Math.max(...deep.map(({ losses }) => losses.length))} steps make of it`,
      ...table([
        [
          "activation, weights",
          "layer 1",
          `layer ${middle}`,
          `layer ${DEEP.layers}`,
          "training loss",
          "test accuracy",
        ],
        ...deep.map((one) => [
          name(one),
          ...[0, middle - 1, DEEP.layers - 1].map((layer) => one.deviations[layer].toPrecision(2)),
          one.diverged ? "diverged" : last(one.losses).toPrecision(3),
          one.diverged ? "–" : percent(one.accuracy),
        ]),
      ]),
    ],
    charts: [shallowChart(shallow), ...ACTIVATIONS.flatMap(({ name }) => deepCharts(name, deep))],
  };
}

/** Some of the epochs, with the first and the last. */
function epochsShown({ length }: readonly number[]): number[] {
  return [1, 2, 5, 10, length].filter((epoch, i, all) => epoch <= length && all.indexOf(epoch) === i);
}

function shallowChart(shallow: readonly number[][]): LinesSpec {
  return {
    kind: "lines",
    name: "textbook",
    title: "784-30-10: large and small weights at first",
    x: { name: "epoch" },
    y: { name: "test accuracy", unit: "%", from: 80, to: 100 },
    series: shallow.map((accuracies, i) => ({
      name: STARTS[i].name,
      points: accuracies.map((accuracy, epoch) => ({ x: epoch + 1, y: accuracy })),
    })),
  };
}

function deepCharts(activation: string, all: readonly Deep[]): LinesSpec[] {
  const deep = all.filter((one) => one.activation === activation);
  // The outputs are all the same where all weights are: there is no logarithm of 0.
  const zero = deep.filter(({ deviations }) => deviations.some((value) => !(value > 0)));
  const rest = deep.filter((one) => !zero.includes(one));
  const without = zero.length > 0 ? ` (${zero.map(({ start }) => start).join(", ")}: 0)` : "";
  return [
    {
      kind: "lines",
      name: `deviation-${activation.toLowerCase()}`,
      title: `${DEEP.layers} layers of ${activation} before training: how far the signal comes${without}`,
      x: { name: "layer" },
      y: { name: "standard deviation of the outputs", log: true },
      series: rest.map(({ start, deviations }) => ({
        name: start,
        colour: DEEP_STARTS.findIndex(({ name }) => name === start),
        points: deviations.map((value, layer) => ({ x: layer + 1, y: value })),
      })),
    },
    {
      kind: "lines",
      name: `loss-${activation.toLowerCase()}`,
      title: `${DEEP.layers} layers of ${activation} learn, or do not`,
      x: { name: "step" },
      y: { name: "training loss", log: true, base: 2 },
      series: deep
        .filter(({ losses }) => losses.length > 0)
        .map(({ start, losses }) => ({
          name: start,
          style: "plain",
          colour: DEEP_STARTS.findIndex(({ name }) => name === start),
          points: losses.map((loss, i) => ({ x: (i + 1) * DEEP.window, y: loss })),
        })),
    },
  ];
}
