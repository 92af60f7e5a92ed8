/** Every layer, trained for a few steps. */
import { images, quantities, rows, sequences } from "../samples.mjs";
import { training } from "./helpers.mjs";

const ACTIVATIONS = [
  "relu",
  "leakyRelu",
  "elu",
  "selu",
  "gelu",
  "silu",
  "sigmoid",
  "tanh",
  "softplus",
  "softmax",
];

export const layers = [
  training("dense", ({ wgrad }) => wgrad.dense(3), rows),
  training(
    "dense without bias, own initializers",
    ({ wgrad: { dense, init, sequential } }) =>
      sequential(
        dense(4, { bias: false, init: init.lecunUniform() }),
        dense(3, { biasInit: init.constantValue(0.1) }),
      ),
    rows,
  ),
  ...ACTIVATIONS.map((name) =>
    training(
      `${name} layer`,
      ({ wgrad: { dense, sequential, [name]: activation } }) => sequential(dense(4), activation(), dense(3)),
      rows,
    ),
  ),
  training(
    "activations with options",
    ({ wgrad: { dense, elu, leakyRelu, sequential } }) =>
      sequential(dense(4), leakyRelu(0.2), dense(4), elu(0.7), dense(3)),
    rows,
  ),
  training(
    "conv2d",
    ({ wgrad: { conv2d, dense, flatten, relu, sequential } }) =>
      sequential(conv2d(3, 3), relu(), flatten(), dense(3)),
    images,
  ),
  training(
    "conv2d with stride, padding and dilation",
    ({ wgrad: { conv2d, dense, flatten, sequential } }) =>
      sequential(conv2d(3, [3, 2], { stride: [2, 1], padding: 1, dilation: [1, 2] }), flatten(), dense(3)),
    images,
  ),
  training(
    "conv2d in groups, same size, without bias",
    ({ wgrad: { conv2d, dense, flatten, sequential, tanh } }) =>
      sequential(conv2d(4, 3, { groups: 2, padding: "same", bias: false }), tanh(), flatten(), dense(3)),
    images,
  ),
  training(
    "conv2d of many channels",
    ({ wgrad: { conv2d, globalAvgPool2d, relu, sequential } }) =>
      sequential(conv2d(16, 3, { padding: "same" }), relu(), conv2d(3, 3), globalAvgPool2d()),
    (build) => images(build, { shape: [16, 8, 8] }),
  ),
  training(
    "maxPool2d",
    ({ wgrad: { conv2d, dense, flatten, maxPool2d, relu, sequential } }) =>
      sequential(conv2d(3, 3, { padding: "same" }), relu(), maxPool2d(2), flatten(), dense(3)),
    (build) => images(build, { bytes: true }),
  ),
  training(
    "maxPool2d with stride and padding",
    ({ wgrad: { dense, flatten, maxPool2d, conv2d, sequential } }) =>
      sequential(conv2d(2, 1), maxPool2d([3, 2], { stride: [2, 1], padding: 1 }), flatten(), dense(3)),
    images,
  ),
  training(
    "avgPool2d",
    ({ wgrad: { avgPool2d, conv2d, dense, flatten, sequential } }) =>
      sequential(conv2d(2, 3), avgPool2d(3, { stride: 2, padding: 1 }), flatten(), dense(3)),
    images,
  ),
  training(
    "globalAvgPool2d",
    ({ wgrad: { conv2d, globalAvgPool2d, sequential } }) => sequential(conv2d(3, 2), globalAvgPool2d()),
    images,
  ),
  training(
    "batchNorm of rows",
    ({ wgrad: { batchNorm, dense, relu, sequential } }) =>
      sequential(dense(4), batchNorm(), relu(), dense(3)),
    rows,
  ),
  training(
    "batchNorm of images",
    ({ wgrad: { batchNorm, conv2d, dense, flatten, relu, sequential } }) =>
      sequential(conv2d(3, 3), batchNorm({ momentum: 0.3, epsilon: 1e-3 }), relu(), flatten(), dense(3)),
    images,
  ),
  training(
    "layerNorm",
    ({ wgrad: { dense, gelu, layerNorm, sequential } }) =>
      sequential(dense(6), layerNorm(), gelu(), dense(3)),
    rows,
  ),
  training(
    "embedding",
    ({ wgrad: { dense, embedding, flatten, sequential } }) =>
      sequential(embedding(7, 4), flatten(), dense(3)),
    sequences,
  ),
  training(
    "multiHeadAttention",
    ({ wgrad: { dense, embedding, flatten, multiHeadAttention, sequential } }) =>
      sequential(embedding(7, 4), multiHeadAttention(2), flatten(), dense(3)),
    sequences,
  ),
  training(
    "causal transformer block",
    ({ wgrad: { dense, embedding, flatten, gelu, layerNorm, multiHeadAttention, residual, sequential } }) =>
      sequential(
        embedding(7, 4),
        residual(layerNorm(), multiHeadAttention(2, { causal: true })),
        residual(layerNorm(), dense(8), gelu(), dense(4)),
        flatten(),
        dense(3),
      ),
    sequences,
  ),
  training(
    "dropout",
    ({ wgrad: { dense, dropout, relu, sequential } }) => sequential(dense(8), relu(), dropout(0.3), dense(3)),
    rows,
  ),
  training(
    "residual",
    ({ wgrad: { dense, residual, sequential, tanh } }) =>
      sequential(dense(4), residual(dense(4), tanh()), dense(3)),
    rows,
  ),
  training(
    "reshape",
    ({ wgrad: { conv2d, dense, flatten, reshape, sequential } }) =>
      sequential(reshape(1, 3, -1), conv2d(2, 2), flatten(), dense(3)),
    (build) => rows(build, { features: 12 }),
  ),
  training(
    "frozen",
    ({ wgrad: { batchNorm, dense, dropout, frozen, relu, sequential } }) =>
      sequential(frozen(sequential(dense(4), batchNorm(), dropout(0.5))), relu(), dense(3)),
    rows,
  ),
  training(
    "scaling and unscaling",
    ({ wgrad: { dense, scaling, sequential, tanh, unscaling } }) =>
      sequential(
        scaling({ shape: [5], offset: [0.1, 0.2, 0, -0.1, 0.3], factor: [2, 1, 0.5, 3, 1.5] }),
        dense(4),
        tanh(),
        dense(2),
        unscaling({ shape: [2], offset: [0.5, 0.4], factor: [2, 4] }),
      ),
    quantities,
    ({ wgrad }) => ({ loss: wgrad.meanSquaredError() }),
  ),
  training(
    "a layer of one's own",
    ({ wgrad: { dense, init, sequential }, ops }) =>
      sequential(
        dense(4),
        {
          name: "slopes",
          apply(/** @type {any} */ x, /** @type {any} */ scope) {
            const weight = scope.parameter("weight", [x.shape[1]], { init: init.constantValue(0.25) });
            return ops.choose(ops.greater(x, 0), x, ops.mul(x, weight));
          },
        },
        dense(3),
      ),
    rows,
  ),
];
