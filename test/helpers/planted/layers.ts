/** Networks of many kinds of layers, with what is planted into them. */
import {
  adam,
  adamw,
  avgPool2d,
  batchNorm,
  conv2d,
  dense,
  dropout,
  embedding,
  flatten,
  globalAvgPool2d,
  layerNorm,
  leakyRelu,
  maxPool2d,
  meanSquaredError,
  multiHeadAttention,
  ops,
  relu,
  residual,
  rmsprop,
  sequential,
  sgd,
  tanh,
} from "wgrad";
import { dataset, stream } from "wgrad/data";
import { COUNT, common, drawn, FIRST, LAST, labels } from "./common.ts";
import { inBatch, inOp, inState, type Network } from "./plants.ts";

export const mlp: Network = {
  name: "dense layers, classes, adam",
  model: () => sequential(dense(6), relu(), dense(5), tanh(), dense(3)),
  data: () =>
    dataset({
      inputs: { data: drawn(COUNT * 4, 3, 0.5, 2), shape: [4] },
      targets: { data: labels(3) },
      classes: 3,
    }),
  options: { ...common, optimizer: adam() },
  plants: [
    ...inState("parameter", [
      ["0.weight", 23],
      ["0.bias", 5],
      ["2.weight", 7],
      ["2.bias", 0],
      ["4.weight", 14],
      ["4.bias", 2],
    ]),
    ...inState("moment", [
      ["first of 0.weight", 1],
      ["second of 0.bias", 4],
      ["first of 2.bias", 3],
      ["second of 2.weight", 29],
      ["first of 4.weight", 8],
      ["second of 4.bias", 1],
    ]),
    ...inBatch("input", [
      [FIRST, 0],
      [LAST, 3],
      [9, 2],
    ]),
    inOp("products of 0.dense overflow", (bed) => bed.fill("0.weight", 3e38), {
      phase: "forward",
      layer: "0.dense",
      op: "matmul",
    }),
    inOp(
      "a bias overflows",
      (bed) => {
        bed.fill("0.weight", 8e37);
        bed.fill("0.bias", 3.4e38);
      },
      // The products of inputs from 0.5 to 2 are between 1.6e38 and 6.4e38.
      { phase: "forward", layer: "0.dense", op: ["matmul", "add"] },
    ),
    inOp(
      "outputs of 4.dense overflow",
      (bed) => {
        bed.fill("0.weight", 1);
        bed.fill("2.weight", 1);
        bed.fill("4.weight", 3e38);
      },
      { phase: "forward", layer: "4.dense", op: "matmul" },
    ),
    inOp("a rate that no weight outlives", (bed) => bed.step({ learningRate: 3e38 }), {
      phase: "update",
      layer: "optimizer",
    }),
    {
      name: "an infinite rate",
      plant: (bed) => bed.step({ learningRate: Number.POSITIVE_INFINITY }),
      expected: { place: "scalar", tensor: "learningRate" },
    },
    {
      name: "a rate beyond 32 bits",
      plant: (bed) => bed.step({ learningRate: 1e39 }),
      expected: { place: "scalar", tensor: "learningRate" },
    },
    inOp(
      "a moment at the end of the range",
      (bed) => {
        bed.set("first of 2.weight", 3.4e38, 4);
        bed.step({ learningRate: 100 });
      },
      { phase: "update", layer: "optimizer", tensor: "2.weight", element: 4 },
    ),
  ],
};

const images = () =>
  dataset({
    inputs: { data: drawn(COUNT * 2 * 64, 4), shape: [2, 8, 8] },
    targets: { data: labels(3) },
    classes: 3,
  });

export const convolutional: Network = {
  name: "convolutions, batch norms and pools",
  model: () =>
    sequential(
      conv2d(3, 3, { padding: 1 }),
      batchNorm(),
      relu(),
      maxPool2d(2),
      conv2d(4, 3, { padding: 1 }),
      avgPool2d(2),
      flatten(),
      dense(3),
    ),
  data: images,
  options: { ...common, optimizer: sgd({ momentum: 0.9, learningRate: 0.01 }), clip: { norm: 1 } },
  plants: [
    ...inState("parameter", [
      ["0.weight", 53],
      ["0.bias", 2],
      ["1.weight", 0],
      ["1.bias", 1],
      ["4.weight", 11],
      ["4.bias", 3],
      ["7.weight", 47],
      ["7.bias", 0],
    ]),
    ...inState("statistic", [
      ["1.running_mean", 0],
      ["1.running_var", 2],
    ]),
    ...inState("moment", [
      ["first of 0.weight", 9],
      ["first of 1.bias", 2],
      ["first of 4.weight", 80],
      ["first of 7.bias", 1],
    ]),
    ...inBatch("input", [
      [FIRST, 127],
      [10, 64],
      [LAST, 0],
    ]),
    inOp("a convolution overflows", (bed) => bed.fill("0.weight", 3e38), {
      phase: "forward",
      layer: "0.conv2d",
      op: "conv2d",
    }),
    inOp(
      "the second convolution overflows",
      (bed) => {
        bed.fill("1.bias", 5);
        bed.fill("4.weight", 3e38);
      },
      { phase: "forward", layer: "4.conv2d", op: "conv2d" },
    ),
    inOp("a variance overflows", (bed) => bed.fill("0.weight", 1e25), {
      phase: "forward",
      layer: "1.batchNorm",
    }),
    inOp(
      "an average's sum overflows",
      (bed) => {
        bed.fill("4.weight", 0);
        bed.fill("4.bias", 3e38);
      },
      // Twins add in 64 bits.
      { phase: "forward", layer: ["5.avgPool2d", "7.dense"], op: ["avgPool2d", "matmul"] },
    ),
    inOp(
      "outputs behind pools overflow",
      (bed) => {
        bed.fill("4.weight", 0);
        bed.fill("4.bias", 2);
        bed.fill("7.weight", 3e38);
      },
      { phase: "forward", layer: "7.dense", op: "matmul" },
    ),
    inOp("a scale overflows", (bed) => bed.fill("1.weight", 3.4e38), {
      phase: "forward",
      layer: "1.batchNorm",
    }),
    inOp(
      "a momentum overflows with its rate",
      (bed) => {
        bed.set("first of 4.bias", 3e38, 2);
        bed.step({ learningRate: 100 });
      },
      { phase: "update", layer: "optimizer", tensor: "4.bias", element: 2 },
    ),
  ],
};

export const attentive: Network = {
  name: "embedding, attention, layer norms, a residual and dropout",
  model: () =>
    sequential(
      embedding(7, 8),
      residual(layerNorm(), multiHeadAttention(2)),
      dropout(0.2),
      layerNorm(),
      flatten(),
      dense(3),
    ),
  data: () =>
    dataset({
      inputs: { data: Int32Array.from({ length: COUNT * 5 }, (_, i) => (i * 3) % 7), shape: [5] },
      targets: { data: labels(3) },
      classes: 3,
    }),
  options: { ...common, optimizer: adamw(), accumulate: 2 },
  plants: [
    ...inState("parameter", [
      ["0.weight", 55],
      ["1.0.weight", 3],
      ["1.0.bias", 7],
      ["1.1.in_proj_weight", 150],
      ["1.1.out_proj.weight", 63],
      ["3.weight", 1],
      ["5.weight", 119],
    ]),
    ...inState("moment", [
      ["first of 0.weight", 20],
      ["second of 1.1.in_proj_weight", 0],
      ["first of 5.bias", 2],
    ]),
    inOp("scores overflow", (bed) => bed.fill("1.1.in_proj_weight", 1e25), {
      phase: "forward",
      layer: "1.1.multiHeadAttention",
    }),
    inOp("the norm of the embedding overflows", (bed) => bed.fill("0.weight", 3e38), {
      phase: "forward",
      // The mean of equal numbers can be told in 64 bits.
      layer: ["1.0.layerNorm", "2.dropout"],
    }),
    inOp("a norm's scale overflows", (bed) => bed.fill("3.weight", 3.4e38), {
      phase: "forward",
      layer: "3.layerNorm",
    }),
    inOp(
      "outputs overflow",
      (bed) => {
        bed.fill("3.bias", 5);
        bed.fill("5.weight", 3.4e38);
      },
      { phase: "forward", layer: "5.dense", op: "matmul" },
    ),
  ],
};

export const augmented: Network = {
  name: "augmentation, bytes, leaky units and a global pool",
  model: () => sequential(conv2d(3, 3), leakyRelu(), globalAvgPool2d(), dense(3)),
  data: () =>
    dataset({
      inputs: {
        data: Uint8Array.from({ length: COUNT * 36 }, (_, i) => (i * 37) % 256),
        shape: [1, 6, 6],
        scale: 1 / 255,
      },
      targets: { data: labels(3) },
      classes: 3,
    }),
  options: {
    ...common,
    optimizer: rmsprop(),
    augment: {
      name: "failing",
      apply: (batch) => ({
        ...batch,
        x: ops.log(ops.sub(10.5, ops.mul(ops.stepScalar("epoch"), ops.add(ops.mul(batch.x, 0), 1)))),
      }),
    },
  },
  plants: [
    inOp("an augmentation fails", (bed) => bed.step({ epoch: 11 }), {
      phase: "forward",
      layer: "augmentation",
      op: "log",
    }),
    ...inState("parameter", [
      ["0.weight", 26],
      ["3.bias", 2],
    ]),
    ...inState("moment", [["second of 3.weight", 8]]),
    inOp(
      "a pool's sum overflows",
      (bed) => {
        bed.fill("0.weight", 0);
        bed.fill("0.bias", 3e38);
      },
      { layer: "2.globalAvgPool2d" },
    ),
    inOp("a convolution of bytes overflows", (bed) => bed.fill("0.weight", 3.4e38), {
      layer: "0.conv2d",
      op: "conv2d",
    }),
  ],
};

export const streamed: Network = {
  name: "a stream",
  model: () => sequential(dense(3), relu(), dense(1)),
  data: () =>
    stream({
      count: COUNT,
      inputs: { type: "f32", shape: [2] },
      targets: { type: "f32" },
      open: () => [{ inputs: drawn(COUNT * 2, 8), targets: drawn(COUNT, 9) }],
    }),
  options: { ...common, optimizer: adam(), loss: meanSquaredError() },
  plants: [
    ...inBatch("input", [
      [FIRST, 1],
      [LAST, 0],
    ]),
    ...inBatch("target", [[9, 0]]),
    ...inState("parameter", [["2.weight", 2]]),
  ],
};
