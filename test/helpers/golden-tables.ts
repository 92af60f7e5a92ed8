/**
 * What the golden cases name, and what it is called here. A case is supported when all it names is in these tables:
 * to support one more, add its line.
 */

import type { Layer, Loss, Optimizer, Scope, Tensor } from "../../src/index.ts";
import * as w from "../../src/index.ts";
import { maximum, minimum } from "../../src/nn/graph/ops/scalar.ts";
import type { TrainingOptions } from "../../src/nn/training/step.ts";

/** Arguments as the cases write them. */
// biome-ignore lint/suspicious/noExplicitAny: the cases' arguments are JSON, and every builder knows its own.
export type Args = Readonly<Record<string, any>>;
type Inputs = Readonly<Record<string, Tensor>>;

export const ops: Readonly<Record<string, (inputs: Inputs, args: Args) => Tensor>> = {
  abs: ({ x }) => w.abs(x),
  add: ({ x, y }) => w.add(x, y),
  attention: ({ q, k, v }, { causal }) => w.attention(q, k, v, { causal }),
  avgPool2d: ({ x }, { kernel, stride, padding }) => w.ops.avgPool2d(x, kernel, { stride, padding }),
  batchNorm: (inputs, { eps }) => applied(w.batchNorm({ epsilon: eps }), inputs),
  bceWithLogits: ({ logits, target }, { reduction }) =>
    reduced(w.ops.binaryCrossEntropy(logits, target), logits, reduction),
  concat: ({ dOutput: _, ...inputs }, { axis }) => w.concat(Object.values(inputs), axis),
  conv2d: ({ x, weight, bias }, { stride, padding, dilation, groups }) => {
    const product = w.ops.conv2d(x, weight, { stride, padding, dilation, groups });
    return bias ? w.add(product, w.ops.reshape(bias, [-1, 1, 1])) : product;
  },
  cos: ({ x }) => w.cos(x),
  crossEntropy: ({ logits, target }, { labelSmoothing, reduction }) =>
    reduced(w.ops.crossEntropy(logits, target, { labelSmoothing }), target, reduction),
  div: ({ x, y }) => w.div(x, y),
  elu: ({ x }, { alpha }) => w.ops.elu(x, alpha),
  embedding: ({ weight, index }) => w.gather(weight, index),
  exp: ({ x }) => w.exp(x),
  gelu: ({ x }) => w.ops.gelu(x),
  globalAvgPool2d: ({ x }) => w.mean(x, [2, 3]),
  huber: ({ x, y }, { delta, reduction }) => reduced(w.ops.huber(x, y, { delta }), x, reduction),
  l1Loss: ({ x, y }, { reduction }) => reduced(w.ops.meanAbsoluteError(x, y), x, reduction),
  layerNorm: (inputs, { eps }) => applied(w.layerNorm({ epsilon: eps }), inputs),
  leakyRelu: ({ x }, { alpha }) => w.ops.leakyRelu(x, alpha),
  linear: ({ x, weight, bias }) => {
    const product = w.matmul(x, w.transpose(weight));
    return bias ? w.add(product, bias) : product;
  },
  log: ({ x }) => w.log(x),
  logSoftmax: ({ x }, { axis }) => w.logSoftmax(x, axis),
  matmul: ({ x, y }) => w.matmul(x, y),
  max: ({ x }, { axis }) => w.max(x, axis),
  maximum: ({ x, y }) => maximum(x, y),
  maxPool2d: ({ x }, { kernel, stride, padding }) => w.ops.maxPool2d(x, kernel, { stride, padding }),
  mean: ({ x }, { axis }) => w.mean(x, axis),
  minimum: ({ x, y }) => minimum(x, y),
  mse: ({ x, y }, { reduction }) => reduced(w.ops.meanSquaredError(x, y), x, reduction),
  mul: ({ x, y }) => w.mul(x, y),
  neg: ({ x }) => w.neg(x),
  relu: ({ x }) => w.ops.relu(x),
  reshape: ({ x }, { shape }) => w.ops.reshape(x, shape),
  selu: ({ x }) => w.ops.selu(x),
  sigmoid: ({ x }) => w.ops.sigmoid(x),
  silu: ({ x }) => w.ops.silu(x),
  sin: ({ x }) => w.sin(x),
  softmax: ({ x }, { axis }) => w.ops.softmax(x, axis),
  softplus: ({ x }) => w.ops.softplus(x),
  sqrt: ({ x }) => w.sqrt(x),
  square: ({ x }) => w.square(x),
  sub: ({ x, y }) => w.sub(x, y),
  sum: ({ x }, { axis }) => w.sum(x, axis),
  tanh: ({ x }) => w.ops.tanh(x),
  transpose: ({ x }, { axes }) => w.transpose(x, axes),
};

/** A mean as the reduction that the case asks for: `mean`, or the `sum` over as many terms as `terms` has elements. */
function reduced(value: Tensor, { shape }: Tensor, reduction = "mean"): Tensor {
  if (reduction === "mean") return value;
  if (reduction !== "sum") throw new Error(`reduction "${reduction}" has no counterpart here`);
  return w.mul(
    value,
    shape.reduce((product, size) => product * size, 1),
  );
}

/** A layer in training, with the case's inputs as its parameters. */
function applied(layer: Layer, inputs: Inputs): Tensor {
  const scope = {
    training: true,
    trains: () => true,
    parameter: (name: string) => inputs[name],
    statistic: () => ({ value: inputs.x, observe: () => {} }),
  };
  return layer.apply(inputs.x, scope as unknown as Scope);
}

export const layers: Readonly<Record<string, (args: Args) => Layer>> = {
  avgPool2d: ({ kernel, stride, padding }) => w.avgPool2d(kernel, { stride, padding }),
  batchNorm: ({ eps, momentum }) => w.batchNorm({ epsilon: eps, momentum }),
  conv2d: ({ out, kernel, stride, padding, dilation, groups, bias }) =>
    w.conv2d(out, kernel, { stride, padding, dilation, groups, bias }),
  dense: ({ out, bias }) => w.dense(out, { bias }),
  elu: ({ alpha }) => w.elu(alpha),
  flatten: () => w.flatten(),
  gelu: () => w.gelu(),
  globalAvgPool2d: () => w.globalAvgPool2d(),
  layerNorm: ({ eps }) => w.layerNorm({ epsilon: eps }),
  leakyRelu: ({ alpha }) => w.leakyRelu(alpha),
  maxPool2d: ({ kernel, stride, padding }) => w.maxPool2d(kernel, { stride, padding }),
  relu: () => w.relu(),
  selu: () => w.selu(),
  sigmoid: () => w.sigmoid(),
  silu: () => w.silu(),
  softmax: () => w.softmax(),
  softplus: () => w.softplus(),
  tanh: () => w.tanh(),
};

export const losses: Readonly<Record<string, () => Loss>> = {
  bceWithLogits: () => w.binaryCrossEntropy(),
  crossEntropy: () => w.crossEntropy(),
  huber: () => w.huber(),
  l1Loss: () => w.meanAbsoluteError(),
  mse: () => w.meanSquaredError(),
};

/** From PyTorch's arguments, with its defaults; `shared` holds what all optimizers have in common. */
export const optimizers: Readonly<Record<string, (args: Args, shared: object) => Optimizer>> = {
  adagrad: ({ lr, lr_decay, eps }, shared) =>
    w.adagrad({ ...shared, learningRate: lr, lrDecay: lr_decay, epsilon: eps }),
  adam: ({ lr, betas = [], eps }, shared) =>
    w.adam({ ...shared, learningRate: lr, beta1: betas[0], beta2: betas[1], epsilon: eps }),
  adamax: ({ lr, betas = [], eps }, shared) =>
    w.adamax({ ...shared, learningRate: lr, beta1: betas[0], beta2: betas[1], epsilon: eps }),
  adamw: ({ lr, betas = [], eps }, shared) =>
    w.adamw({ ...shared, learningRate: lr, beta1: betas[0], beta2: betas[1], epsilon: eps }),
  nadam: ({ lr, betas = [], eps, momentum_decay: momentumDecay }, shared) =>
    w.nadam({
      ...shared,
      learningRate: lr,
      beta1: betas[0],
      beta2: betas[1],
      epsilon: eps,
      momentumDecay,
    }),
  rmsprop: ({ lr, alpha, eps, momentum }, shared) =>
    w.rmsprop({ ...shared, learningRate: lr, decay: alpha, epsilon: eps, momentum }),
  sgd: ({ lr = 1e-3, momentum, nesterov }, shared) =>
    w.sgd({ ...shared, learningRate: lr, momentum, nesterov }),
};

/** What a training case may ask for beside its optimizer. */
export const extras: Readonly<Record<string, (value: number) => TrainingOptions>> = {
  clipNorm: (norm) => ({ clip: { norm } }),
  l1: (l1) => ({ penalty: { l1 } }),
};
