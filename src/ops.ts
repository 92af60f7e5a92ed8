/**
 * All ops: functions from traced tensors to traced tensors, for layers, losses and steps of one's own. A name that a layer or
 * a loss has, too, is the op's in here alone: `relu()` is a layer, `ops.relu(x)` the function.
 */
export * from "./nn/graph/ops/activations.ts";
export { attention } from "./nn/graph/ops/attention.ts";
export { conv2d } from "./nn/graph/ops/conv2d.ts";
export { correctCount } from "./nn/graph/ops/crossEntropy.ts";
export { gather } from "./nn/graph/ops/gather.ts";
export {
  binaryCrossEntropy,
  crossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  quadratic,
  sigmoidCrossEntropy,
} from "./nn/graph/ops/losses.ts";
export { matmul } from "./nn/graph/ops/matmul.ts";
export { moments, normalise } from "./nn/graph/ops/normalise.ts";
export { layerNorm } from "./nn/graph/ops/norms.ts";
export { avgPool2d, maxPool2d } from "./nn/graph/ops/pool2d.ts";
export { dropout, randomUniform } from "./nn/graph/ops/random.ts";
export { argmax, max, mean, sum } from "./nn/graph/ops/reduce.ts";
export {
  abs,
  add,
  broadcastTo,
  choose,
  cos,
  div,
  equal,
  exp,
  floor,
  greater,
  isFinite,
  log,
  maximum,
  minimum,
  mul,
  neg,
  oneHot,
  sign,
  sin,
  sqrt,
  square,
  sub,
} from "./nn/graph/ops/scalar.ts";
export { concat, pad, slice } from "./nn/graph/ops/slice.ts";
export { logSoftmax, softmax } from "./nn/graph/ops/softmax.ts";
export { constant, dataSource, iota, stepScalar, stepWindow, tensor } from "./nn/graph/ops/source.ts";
export { reshape, transpose } from "./nn/graph/ops/view.ts";
