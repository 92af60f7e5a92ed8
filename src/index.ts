/** wgrad: trains neural networks on the GPU through WebGPU. */
export type { DType, Elements } from "./dtypes.ts";
export {
  type Ceiling,
  describe,
  type LaunchProfile,
  launchProfiles,
  type Measured,
  type ProgramCost,
  programCost,
} from "./inspect/describe.ts";
export { type SummaryOptions, summary } from "./inspect/summary.ts";
export type { ByteSource } from "./io/bytes.ts";
export { checkWritable, writeFileWhole } from "./io/files.ts";
export { gradients } from "./nn/graph/gradients.ts";
export type { Conv2dOptions, Pair } from "./nn/graph/ops/conv2d.ts";
export type { CrossEntropyOptions, HuberOptions } from "./nn/graph/ops/losses.ts";
export type { Moments } from "./nn/graph/ops/normalise.ts";
export type { NormOptions } from "./nn/graph/ops/norms.ts";
export type { Pool2dOptions } from "./nn/graph/ops/pool2d.ts";
export type { ReduceOptions } from "./nn/graph/ops/reduce.ts";
export type { Operand } from "./nn/graph/ops/scalar.ts";
export { ShapeError, Tensor } from "./nn/graph/tensor.ts";
export type { Factory, Uncalled } from "./nn/model/factory.ts";
export { type Initializer, init, type RandomStream } from "./nn/model/initializers.ts";
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
} from "./nn/model/layers/activations.ts";
export { type AttentionOptions, multiHeadAttention } from "./nn/model/layers/attention.ts";
export { type Conv2dLayerOptions, conv2d } from "./nn/model/layers/conv2d.ts";
export { type DenseOptions, dense } from "./nn/model/layers/dense.ts";
export { dropout } from "./nn/model/layers/dropout.ts";
export { type EmbeddingOptions, embedding } from "./nn/model/layers/embedding.ts";
export { frozen } from "./nn/model/layers/frozen.ts";
export { type BatchNormOptions, batchNorm, layerNorm } from "./nn/model/layers/norms.ts";
export { avgPool2d, globalAvgPool2d, maxPool2d } from "./nn/model/layers/pool2d.ts";
export { flatten, reshape } from "./nn/model/layers/reshape.ts";
export { residual } from "./nn/model/layers/residual.ts";
export { type ScalingOptions, scaling, unscaling } from "./nn/model/layers/scaling.ts";
export type { ArenaEntry, ArenaLayout, ModelLayout } from "./nn/model/layout.ts";
export { type Layer, type LayerFunction, type Model, type Sequential, sequential } from "./nn/model/model.ts";
export type {
  ParameterOptions,
  ParameterSpec,
  Scope,
  Statistic,
  StatisticOptions,
  StatisticSpec,
} from "./nn/model/parameters.ts";
export type { Augment, Batch } from "./nn/training/batch.ts";
export type { Guard } from "./nn/training/guard.ts";
export {
  binaryCrossEntropy,
  crossEntropy,
  huber,
  type Loss,
  type LossFunction,
  meanAbsoluteError,
  meanSquaredError,
  quadratic,
  sigmoidCrossEntropy,
} from "./nn/training/losses.ts";
export { type MuonOptions, muon } from "./nn/training/muon.ts";
export {
  type Optimizer,
  type OptimizerOptions,
  type OptimizerRule,
  optimizer,
  type ParameterGroup,
  type ParameterInfo,
  type Updated,
  type UpdateState,
  type UpdateTools,
} from "./nn/training/optimizer.ts";
export * from "./nn/training/optimizers.ts";
export { scaledLoss } from "./nn/training/scaledLoss.ts";
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
} from "./nn/training/schedules.ts";
export type { ModelCall, Penalty, StepOutputs, TrainingOptions } from "./nn/training/step.ts";
export {
  type AveragedOptions,
  averaged,
  type Clipping,
  clipped,
  type DecayOptions,
  decayed,
  grouped,
  type LookaheadOptions,
  lookahead,
} from "./nn/training/wrappers.ts";
export * as ops from "./ops.ts";
// Without `ops.`, too. The layers and losses above take precedence over ops of their names.
export * from "./ops.ts";
export type {
  BufferKind,
  BufferSpec,
  Dispatch,
  Flag,
  Hook,
  IndexPlaces,
  IndexRange,
  IndexTerm,
  Instruction,
  Program,
  Shape,
  StepScalar,
  TargetRule,
  View,
} from "./program.ts";
export { cpu } from "./runtime/cpu.ts";
export {
  type BufferReader,
  type CompileOptions,
  DeviceLostError,
  type Engine,
  type EngineBuffer,
  EngineError,
  type EngineInfo,
  type Executable,
  type LaunchTimes,
  type Outputs,
  type StepTable,
} from "./runtime/engine.ts";
export { type ConnectOptions, connect } from "./runtime/gpu/connect.ts";
export type { GpuDevice } from "./runtime/gpu/device.ts";
export type { GpuEngine } from "./runtime/gpu/engine.ts";
export type { Stall, StallOptions } from "./runtime/gpu/stalls.ts";
export type { TuneOptions } from "./runtime/gpu/tune.ts";
export type { EngineMemory, MemoryRole } from "./runtime/ledger.ts";
export { MemoryLimitError } from "./runtime/limits.ts";
export type { Samples } from "./train/arguments.ts";
export { averagedModel } from "./train/averaged.ts";
export type { Callback, CallbackState, EpochFunction, RestoredState } from "./train/callback.ts";
export type { CheckpointSource, ResumeOptions } from "./train/checkpoint.ts";
export { type Compiled, compile, type FunctionOptions } from "./train/compile.ts";
export type { CompiledStep, StepInputs, StepScalars } from "./train/compiledStep.ts";
export type { CompileStepOptions, InputSpec, StepOwner } from "./train/compileStep.ts";
export { DivergenceError } from "./train/divergence.ts";
export { type EvaluateOptions, type Evaluation, evaluate, type Metric } from "./train/evaluate.ts";
export type {
  EventPlace,
  LostEvent,
  RecoveredEvent,
  RolledBackEvent,
  SkippedEvent,
  StoppedEvent,
  TrainingEvent,
} from "./train/events.ts";
export type { ResumeAspect } from "./train/fingerprint.ts";
export type { NonFinite, SaveOptions } from "./train/finite.ts";
export {
  type Epoch,
  type FitOptions,
  type FitRun,
  fit,
  type Progress,
} from "./train/fit.ts";
export type { Arena } from "./train/memory.ts";
export { type CheckpointDifference, CheckpointMismatchError } from "./train/mismatch.ts";
export type { Mode } from "./train/monitor.ts";
export { type OpenOptions, openData } from "./train/open.ts";
export type { NonFinitePolicy, RecoverOptions, RollbackPolicy } from "./train/policy.ts";
export {
  type Decision,
  type DecisionOptions,
  type PredictInputs,
  type Prediction,
  type PredictOptions,
  type Predictor,
  predict,
  predictor,
} from "./train/predict.ts";
export {
  type Advance,
  type Place,
  type Session,
  type SessionOptions,
  type SessionState,
  type StepOptions,
  session,
} from "./train/session.ts";
export type { Batches, BatchSource, Data, Reading } from "./train/source.ts";
export type { RestoreOptions, TrainerState } from "./train/state.ts";
export type { DivergenceReport } from "./train/trace/report.ts";
export {
  createTrainer,
  type TensorData,
  type Trainer,
  type TrainerOptions,
} from "./train/trainer.ts";
export type { LoadOptions, LoadReport, TensorLike, WeightsSource } from "./train/weights.ts";
