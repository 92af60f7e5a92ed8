/**
 * Vanishing gradients (Hochreiter 1991; Nielsen 2015, chapter 5): each layer of sigmoids makes the gradient that passes
 * through it smaller. ReLU, batch normalisation (Ioffe & Szegedy 2015) and residual connections (He et al. 2016) keep it.
 */
import {
  batchNorm,
  createTrainer,
  dense,
  type Engine,
  gradients,
  type Layer,
  ops,
  relu,
  residual,
  type Sequential,
  sequential,
  sigmoid,
} from "wgrad";
import type { LinesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Experiment, Outcome } from "./frame/experiment.ts";
import { rootMeanSquare } from "./frame/tensors.ts";
import { last } from "./frame/training.ts";

const WIDTH = 64;
const BATCH = 256;
const DEPTHS = [2, 3, 4, 5, 6, 7, 8];
const ACTIVATIONS: readonly { readonly name: string; readonly layer: () => Layer }[] = [
  { name: "sigmoid", layer: sigmoid },
  { name: "ReLU", layer: relu },
];

type Kind = "plain" | "batch norm" | "residual";
const CURES: readonly Kind[] = ["batch norm", "residual"];

interface Measured {
  readonly activation: string;
  readonly kind: Kind;
  readonly depth: number;
  /** Root mean square of the gradient of each hidden layer's weights, from the input on. */
  readonly norms: readonly number[];
}

interface Batch {
  readonly x: Float32Array;
  readonly y: Int32Array;
}

export const vanishing: Experiment = {
  name: "vanishing",
  title: "Vanishing gradients",
  question: "How much of the gradient reaches the first layers of a deep network?",
  async run({ engine, seed, quick, mnist, note }) {
    const { train } = await mnist({ train: BATCH, test: 1 });
    const batch = {
      x: Float32Array.from(train.inputs.data, (byte) => byte * train.inputs.scale),
      y: Int32Array.from(train.targets.data),
    };
    const measured: Measured[] = [];
    const measure = async (activation: (typeof ACTIVATIONS)[number], kind: Kind, depth: number) => {
      const norms = await gradientNorms(engine, modelOf(activation.layer, kind, depth), batch, seed);
      measured.push({ activation: activation.name, kind, depth, norms });
      note(`${depth} layers of ${activation.name}, ${kind}: measured`);
    };
    const depths = quick ? [2, 5, 8] : DEPTHS;
    for (const activation of ACTIVATIONS) {
      for (const depth of depths) await measure(activation, "plain", depth);
      for (const kind of CURES) await measure(activation, kind, last(depths));
    }
    return outcome(measured);
  },
};

/** `depth` hidden layers, all but the first with as many inputs as outputs. Weights begin as wgrad's do: Xavier or He. */
function modelOf(activation: () => Layer, kind: Kind, depth: number): Sequential {
  const block = () => [dense(WIDTH), ...(kind === "batch norm" ? [batchNorm()] : []), activation()];
  const first = block();
  const others = Array.from({ length: depth - 1 }, () =>
    kind === "residual" ? [residual(...block())] : block(),
  );
  return sequential(...first, ...others.flat(), dense(10));
}

/** Gradients of the loss on one batch at the model's first parameters, as the engine computes them. */
async function gradientNorms(
  engine: Engine,
  model: Sequential,
  batch: Batch,
  seed: number,
): Promise<number[]> {
  const trainer = createTrainer(engine, model, { inputShape: [784], seed });
  const step = await trainer.compile(
    ({ x, y }, predict) => {
      const loss = ops.crossEntropy(predict(x), y);
      // Matrices: the weights of dense layers, in their order. The last one's is no hidden layer's.
      const weights = [...predict.parameters.values()].filter(({ shape }) => shape.length === 2).slice(0, -1);
      const found = gradients(loss, weights).map(rootMeanSquare);
      return Object.fromEntries(found.map((norm, layer) => [`layer ${layer}`, norm]));
    },
    { name: "gradients", inputs: { x: [BATCH, 784], y: { shape: [BATCH], dtype: "i32" } } },
  );
  const norms = Object.values(await step.run({ ...batch })).map(([norm]) => norm);
  step.release();
  trainer.release();
  return norms;
}

function outcome(measured: readonly Measured[]): Outcome {
  const deepest = Math.max(...measured.map(({ depth }) => depth));
  const plain = measured.filter(({ kind }) => kind === "plain");
  const atDeepest = measured.filter(({ depth }) => depth === deepest);
  const nameOf = ({ activation, kind }: Measured) =>
    kind === "plain" ? activation : `${activation}, ${kind}`;
  return {
    figures: {
      ...Object.fromEntries(plain.map((one) => [`ratio, ${one.activation}, depth ${one.depth}`, ratio(one)])),
      ...Object.fromEntries(
        atDeepest.filter(({ kind }) => kind !== "plain").map((one) => [`ratio, ${nameOf(one)}`, ratio(one)]),
      ),
    },
    lines: [
      "Gradient of the first hidden layer's weights, as a part of the last hidden layer's",
      ...table([
        ["hidden layers", ...ACTIVATIONS.map(({ name }) => name)],
        ...[...new Set(plain.map(({ depth }) => depth))].map((depth) => [
          String(depth),
          ...plain.filter((one) => one.depth === depth).map((one) => ratio(one).toPrecision(2)),
        ]),
      ]),
      "",
      `The same at ${deepest} hidden layers`,
      ...table([
        ["", "first layer", "last layer", "first / last"],
        ...atDeepest.map((one) => [
          nameOf(one),
          one.norms[0].toExponential(1),
          last(one.norms).toExponential(1),
          ratio(one).toPrecision(2),
        ]),
      ]),
    ],
    charts: [
      ...ACTIVATIONS.map(({ name }) =>
        normChart(
          `depth-${name.toLowerCase()}`,
          `Gradients in networks of ${name}, by depth`,
          plain.filter(({ activation }) => activation === name),
          ({ depth }) => `${depth} layers`,
        ),
      ),
      normChart("cures", `Gradients in ${deepest} hidden layers: what keeps them`, atDeepest, nameOf),
    ],
  };
}

function ratio({ norms }: Measured): number {
  return norms[0] / last(norms);
}

function normChart(
  name: string,
  title: string,
  measured: readonly Measured[],
  nameOf: (one: Measured) => string,
): LinesSpec {
  return {
    kind: "lines",
    name,
    title,
    x: { name: "hidden layer, counted from the input" },
    y: { name: "root mean square of the weights' gradient", log: true },
    series: measured.map((one) => ({
      name: nameOf(one),
      points: one.norms.map((norm, layer) => ({ x: layer + 1, y: norm })),
    })),
  };
}
