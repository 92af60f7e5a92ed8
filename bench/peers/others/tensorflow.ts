/**
 * TensorFlow.js. Every batch lies on the device as a tensor of its own, so that a step copies nothing. A product and
 * its bias are two operations: with the fused one, its training is slower.
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
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

export async function trainingStep(backend: Backend, workload: Workload): Promise<Runner> {
  await use(backend);
  const batches = batchesOf(workload).map(({ images, oneHot }) => ({
    images: tf.tensor(images, inputShape(workload)),
    oneHot: tf.tensor(oneHot, [workload.batch, CLASSES]),
  }));
  const model = modelOf(workload);
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  let done = 0;
  return repeated(backend, () => {
    const { images, oneHot } = batches[done++ % batches.length];
    return optimizer.minimize(() => tf.losses.softmaxCrossEntropy(oneHot, model(images)), true);
  });
}

export async function matmul(backend: Backend, { size, a, b, count }: Products): Promise<Runner> {
  await use(backend);
  const [left, right] = [a, b].map((matrix) => tf.tensor(matrix, [size, size]));
  return repeated(backend, () =>
    tf.tidy(() => {
      let x = right;
      for (let i = 0; i < count; i++) x = tf.matMul(left, x);
      return tf.sum(x, 1);
    }),
  );
}

async function use(backend: Backend): Promise<void> {
  if (backend === "webgpu") await import("@tensorflow/tfjs-backend-webgpu");
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend} here`);
}

function repeated(backend: Backend, call: () => tf.Tensor): Runner {
  return {
    async run(count) {
      let last: tf.Tensor | undefined;
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        last?.dispose();
        last = call();
      }
      const hostMilliseconds = backend === "webgpu" ? performance.now() - began : undefined;
      const result = [...(await (last as tf.Tensor).data())];
      const milliseconds = performance.now() - began;
      last?.dispose();
      return { result, milliseconds, hostMilliseconds };
    },
  };
}

function inputShape({ batch, convolutions }: Workload): number[] {
  return convolutions ? [batch, IMAGE_SIDE, IMAGE_SIDE, 1] : [batch, FEATURES];
}

function modelOf(workload: Workload): (images: tf.Tensor) => tf.Tensor {
  const { batch, convolutionLayers, denseLayers, flattened } = workload;
  const convolutions = convolutionLayers.map(({ shape, weight, bias }) => ({
    weight: tf.variable(tf.transpose(tf.tensor(weight, [...shape]), [2, 3, 1, 0])),
    bias: tf.variable(tf.tensor(bias)),
  }));
  const dense = denseLayers.map(({ shape, weight, bias }, i) => {
    const matrix = transposed(weight, shape);
    const rows = i === 0 ? channelsLast(matrix, flattened) : matrix;
    return {
      weight: tf.variable(tf.tensor(rows, [shape[1], shape[0]])),
      bias: tf.variable(tf.tensor(bias)),
    };
  });
  return (images) => {
    let x = images;
    for (const { weight, bias } of convolutions) {
      x = tf.relu(tf.maxPool(tf.add(tf.conv2d(x, weight, 1, "valid"), bias), 2, 2, "valid"));
    }
    x = tf.reshape(x, [batch, -1]);
    dense.forEach(({ weight, bias }, i) => {
      x = tf.add(tf.matMul(x, weight), bias);
      if (i < dense.length - 1) x = tf.relu(x);
    });
    return x;
  };
}

/** A matrix with a row for each of [channels, height, width] → one with its rows in the order of [height, width, channels]. */
function channelsLast(
  matrix: Float32Array,
  [channels, height, width]: readonly [number, number, number],
): Float32Array {
  const pixels = height * width;
  const columns = matrix.length / (channels * pixels);
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < channels * pixels; row++) {
    const moved = (row % pixels) * channels + Math.floor(row / pixels);
    result.set(matrix.subarray(row * columns, (row + 1) * columns), moved * columns);
  }
  return result;
}
