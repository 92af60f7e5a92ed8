/** wgrad: trains neural networks on the GPU through WebGPU. */
export {
  type Ceiling,
  describe,
  type LaunchProfile,
  launchProfiles,
  type Measured,
  programCost,
} from "./describe.ts";
export { checkWritable, writeFileWhole } from "./io/files.ts";
export { decodeSafetensors, encodeSafetensors } from "./io/safetensors.ts";
export type { Clipping } from "./nn/arena.ts";
export type { Augment, Batch } from "./nn/batch.ts";
export { gradients } from "./nn/gradients.ts";
export { type Initializer, init } from "./nn/initializers.ts";
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
export { type AttentionOptions, multiHeadAttention } from "./nn/layers/attention.ts";
export { type Conv2dLayerOptions, conv2d } from "./nn/layers/conv2d.ts";
export { type DenseOptions, dense } from "./nn/layers/dense.ts";
export { dropout } from "./nn/layers/dropout.ts";
export { type EmbeddingOptions, embedding } from "./nn/layers/embedding.ts";
export { frozen } from "./nn/layers/frozen.ts";
export { type BatchNormOptions, batchNorm, layerNorm, type NormOptions } from "./nn/layers/norms.ts";
export { avgPool2d, globalAvgPool2d, maxPool2d } from "./nn/layers/pool2d.ts";
export { flatten, reshape } from "./nn/layers/reshape.ts";
export { residual } from "./nn/layers/residual.ts";
export { type ScalingOptions, scaling, unscaling } from "./nn/layers/scaling.ts";
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  type HuberOptions,
  huber,
  type Loss,
  type LossFunction,
  meanAbsoluteError,
  meanSquaredError,
  quadratic,
  sigmoidCrossEntropy,
} from "./nn/losses.ts";
export { type Layer, type LayerFunction, type Model, type Sequential, sequential } from "./nn/model.ts";
export { attention } from "./nn/ops/attention.ts";
export type { Conv2dOptions, Pair } from "./nn/ops/conv2d.ts";
export { correctCount } from "./nn/ops/crossEntropy.ts";
export { gather } from "./nn/ops/gather.ts";
export { matmul } from "./nn/ops/matmul.ts";
export { type Moments, moments, normalise } from "./nn/ops/normalise.ts";
export type { Pool2dOptions } from "./nn/ops/pool2d.ts";
export { randomUniform } from "./nn/ops/random.ts";
export { argmax, max, mean, type ReduceOptions, sum } from "./nn/ops/reduce.ts";
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
export { concat, pad, slice } from "./nn/ops/slice.ts";
export { logSoftmax } from "./nn/ops/softmax.ts";
export { constant, dataSource, iota, stepScalar, stepWindow, tensor } from "./nn/ops/source.ts";
export { transpose } from "./nn/ops/view.ts";
export {
  type AdagradOptions,
  type AdamOptions,
  adagrad,
  adam,
  adamw,
  type Optimizer,
  type ParameterGroup,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
} from "./nn/optimizers.ts";
export type { Scope, Statistic } from "./nn/parameters.ts";
export { scaledLoss } from "./nn/scaledLoss.ts";
export {
  constantRate,
  cosineDecay,
  exponentialDecay,
  type Moment,
  type OneCycleOptions,
  oneCycle,
  type PlateauOptions,
  reduceOnPlateau,
  type Schedule,
  type ScheduleFunction,
  type StepDecayOptions,
  stepDecay,
  type WarmUpOptions,
  warmUp,
} from "./nn/schedules.ts";
export type { ModelCall, Penalty } from "./nn/step.ts";
export { type SummaryOptions, summary } from "./nn/summary.ts";
export { ShapeError, Tensor } from "./nn/tensor.ts";
export type { DType, Elements, Program, Shape } from "./program.ts";
export { cpu } from "./runtime/cpu.ts";
export {
  DeviceLostError,
  type Engine,
  type EngineBuffer,
  EngineError,
  type LaunchTimes,
} from "./runtime/engine.ts";
export { type ConnectOptions, connect, type TuneOptions } from "./runtime/gpu/connect.ts";
export type { GpuEngine } from "./runtime/gpu/engine.ts";
export { MemoryLimitError } from "./runtime/limits.ts";
export type { Samples } from "./train/arguments.ts";
export type { Callback, EpochFunction } from "./train/callback.ts";
export type { CheckpointSource, ResumeAspect, ResumeOptions } from "./train/checkpoint.ts";
export { type Compiled, compile } from "./train/compile.ts";
export type { CompiledStep } from "./train/compiledStep.ts";
export { DivergenceError } from "./train/divergence.ts";
export { type EvaluateOptions, type Evaluation, evaluate, type Metric } from "./train/evaluate.ts";
export type { NonFinite } from "./train/finite.ts";
export {
  type Epoch,
  type FitOptions,
  type FitRun,
  fit,
  type Progress,
} from "./train/fit.ts";
export type { Mode } from "./train/monitor.ts";
export { type OpenOptions, openData } from "./train/open.ts";
export {
  type Decision,
  type PredictInputs,
  type Prediction,
  type PredictOptions,
  type Predictor,
  predict,
  predictor,
} from "./train/predict.ts";
export type { Batches, BatchSource, Data, Reading } from "./train/source.ts";
export type { RestoreOptions, TrainerState } from "./train/state.ts";
export {
  createTrainer,
  type InputSpec,
  type TensorData,
  type Trainer,
  type TrainerOptions,
} from "./train/trainer.ts";
export type { LoadOptions, LoadReport, WeightsSource } from "./train/weights.ts";
