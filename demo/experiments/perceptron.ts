/**
 * A perceptron (Rosenblatt 1958) learns AND, OR and NAND by its rule; XOR it cannot learn, as no straight line parts its
 * cases (Minsky & Papert 1969). A network with one hidden layer can.
 */
import {
  adam,
  add,
  compile,
  createTrainer,
  dense,
  type Engine,
  greater,
  mul,
  ops,
  predict,
  sequential,
  slice,
  sub,
  sum,
  type Tensor,
  tanh,
} from "wgrad";
import type { BoundariesSpec, BoundaryPanel } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { last } from "./frame/training.ts";

const INPUTS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const GATES: readonly { readonly name: string; readonly outputs: readonly (0 | 1)[] }[] = [
  { name: "AND", outputs: [0, 0, 0, 1] },
  { name: "OR", outputs: [0, 1, 1, 1] },
  { name: "NAND", outputs: [1, 1, 1, 0] },
  { name: "XOR", outputs: [0, 1, 1, 0] },
];
const XOR = GATES[3];
const EPOCHS = 100;
const NETWORK = { hidden: [2, 3, 4], steps: 500, learningRate: 0.05, seeds: 10 };

interface Perceptron {
  /** Weights of both inputs, and the bias. */
  readonly weights: readonly number[];
  /** Cases that were wrong, when it was their turn, in each epoch. The last has none if it has learned. */
  readonly mistakes: readonly number[];
  /** Number of right cases of the four in the end. */
  readonly right: number;
}

interface Network {
  readonly hidden: number;
  readonly right: number;
  readonly field: Float32Array;
}

export const perceptron: Experiment = {
  name: "perceptron",
  title: "The perceptron and XOR",
  question: "What can a single neuron learn, and what not?",
  async run(context) {
    const perceptrons: Perceptron[] = [];
    for (const { outputs } of GATES) perceptrons.push(await learn(context.engine, outputs));
    const networks: Network[] = [];
    for (const hidden of NETWORK.hidden) {
      for (let i = 0; i < (context.quick ? 3 : NETWORK.seeds); i++) {
        networks.push(await network(context, hidden, context.seed + i));
      }
      context.note(`networks with ${hidden} hidden neurons: trained`);
    }
    return outcome(perceptrons, networks);
  },
};

/**
 * Rosenblatt's rule, an epoch in one compiled function: for each case in turn, weights += (target - output) · input, where
 * the output is 1 if weights · input > 0, else 0. The bias is the weight of a third input that is always 1.
 */
async function learn(engine: Engine, outputs: readonly number[]): Promise<Perceptron> {
  const epoch = await compile(engine, { weights: [3], cases: [4, 3], targets: [4] }, (given) => {
    let weights: Tensor = given.weights;
    let mistakes: Tensor | undefined;
    for (let i = 0; i < INPUTS.length; i++) {
      const input = ops.reshape(slice(given.cases, i, i + 1), [3]);
      const error = sub(slice(given.targets, i, i + 1), greater(sum(mul(weights, input)), 0));
      weights = add(weights, mul(error, input));
      mistakes = mistakes ? add(mistakes, mul(error, error)) : mul(error, error);
    }
    return { weights, mistakes: mistakes ?? weights };
  });
  const cases = Float32Array.from(INPUTS.flatMap(([a, b]) => [a, b, 1]));
  const targets = Float32Array.from(outputs);
  let weights = new Float32Array(3);
  const mistakes: number[] = [];
  while (mistakes.length < EPOCHS && mistakes[mistakes.length - 1] !== 0) {
    const next = await epoch({ weights, cases, targets });
    weights = Float32Array.from(next.weights);
    mistakes.push(next.mistakes[0]);
  }
  epoch.release();
  const right = INPUTS.filter(([a, b], i) => Number(activation(weights, a, b) > 0) === outputs[i]).length;
  return { weights: Array.from(weights), mistakes, right };
}

function activation(weights: ArrayLike<number>, a: number, b: number): number {
  return weights[0] * a + weights[1] * b + weights[2];
}

/** 2-hidden-1 learns XOR by gradient descent on all four cases at once. */
async function network({ engine }: Context, hidden: number, seed: number): Promise<Network> {
  const { learningRate, steps } = NETWORK;
  const model = sequential(dense(hidden), tanh(), dense(1));
  const trainer = createTrainer(engine, model, { inputShape: [2], optimizer: adam({ learningRate }), seed });
  const step = await trainer.compile(
    ({ x, y }, predict) => ({ minimize: ops.binaryCrossEntropy(predict(x), y) }),
    {
      name: "XOR",
      inputs: { x: [4, 2], y: [4] },
      maxSteps: steps,
    },
  );
  step.write({ x: Float32Array.from(INPUTS.flat()), y: Float32Array.from(XOR.outputs) });
  await step.runMany(steps, () => ({}));
  const all = Float32Array.from([...INPUTS.flat(), ...grid().flat()]);
  const { data } = await predict(trainer, all, { probabilities: "sigmoid", batchSize: all.length / 2 });
  step.release();
  trainer.release();
  const right = XOR.outputs.filter((output, i) => Number(data[i] > 0.5) === output).length;
  return { hidden, right, field: data.slice(INPUTS.length) };
}

const PLANE = { from: -0.5, to: 1.5, points: 41 };

/** The points that a classifier is drawn at, row by row from the bottom left. */
function grid(): [number, number][] {
  const at = (i: number) => PLANE.from + (i * (PLANE.to - PLANE.from)) / (PLANE.points - 1);
  const all = Array.from({ length: PLANE.points }, (_, i) => at(i));
  return all.flatMap((b) => all.map((a): [number, number] => [a, b]));
}

function outcome(perceptrons: readonly Perceptron[], networks: readonly Network[]): Outcome {
  const solved = (hidden: number) =>
    networks.filter((one) => one.hidden === hidden && one.right === 4).length;
  const tried = networks.filter(({ hidden }) => hidden === NETWORK.hidden[0]).length;
  return {
    figures: {
      ...Object.fromEntries(perceptrons.map(({ right }, i) => [`right, ${GATES[i].name}`, right])),
      ...Object.fromEntries(
        perceptrons.map(({ mistakes }, i) => [`epochs, ${GATES[i].name}`, mistakes.length]),
      ),
      ...Object.fromEntries(
        NETWORK.hidden.map((hidden) => [`part solved, ${hidden} hidden`, solved(hidden) / tried]),
      ),
    },
    lines: [
      `One perceptron, weights 0 at first, ${EPOCHS} epochs at most`,
      ...table([
        ["", "epochs", "mistakes in the last", "right in the end", "weights, bias"],
        ...perceptrons.map(({ weights, mistakes, right }, i) => [
          GATES[i].name,
          String(mistakes.length),
          String(last(mistakes)),
          `${right} of 4`,
          weights.join(", "),
        ]),
      ]),
      "",
      `XOR by a network with one hidden layer, tanh, ${NETWORK.steps} steps of Adam: from how many of ${tried} starts it learns all four cases`,
      ...table([
        ["hidden neurons", ...NETWORK.hidden.map(String)],
        ["learned", ...NETWORK.hidden.map((hidden) => `${solved(hidden)} of ${tried}`)],
      ]),
    ],
    charts: [chart(perceptrons, networks)],
  };
}

function chart(perceptrons: readonly Perceptron[], networks: readonly Network[]): BoundariesSpec {
  const panels = perceptrons.map(({ weights, right }, i) =>
    panel(`${GATES[i].name}: ${right} of 4 right`, GATES[i].outputs, lineField(weights)),
  );
  // The smallest that learned; if none has, the largest.
  const shown = networks.find(({ right }) => right === 4) ?? last(networks);
  const caption = `XOR, ${shown.hidden} hidden neurons: ${shown.right} of 4 right`;
  return {
    kind: "boundaries",
    title: "What a perceptron can learn, and what takes a hidden layer",
    x: { name: "first input", from: PLANE.from, to: PLANE.to },
    y: { name: "second input", from: PLANE.from, to: PLANE.to },
    classes: ["false", "true"],
    panels: [...panels, panel(caption, XOR.outputs, shown.field)],
  };
}

function panel(caption: string, outputs: readonly (0 | 1)[], field: ArrayLike<number>): BoundaryPanel {
  const points = INPUTS.map(([x, y], i) => ({ x, y, label: outputs[i] }));
  return { caption, field, columns: PLANE.points, rows: PLANE.points, points };
}

/** A perceptron says 0 or 1, and nothing between: the line between is drawn where it is, its sides almost plain. */
function lineField(weights: readonly number[]): number[] {
  const length = Math.hypot(weights[0], weights[1]);
  return grid().map(([a, b]) =>
    length === 0 ? Number(weights[2] > 0) : 1 / (1 + Math.exp((-60 * activation(weights, a, b)) / length)),
  );
}
