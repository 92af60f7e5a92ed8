/**
 * wgrad. The data set lies on the device as bytes, and a step gathers its batch by a list of indices, as in `fit`;
 * several steps go into one submit.
 */
import {
  adam,
  type CompiledStep,
  connect,
  cpu,
  createTrainer,
  type Engine,
  ops,
  matmul as product,
  sum,
} from "wgrad";
import { inputShapeOf, modelOf, tracedBatch } from "../workload.ts";
import type { Backend, Run, Runner } from "./candidate.ts";
import { ADAPTER_OPTIONS } from "./hosts/adapter.ts";
import { ADAM, type Products, type Workload } from "./workload.ts";

const MAX_STEPS_PER_RUN = 256;
/** As in `fit`: long enough to hide a submit's own cost, short enough for a page to stay smooth. */
const RUN_MS = 50;

export async function trainingStep(backend: Backend, workload: Workload): Promise<Runner> {
  const engine = await engineFor(backend);
  const { batch, batches, samples, images, classes, order } = workload;
  const inputShape = inputShapeOf(workload);
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = adam({ learningRate, beta1, beta2, epsilon });
  const trainer = createTrainer(engine, modelOf(workload), { inputShape, optimizer });
  await trainer.load(weightsOf(trainer.layout.specs, workload));
  const step = await trainer.compile(
    (_inputs, model) => {
      const { x, y } = tracedBatch(samples, inputShape, batch);
      return { minimize: ops.crossEntropy(model(x), y) };
    },
    {
      name: "train",
      data: {
        inputs: engine.buffer("inputs", "u8", images.length, images),
        targets: engine.buffer("targets", "u8", classes.length, classes),
        order: engine.buffer("order", "i32", order.length, order),
      },
      maxSteps: MAX_STEPS_PER_RUN,
    },
  );
  return paced(step, "loss", (index) => ({ batchStart: (index % batches) * batch }));
}

async function engineFor(backend: Backend): Promise<Engine> {
  if (backend === "wasm") throw new Error("wgrad has no wasm");
  return backend === "cpu" ? cpu() : connect(ADAPTER_OPTIONS);
}

/** The layers' weights, by the names that the model gives to its parameters: a weight and a bias for each, in order. */
function weightsOf(specs: readonly { name: string }[], { convolutionLayers, denseLayers }: Workload) {
  const tensors = [...convolutionLayers, ...denseLayers].flatMap(({ shape, weight, bias }) => [
    { shape, data: weight },
    { shape: [shape[0]], data: bias },
  ]);
  return Object.fromEntries(specs.map(({ name }, i) => [name, tensors[i]]));
}

export async function matmul(backend: Backend, { size, a, b, count }: Products): Promise<Runner> {
  const engine = await engineFor(backend);
  const nothing = createTrainer(engine, (x) => x, { inputShape: [1] });
  const step = await nothing.compile(
    (inputs) => {
      let x = inputs.b;
      for (let i = 0; i < count; i++) x = product(inputs.a, x);
      return { rowSums: sum(x, [1]) };
    },
    { name: "matmul", inputs: { a: [size, size], b: [size, size] }, maxSteps: MAX_STEPS_PER_RUN },
  );
  step.write({ a, b });
  return paced(step, "rowSums", () => ({}));
}

/** Runs of as many steps as take about `RUN_MS`, by what the last took. */
function paced(
  step: CompiledStep,
  output: string,
  scalarsAt: (index: number) => Record<string, number>,
): Runner {
  let done = 0;
  let stepsPerRun = 1;
  const run = async (count: number): Promise<Run> => {
    const runs: ReturnType<CompiledStep["runMany"]>[] = [];
    const began = performance.now();
    for (let left = count; left > 0; left -= stepsPerRun) {
      const steps = Math.min(stepsPerRun, left);
      const first = done;
      runs.push(step.runMany(steps, (i) => scalarsAt(first + i)));
      done += steps;
    }
    const hostMilliseconds = performance.now() - began;
    const outputs = await Promise.all(runs);
    const milliseconds = performance.now() - began;
    stepsPerRun = Math.max(1, Math.min(MAX_STEPS_PER_RUN, Math.round((RUN_MS * count) / milliseconds)));
    const rows = outputs[outputs.length - 1][output];
    const length = step.program.outputs[output].shape.reduce((product, extent) => product * extent, 1);
    return { result: [...rows.slice(-length)], milliseconds, hostMilliseconds };
  };
  return { run };
}
