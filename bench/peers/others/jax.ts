/**
 * jax-js. A step is one function under `jit`, which fuses and replays it, as jax-js' documentation recommends. Every
 * batch lies on the device as an array of its own, so that a step copies nothing.
 *
 * Arrays are counted references: a call consumes its arguments, and `ref` is for using one again.
 */
import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  type Array as NdArray,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import type { Backend, Runner } from "../candidate.ts";
import {
  ADAM,
  batchesOf,
  CLASSES,
  FEATURES,
  IMAGE_SIDE,
  type Products,
  transposed,
  type Workload,
} from "../workload.ts";

/**
 * Number of calls that may be unfinished when the next is made. With WebGPU the next call is enqueued meanwhile, but many in the
 * queue make each slower; without WebGPU the calling thread does all the work.
 */
const IN_FLIGHT = { webgpu: 2, wasm: 0, cpu: 0 } as const;

export async function trainingStep(backend: Backend, workload: Workload): Promise<Runner> {
  await use(backend);
  const batches = batchesOf(workload).map(({ images, oneHot }) => ({
    images: np.array(images).reshape(inputShape(workload)),
    oneHot: np.array(oneHot).reshape([workload.batch, CLASSES]),
  }));
  const step = jit((state: State, images: NdArray, oneHot: NdArray): [NdArray, State] => {
    const loss = (parameters: NdArray[]) => lossOf(workload, parameters, images, oneHot);
    const [value, gradients] = valueAndGrad(loss)(tree.ref(state.parameters));
    return [value, adam(state, gradients)];
  });
  let state = initialState(workload);
  await blockUntilReady({ state, batches });
  let done = 0;
  return throttled(backend, () => {
    const { images, oneHot } = batches[done++ % batches.length];
    const [loss, next] = step(state, images.ref, oneHot.ref);
    state = next;
    return { result: loss, all: [loss, state] };
  });
}

export async function matmul(backend: Backend, { size, a, b, count }: Products): Promise<Runner> {
  await use(backend);
  const [left, right] = [a, b].map((matrix) => np.array(matrix).reshape([size, size]));
  const chain = jit((a: NdArray, b: NdArray) => {
    let x = b;
    for (let i = 0; i < count; i++) x = np.matmul(a.ref, x);
    a.dispose();
    return x.sum(1);
  });
  await blockUntilReady([left, right]);
  return throttled(backend, () => {
    const result = chain(left.ref, right.ref);
    return { result, all: result };
  });
}

async function use(backend: Backend): Promise<void> {
  if (!(await init(backend)).includes(backend)) throw new Error(`jax-js has no ${backend} here`);
  defaultDevice(backend);
}

/** Repeats a call. It gives the result, and all that it computes. */
function throttled(backend: Backend, call: () => { result: NdArray; all: unknown }): Runner {
  return {
    async run(count) {
      const unfinished: { result: NdArray; finished: Promise<unknown> }[] = [];
      let hostMilliseconds = 0;
      const finishOldest = async () => {
        const [{ result, finished }] = unfinished.splice(0, 1);
        await finished;
        result.dispose();
      };
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        while (unfinished.length > IN_FLIGHT[backend]) await finishOldest();
        const called = performance.now();
        const { result, all } = call();
        // A result that nobody awaits may never be enqueued.
        unfinished.push({ result, finished: blockUntilReady(all) });
        hostMilliseconds += performance.now() - called;
      }
      const values = [...(await unfinished[unfinished.length - 1].result.ref.data())];
      while (unfinished.length > 0) await finishOldest();
      const milliseconds = performance.now() - began;
      return {
        result: values,
        milliseconds,
        hostMilliseconds: backend === "webgpu" ? hostMilliseconds : undefined,
      };
    },
  };
}

type State = {
  readonly parameters: NdArray[];
  readonly first: NdArray[];
  readonly second: NdArray[];
  /** β₁ᵗ and β₂ᵗ, for the bias corrections. */
  readonly powers: NdArray[];
};

function initialState({ convolutionLayers, denseLayers }: Workload): State {
  const parameters = [
    ...convolutionLayers.flatMap(({ shape, weight, bias }) => [
      np.array(weight).reshape([...shape]),
      np.array(bias).reshape([shape[0], 1, 1]),
    ]),
    ...denseLayers.flatMap(({ shape, weight, bias }) => [
      np.array(transposed(weight, shape)).reshape([shape[1], shape[0]]),
      np.array(bias),
    ]),
  ];
  const zeros = () => parameters.map(({ shape }) => np.zeros(shape));
  return { parameters, first: zeros(), second: zeros(), powers: [np.array(1), np.array(1)] };
}

function inputShape({ batch, convolutions }: Workload): number[] {
  return convolutions ? [batch, 1, IMAGE_SIDE, IMAGE_SIDE] : [batch, FEATURES];
}

function lossOf(workload: Workload, parameters: NdArray[], images: NdArray, oneHot: NdArray): NdArray {
  const { batch, convolutionLayers, denseLayers } = workload;
  let x = images;
  convolutionLayers.forEach((_, i) => {
    const [weight, bias] = parameters.slice(2 * i);
    x = lax.convGeneralDilated(x, weight, [1, 1], "VALID").add(bias);
    x = nn.relu(lax.reduceWindow(x, np.max, [2, 2], [2, 2]));
  });
  x = x.reshape([batch, -1]);
  denseLayers.forEach((_, i) => {
    const [weight, bias] = parameters.slice(2 * (convolutionLayers.length + i));
    x = np.dot(x, weight).add(bias);
    if (i < denseLayers.length - 1) x = nn.relu(x);
  });
  return nn
    .logSoftmax(x)
    .mul(oneHot)
    .sum()
    .mul(-1 / batch);
}

/** Adam (Kingma & Ba, 2015), with the operations of the optimizer package that belongs to jax-js. */
function adam(state: State, gradients: NdArray[]): State {
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const powers = [state.powers[0].mul(beta1), state.powers[1].mul(beta2)];
  const corrections = powers.map((power) => np.reciprocal(np.subtract(1, power.ref)));
  const first = state.first.map((moment, i) => moment.mul(beta1).add(gradients[i].ref.mul(1 - beta1)));
  const second = state.second.map((moment, i) =>
    moment.mul(beta2).add(np.square(gradients[i]).mul(1 - beta2)),
  );
  const parameters = state.parameters.map((parameter, i) => {
    const mean = first[i].ref.mul(corrections[0].ref);
    const deviation = np.sqrt(second[i].ref.mul(corrections[1].ref));
    return parameter.sub(mean.div(deviation.add(epsilon)).mul(learningRate));
  });
  tree.dispose(corrections);
  return { parameters, first, second, powers };
}
