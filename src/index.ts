/** wgrad: trains neural networks on the GPU through WebGPU. */
export { describe, type ProgramCost, programCost } from "./describe.ts";
export { decodeSafetensors, encodeSafetensors } from "./io/safetensors.ts";
export { gradients } from "./nn/gradients.ts";
export * as init from "./nn/initializers.ts";
export {
  elu,
  gelu,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "./nn/layers/activations.ts";
export { type DenseOptions, dense } from "./nn/layers/dense.ts";
export { flatten } from "./nn/layers/flatten.ts";
export {
  type CrossEntropyOptions,
  crossEntropy,
  type Loss,
  meanSquaredError,
  quadratic,
} from "./nn/losses.ts";
export { type Layer, type LayerFunction, type Model, type Sequential, sequential } from "./nn/model.ts";
export { correctCount } from "./nn/ops/crossEntropy.ts";
export { gather } from "./nn/ops/gather.ts";
export { matmul } from "./nn/ops/matmul.ts";
export { argmax, max, mean, sum } from "./nn/ops/reduce.ts";
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
} from "./nn/ops/scalar.ts";
export { logSoftmax } from "./nn/ops/softmax.ts";
export { constant, dataSource, iota, stepScalar, stepWindow } from "./nn/ops/source.ts";
export { reshape, transpose } from "./nn/ops/view.ts";
export { type AdamOptions, adam, adamw, type Optimizer, type SgdOptions, sgd } from "./nn/optimizers.ts";
export type { Scope } from "./nn/parameters.ts";
export { constantRate, type OneCycleOptions, oneCycle, type Schedule } from "./nn/schedules.ts";
export { ShapeError, Tensor } from "./nn/tensor.ts";
export type { DType, Elements, Program, Shape } from "./program.ts";
export { cpu } from "./runtime/cpu.ts";
export { type Engine, type EngineBuffer, EngineError } from "./runtime/engine.ts";
export { type ConnectOptions, connect } from "./runtime/gpu/connect.ts";
export { type Compiled, compile } from "./train/compile.ts";
export { type EvaluateOptions, type Evaluation, evaluate } from "./train/evaluate.ts";
export { type Epoch, type FitOptions, type FitRun, fit, type Progress } from "./train/fit.ts";
export { type PredictOptions, predict } from "./train/predict.ts";
export {
  type CompiledStep,
  createTrainer,
  type InputSpec,
  type TensorData,
  type Trainer,
  type TrainerOptions,
} from "./train/trainer.ts";
