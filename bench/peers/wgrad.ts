/**
 * wgrad. The data set lies on the device as bytes, and a step gathers its batch by a list of indices, as in `fit`;
 * several steps go into one submit.
 */
import {
  adam,
  type CompiledStep,
  compile,
  connect,
  cpu,
  crossEntropy,
  type Engine,
  matmul as product,
  session,
  sum,
} from "wgrad";
import { inOrder, inputShapeOf, modelOf } from "../workload.ts";
import type { Backend, Run, Runner } from "./candidate.ts";
import { ADAPTER_OPTIONS } from "./hosts/adapter.ts";
import { ADAM, type Products, type Workload } from "./workload.ts";

const MAX_STEPS_PER_RUN = 256;
/** As in `fit`: long enough to hide a submit's own cost, short enough for a page to stay smooth. */
const RUN_MS = 50;

export async function trainingStep(backend: Backend, workload: Workload, threads?: number): Promise<Runner> {
  const engine = await engineFor(backend, threads);
  const { batch, images, classes, order } = workload;
  const inputShape = inputShapeOf(workload);
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = adam({ learningRate, beta1, beta2, epsilon });
  const data = inOrder({ inputs: images, targets: classes, order }, inputShape);
  const options = { loss: crossEntropy(), optimizer, batchSize: batch, shuffle: false, dropLast: true };
  const training = await session(engine, modelOf(workload), data, options);
  await training.trainer.load(weightsOf(training.trainer.layout.specs, workload));
  return {
    async run(count) {
      const began = performance.now();
      const { losses, hostMilliseconds } = await training.advance(count);
      const milliseconds = performance.now() - began;
      return { result: losses.slice(-1), milliseconds, ...hostTime(engine, hostMilliseconds) };
    },
  };
}

async function engineFor(backend: Backend, threads?: number): Promise<Engine> {
  if (backend === "cpu") return cpu();
  if (backend === "webgpu") return connect(ADAPTER_OPTIONS);
  // Loaded here, so that a start with the GPU does not wait for it.
  const { wasm } = await import("wgrad/wasm");
  return wasm(threads === undefined ? {} : { threads });
}

/** Of a GPU only: the others do their work in the calls. */
function hostTime({ kind }: Engine, hostMilliseconds: number): Pick<Run, "hostMilliseconds"> {
  return kind === "gpu" ? { hostMilliseconds } : {};
}

/** The layers' weights, by the names that the model gives to its parameters: a weight and a bias for each, in order. */
function weightsOf(specs: readonly { name: string }[], { convolutionLayers, denseLayers }: Workload) {
  const tensors = [...convolutionLayers, ...denseLayers].flatMap(({ shape, weight, bias }) => [
    { shape, data: weight },
    { shape: [shape[0]], data: bias },
  ]);
  return Object.fromEntries(specs.map(({ name }, i) => [name, tensors[i]]));
}

export async function matmul(
  backend: Backend,
  { size, a, b, count }: Products,
  threads?: number,
): Promise<Runner> {
  const engine = await engineFor(backend, threads);
  const { step } = await compile(
    engine,
    { a: [size, size], b: [size, size] },
    (inputs) => {
      let x = inputs.b;
      for (let i = 0; i < count; i++) x = product(inputs.a, x);
      return { rowSums: sum(x, [1]) };
    },
    { name: "matmul", maxSteps: MAX_STEPS_PER_RUN },
  );
  step.write({ a, b });
  return paced(engine, step, "rowSums");
}

/** Runs of as many steps as take about `RUN_MS`, by the time of the last run. */
function paced(engine: Engine, step: CompiledStep, output: string): Runner {
  let stepsPerRun = 1;
  const run = async (count: number): Promise<Run> => {
    const runs: ReturnType<CompiledStep["runMany"]>[] = [];
    const began = performance.now();
    for (let left = count; left > 0; left -= stepsPerRun) {
      const steps = Math.min(stepsPerRun, left);
      runs.push(step.runMany(steps, () => ({})));
    }
    const hostMilliseconds = performance.now() - began;
    const outputs = await Promise.all(runs);
    const milliseconds = performance.now() - began;
    stepsPerRun = Math.max(1, Math.min(MAX_STEPS_PER_RUN, Math.round((RUN_MS * count) / milliseconds)));
    const rows = outputs[outputs.length - 1][output];
    const length = step.program.outputs[output].shape.reduce((product, extent) => product * extent, 1);
    return { result: [...rows.slice(-length)], milliseconds, ...hostTime(engine, hostMilliseconds) };
  };
  return { run };
}
