/**
 * What the golden cases name, and what it is called here. A case is supported when all it names is in these tables:
 * to support one more, add its line.
 */
import {
  abs,
  adam,
  adamw,
  add,
  cos,
  crossEntropy,
  dense,
  div,
  elu,
  exp,
  flatten,
  gelu,
  type Layer,
  type Loss,
  leakyRelu,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  mean,
  meanSquaredError,
  minimum,
  mul,
  neg,
  type Optimizer,
  relu,
  reshape,
  selu,
  sgd,
  sigmoid,
  silu,
  sin,
  softmax,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
} from "../../src/index.ts";

/** Arguments as the cases write them. */
// biome-ignore lint/suspicious/noExplicitAny: the cases' arguments are JSON, and every builder knows its own.
export type Args = Readonly<Record<string, any>>;
export type Inputs = Readonly<Record<string, Tensor>>;

export const ops: Readonly<Record<string, (inputs: Inputs, args: Args) => Tensor>> = {
  abs: ({ x }) => abs(x),
  add: ({ x, y }) => add(x, y),
  cos: ({ x }) => cos(x),
  crossEntropy: ({ logits, target }, { labelSmoothing }) => crossEntropy(logits, target, { labelSmoothing }),
  div: ({ x, y }) => div(x, y),
  elu: ({ x }, { alpha }) => elu(x, alpha),
  exp: ({ x }) => exp(x),
  gelu: ({ x }) => gelu(x),
  leakyRelu: ({ x }, { alpha }) => leakyRelu(x, alpha),
  linear: ({ x, weight, bias }) => add(matmul(x, transpose(weight)), bias),
  log: ({ x }) => log(x),
  logSoftmax: ({ x }, { axis }) => logSoftmax(x, axis),
  matmul: ({ x, y }) => matmul(x, y),
  max: ({ x }, { axis }) => max(x, axis),
  maximum: ({ x, y }) => maximum(x, y),
  mean: ({ x }, { axis }) => mean(x, axis),
  minimum: ({ x, y }) => minimum(x, y),
  mse: ({ x, y }) => meanSquaredError(x, y),
  mul: ({ x, y }) => mul(x, y),
  neg: ({ x }) => neg(x),
  relu: ({ x }) => relu(x),
  reshape: ({ x }, { shape }) => reshape(x, shape),
  selu: ({ x }) => selu(x),
  sigmoid: ({ x }) => sigmoid(x),
  silu: ({ x }) => silu(x),
  sin: ({ x }) => sin(x),
  softmax: ({ x }, { axis }) => softmax(x, axis),
  softplus: ({ x }) => softplus(x),
  sqrt: ({ x }) => sqrt(x),
  square: ({ x }) => square(x),
  sub: ({ x, y }) => sub(x, y),
  sum: ({ x }, { axis }) => sum(x, axis),
  tanh: ({ x }) => tanh(x),
  transpose: ({ x }, { axes }) => transpose(x, axes),
};

export const layers: Readonly<Record<string, (args: Args) => Layer>> = {
  dense: ({ out, bias }) => dense(out, { bias }),
  elu: ({ alpha }) => elu(alpha),
  flatten: () => flatten(),
  gelu: () => gelu(),
  leakyRelu: ({ alpha }) => leakyRelu(alpha),
  relu: () => relu(),
  selu: () => selu(),
  sigmoid: () => sigmoid(),
  silu: () => silu(),
  softmax: () => softmax(),
  softplus: () => softplus(),
  tanh: () => tanh(),
};

export const losses: Readonly<Record<string, () => Loss>> = {
  crossEntropy: () => crossEntropy(),
  mse: () => meanSquaredError(),
};

/** From PyTorch's arguments, with its defaults; `shared` holds what all optimizers have in common. */
export const optimizers: Readonly<Record<string, (args: Args, shared: object) => Optimizer>> = {
  sgd: ({ lr = 1e-3, momentum, nesterov }, shared) => sgd({ ...shared, lr, momentum, nesterov }),
  adam: ({ lr, betas = [], eps }, shared) =>
    adam({ ...shared, lr, beta1: betas[0], beta2: betas[1], epsilon: eps }),
  adamw: ({ lr, betas = [], eps }, shared) =>
    adamw({ ...shared, lr, beta1: betas[0], beta2: betas[1], epsilon: eps }),
};

/** What a training case may ask for beside the optimizer's own arguments, as options that optimizers share. */
export const extras: Readonly<Record<string, (value: number) => object>> = {};
