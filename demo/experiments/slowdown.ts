/**
 * Learning slowdown (Nielsen 2015, chapter 3): a neuron that is badly wrong learns slowly with the quadratic cost, whose
 * gradient has the slope of the sigmoid as a factor, and fast with cross-entropy, whose gradient has not.
 */
import {
  createTrainer,
  dense,
  init,
  type Loss,
  ops,
  quadratic,
  sequential,
  session,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
} from "wgrad";
import type { LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { last, mean, percent } from "./frame/training.ts";

/** A cost, and whether the model's own sigmoid stands before it or the cost brings its own. */
interface Cost {
  readonly name: string;
  readonly loss: Loss;
  readonly activates: boolean;
}

const QUADRATIC: Cost = { name: "quadratic", loss: quadratic(), activates: true };
const CROSS_ENTROPY: Cost = { name: "cross-entropy", loss: sigmoidCrossEntropy(), activates: false };
const COSTS = [QUADRATIC, CROSS_ENTROPY];

/** The neuron: initial weight and bias, and the book's learning rate; the book shows 300 epochs. */
const NEURON = { start: 2, learningRate: 0.15, epochs: 400, reached: 0.2 };
/** The network: weighted inputs of about 10 at all outputs, which should mostly be 0; the book's learning rates. */
const NETWORK = {
  bias: 10,
  learningRate: { quadratic: 3, "cross-entropy": 0.5 },
  batchSize: 10,
  steps: 5000,
  every: 100,
  reached: 80,
};

type NetworkCurve = readonly { readonly step: number; readonly cost: number; readonly accuracy: number }[];

interface NeuronCurve {
  /** Before each step. */
  readonly outputs: readonly number[];
  readonly costs: readonly number[];
}

export const slowdown: Experiment = {
  name: "slowdown",
  title: "Learning slowdown",
  question: "Does one who is badly wrong learn fast? It depends on the cost.",
  async run(context) {
    const neurons = [];
    for (const cost of COSTS) neurons.push(await neuron(context, cost));
    const networks = [];
    for (const cost of COSTS) networks.push(await network(context, cost));
    return outcome(neurons, networks);
  },
};

/** One sigmoid neuron with the input 1, to learn the output 0 from a start at σ(2 + 2) = 0.98. */
async function neuron({ engine, seed }: Context, { name, loss, activates }: Cost): Promise<NeuronCurve> {
  const start = init.constantValue(NEURON.start);
  const model = dense(1, { init: start, biasInit: start });
  const trainer = createTrainer(engine, model, {
    inputShape: [1],
    optimizer: sgd({ learningRate: NEURON.learningRate }),
    seed,
  });
  const step = await trainer.compile(
    ({ x, y }, predict) => {
      const weighted = predict(x);
      const output = ops.sigmoid(weighted);
      return { minimize: loss.apply(activates ? output : weighted, y), output };
    },
    { name, inputs: { x: [1, 1], y: [1, 1] }, maxSteps: NEURON.epochs },
  );
  step.write({ x: Float32Array.of(1), y: Float32Array.of(0) });
  const { loss: costs, output } = await step.runMany(NEURON.epochs, () => ({}));
  step.release();
  trainer.release();
  return { outputs: Array.from(output), costs: Array.from(costs) };
}

/** 784-30-10 on MNIST, whose output neurons all say "yes" at first, and are badly wrong with nine of ten. */
async function network(context: Context, { name, loss, activates }: Cost): Promise<NetworkCurve> {
  const { engine, seed, quick, note } = context;
  const { bias, batchSize } = NETWORK;
  const [steps, every] = quick ? [2000, 200] : [NETWORK.steps, NETWORK.every];
  const images = await context.mnist({ train: quick ? 5000 : 50_000, test: quick ? 500 : 2000 });
  const model = sequential(
    dense(30),
    sigmoid(),
    dense(10, { biasInit: init.constantValue(bias) }),
    ...(activates ? [sigmoid()] : []),
  );
  const optimizer = sgd({ learningRate: NETWORK.learningRate[name as keyof typeof NETWORK.learningRate] });
  const options = { loss, optimizer, batchSize, seed, dropLast: true, firstEpoch: 0 };
  using training = await session(engine, model, images.train, { ...options, validation: images.test });
  const curve = [];
  for (let step = 0; step <= steps; step += every) {
    const { accuracy = 0 } = await training.evaluate();
    const { losses } = await training.advance(every);
    curve.push({ step, cost: mean(losses), accuracy: 100 * accuracy });
  }
  note(`784-30-10 with ${name} cost: trained`);
  return curve;
}

function outcome(neurons: readonly NeuronCurve[], networks: readonly NetworkCurve[]): Outcome {
  const epochs = neurons.map(({ outputs }) => firstAt(outputs, (output) => output < NEURON.reached));
  const steps = networks.map((curve) => {
    const found = curve.find(({ accuracy }) => accuracy >= NETWORK.reached);
    return found?.step ?? Number.POSITIVE_INFINITY;
  });
  const ends = networks.map((curve) => last(curve).accuracy);
  const cells = (values: readonly number[], format: (value: number) => string) => values.map(format);
  const names = COSTS.map(({ name }) => name);
  return {
    figures: {
      ...Object.fromEntries(COSTS.map(({ name }, i) => [`epochs of the neuron, ${name}`, epochs[i]])),
      ...Object.fromEntries(COSTS.map(({ name }, i) => [`steps of the network, ${name}`, steps[i]])),
      ...Object.fromEntries(COSTS.map(({ name }, i) => [`accuracy of the network, ${name}`, ends[i]])),
    },
    lines: [
      `One neuron, weight and bias ${NEURON.start} at first, learning rate ${NEURON.learningRate}`,
      ...table([
        ["", ...names],
        [
          "output at first",
          ...cells(
            neurons.map(({ outputs }) => outputs[0]),
            (value) => value.toFixed(3),
          ),
        ],
        ...[20, 300].map((epoch) => [
          `output after ${epoch} epochs`,
          ...cells(
            neurons.map(({ outputs }) => outputs[epoch]),
            (value) => value.toFixed(3),
          ),
        ]),
        [`epochs until the output is below ${NEURON.reached}`, ...cells(epochs, count)],
      ]),
      "",
      `784-30-10 on MNIST, output biases ${NETWORK.bias} at first, learning rates 3 (quadratic) and 0.5 (cross-entropy)`,
      ...table([
        ["", ...names],
        [
          `steps of ${NETWORK.batchSize} images until ${NETWORK.reached} % of the test images are right`,
          ...cells(steps, count),
        ],
        [`test accuracy after ${last(networks[0]).step} steps`, ...cells(ends, percent)],
      ]),
    ],
    charts: charts(neurons, networks),
  };
}

function count(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString("en-US") : "never";
}

/** The first place where it is so; infinity where it is nowhere. */
function firstAt(values: readonly number[], so: (value: number) => boolean): number {
  const found = values.findIndex(so);
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}

function charts(neurons: readonly NeuronCurve[], networks: readonly NetworkCurve[]): LinesSpec[] {
  const ofNeurons = (pick: (curve: NeuronCurve) => readonly number[]): LinesSpec["series"] =>
    neurons.map((curve, i) => ({
      name: COSTS[i].name,
      style: "plain",
      points: pick(curve).map((y, x) => ({ x, y })),
    }));
  return [
    {
      kind: "lines",
      name: "neuron-output",
      title: "One neuron that should say 0, and says 0.98 at first",
      x: { name: "epoch" },
      y: { name: "output", from: 0, to: 1 },
      references: [{ value: NEURON.reached, label: `${NEURON.reached}` }],
      series: ofNeurons(({ outputs }) => outputs),
    },
    {
      kind: "lines",
      name: "neuron-cost",
      title: "The same neuron: each cost as it falls",
      x: { name: "epoch" },
      y: { name: "cost" },
      series: ofNeurons(({ costs }) => costs),
    },
    {
      kind: "lines",
      name: "network",
      title: "784-30-10 whose ten outputs all say yes at first",
      x: { name: "steps of 10 images" },
      y: { name: "test accuracy", unit: "%", from: 0, to: 100 },
      references: [{ value: NETWORK.reached, label: `${NETWORK.reached} %` }],
      series: networks.map((curve, i) => ({
        name: COSTS[i].name,
        style: "plain",
        points: curve.map(({ step, accuracy }) => ({ x: step, y: accuracy })),
      })),
    },
  ];
}
