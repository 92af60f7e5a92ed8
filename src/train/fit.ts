/** `fit`: trains a model on a data set, epoch by epoch. */

import { checkOptions, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import { checkData, checkTargets } from "../data/dataset.ts";
import type { Uncalled } from "../nn/model/factory.ts";
import { asLayer, type Model } from "../nn/model/model.ts";
import type { Augment } from "../nn/training/batch.ts";
import { asLoss, type Loss, type LossFunction } from "../nn/training/losses.ts";
import { adam, checkOptimizer, type Optimizer } from "../nn/training/optimizers.ts";
import { asSchedule, type Schedule, type ScheduleFunction } from "../nn/training/schedules.ts";
import { checkTrainingOptions, type Penalty } from "../nn/training/step.ts";
import type { Clipping } from "../nn/training/updates.ts";
import type { Program } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine, checkMetrics, checkResume } from "./arguments.ts";
import { asCallbacks, type Callback, type EpochFunction } from "./callback.ts";
import type { CheckpointSource, ResumeOptions } from "./checkpoint.ts";
import { defaultLoss } from "./defaults.ts";
import { checkConfusion, type Evaluation, type Metric } from "./evaluate.ts";
import type { SaveOptions } from "./finite.ts";
import { modeOf, monitorable } from "./monitor.ts";
import { checkNumbers, warnOfLargeTargets } from "./numbers.ts";
import { Run } from "./run.ts";
import { checkSchema, schemaOf } from "./schema.ts";
import type { Data } from "./source.ts";
import { createTrainer, type Trainer } from "./trainer.ts";

export interface FitOptions {
  /** Default, where the data has classes: softmax cross-entropy. A function of outputs and targets is a loss of your own. */
  readonly loss?: Loss | LossFunction | Uncalled<Loss>;
  /** Default: Adam with its default learning rate. */
  readonly optimizer?: Optimizer;
  /** What the learning rate is multiplied by from step to step (default: constant), or a function of the step. */
  readonly schedule?: Schedule | ScheduleFunction;
  /** Samples a step (default 128, or all if they are fewer). */
  readonly batchSize?: number;
  /** Passes over the data (default 5). */
  readonly epochs?: number;
  /** Of the initial parameters, the order of samples, and everything random (default 0). */
  readonly seed?: number;
  /** Evaluated after each epoch. */
  readonly validation?: Data;
  /** Samples a step of that evaluation (default 1000, or as many as the device can hold). */
  readonly validationBatchSize?: number;
  /** Whether that evaluation counts the confusion matrix (default: up to 100 classes). */
  readonly confusion?: boolean;
  /** What the evaluation counts beside loss and accuracy (default nothing): see `wgrad/metrics`. */
  readonly metrics?: readonly Metric[];
  /** Changes the batches of training as they are read (default: as they are): see `wgrad/augment`. */
  readonly augment?: Augment;
  /** Bytes of the engine's memory that the data set may take; a larger one is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** What is told of each epoch, and may end the run: see `wgrad/callbacks`. A function is an `onEpoch`. */
  readonly callbacks?: readonly (Callback | EpochFunction)[];
  /**
   * A checkpoint of a run with the same model, data and options, which goes on where that was, up to `epochs` in all;
   * `{ from, allow: ["learningRate"] }` says what may differ.
   */
  readonly resume?: CheckpointSource | ResumeOptions;
  /** Whether samples are read in a new order each epoch (default true). */
  readonly shuffle?: boolean;
  /** Whether a smaller last batch is left out (default false: every sample counts). */
  readonly dropLast?: boolean;
  /** Bounds on gradients (default none). */
  readonly clip?: Clipping;
  /** The size of weights, added to the loss (default none). */
  readonly penalty?: Penalty;
  /** Each batch is taken in this many equal parts, whose gradients are averaged: the same step in less memory. */
  readonly accumulate?: number;
  /** Called once, before the first step, with the compiled training step. */
  readonly onCompiled?: (program: Program) => void;
  /** Called every few steps with how far the run is. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Ends the run between two steps, with the signal's reason as its error: for good where that is in the middle of an
   * epoch. The trainer stays as it was after the last step.
   */
  readonly signal?: AbortSignal;
}

export const FIT_OPTIONS: OptionKinds<FitOptions> = {
  loss: "any",
  optimizer: "any",
  schedule: "any",
  batchSize: "number",
  epochs: "number",
  seed: "number",
  validation: "any",
  validationBatchSize: "number",
  confusion: "boolean",
  metrics: "array",
  augment: "any",
  dataMemory: "number",
  callbacks: "array",
  resume: "any",
  shuffle: "boolean",
  dropLast: "boolean",
  clip: "any",
  penalty: "any",
  accumulate: "number",
  onCompiled: "function",
  onProgress: "function",
  signal: "any",
};

/** What a run goes by: options whose functions have become what they stand for. */
export interface RunOptions extends FitOptions {
  readonly loss: Loss;
  readonly schedule?: Schedule;
  readonly callbacks: readonly Callback[];
}

export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  /** Samples of this epoch so far, and in all. */
  readonly samples: number;
  readonly samplesPerEpoch: number;
  /** Mean loss, and accuracy where targets are classes, of the epoch so far. */
  readonly loss: number;
  readonly accuracy?: number;
}

export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  /** Mean loss of the epoch's samples, each measured with the parameters of its step. */
  readonly loss: number;
  /** Likewise the part of samples that were right, where targets are classes. */
  readonly accuracy?: number;
  readonly validation?: Evaluation;
  /** Time spent training, and evaluating. */
  readonly seconds: number;
  readonly validationSeconds: number;
  readonly samplesPerSecond: number;
}

/**
 * A run of training. Nothing happens before it is awaited, which trains to the end and gives the history, or iterated over,
 * which trains an epoch at a time. It has one position: after `break`, either goes on with the next epoch; two at once are
 * refused, and so is going on after a failure in the middle of an epoch. As an async function awaits what it returns, let
 * it return `{ run }` where the run is to be started by others.
 */
export interface FitRun extends AsyncIterable<Epoch>, PromiseLike<readonly Epoch[]>, Disposable {
  /**
   * The model on its engine: to be loaded before the first epoch, and used after it. Before, its weights are those it was
   * initialised with, and `evaluate` and `predict` say so.
   */
  readonly trainer: Trainer;
  /** The training step, written down. */
  readonly program: Program;
  /** All epochs so far, with those before a checkpoint that the run began from. */
  readonly history: readonly Epoch[];
  /** What it trains on. */
  readonly dataset: Data;
  /** As they were given. */
  readonly options: FitOptions;
  /** The name of the callback that ended the run before its last epoch. */
  readonly stoppedBy?: string;
  /**
   * All that it takes to go on later with the option `resume`.
   * @throws Error in the middle of an epoch, and before the first; RangeError for weights that are not finite
   */
  checkpoint(options?: SaveOptions): Promise<Uint8Array>;
  /**
   * Writes the weights as safetensors, whole or not at all. Outside of browsers only; see `toSafetensors`.
   * @throws Error before the first epoch; RangeError for weights that are not finite
   */
  save(path: string, options?: SaveOptions): Promise<void>;
  toSafetensors(options?: SaveOptions): Promise<Uint8Array>;
  /** Frees at once what the run holds of the engine, with its trainer. What is merely dropped is freed later. */
  release(): void;
}

/**
 * Trains `model` on `dataset`.
 * @throws TypeError at once for an option that there is not, arguments of other kinds, or data without targets; RangeError
 *   when an option makes no sense, the data set is smaller than a batch, or 32-bit floats run its numbers together
 */
export function fit(engine: Engine, model: Model, dataset: Data, options: FitOptions = {}): FitRun {
  checkEngine("fit", engine);
  const layer = asLayer(model, "fit");
  checkData("fit", "the data", dataset);
  checkTargets("fit", dataset);
  checkOptions("fit", options, FIT_OPTIONS);
  const { batchSize = Math.min(128, dataset.count), epochs = 5, seed = 0, optimizer = adam() } = options;
  checkWhole("fit: batchSize", batchSize);
  checkWhole("fit: epochs", epochs);
  checkWhole("fit: seed", seed, 0);
  checkOptimizer("fit", optimizer);
  checkMetrics("fit", options.metrics ?? []);
  checkResume("fit", options.resume);
  if (options.validation !== undefined) {
    checkData("fit", "validation", options.validation);
    checkTargets("fit: validation", options.validation);
  }
  if (options.validationBatchSize !== undefined)
    checkWhole("fit: validationBatchSize", options.validationBatchSize);
  checkConfusion("fit", options.confusion, options.validation ?? dataset);
  if (dataset.count < batchSize) {
    throw new RangeError(
      `fit: ${dataset.name} has ${dataset.count} samples, fewer than one batch of ${batchSize}; use a batchSize of at most ${dataset.count}`,
    );
  }
  checkTrainingOptions("fit", options);
  const { accumulate = 1, augment } = options;
  if (batchSize % accumulate !== 0) {
    throw new RangeError(`fit: accumulate is ${accumulate}; give a divisor of the batchSize ${batchSize}`);
  }
  if (augment !== undefined && (typeof augment !== "object" || typeof augment.apply !== "function")) {
    throw new TypeError(
      `fit: augment is ${inWords(augment)}; give what augment(…) of wgrad/augment makes: augment(rotate(…), …)`,
    );
  }
  if (options.signal !== undefined && typeof options.signal.throwIfAborted !== "function") {
    throw new TypeError(
      `fit: signal is ${inWords(options.signal)}; give that of an AbortController: controller.signal`,
    );
  }
  const callbacks = asCallbacks("fit", options.callbacks ?? []);
  const loss = options.loss === undefined ? defaultLoss("fit", dataset) : asLoss("fit", options.loss);
  const stepsPerEpoch = Math.ceil(dataset.count / batchSize);
  const begin = { step: 0, total: stepsPerEpoch * epochs, stepsPerEpoch, history: [] };
  const schedule = options.schedule && asSchedule("fit", options.schedule, begin);
  const mode =
    schedule?.monitor === undefined
      ? undefined
      : modeOf(
          `fit: the schedule ${schedule.name}`,
          schedule.monitor,
          schedule.mode,
          monitorable(dataset, options),
        );
  if (!("open" in dataset)) checkNumbers(dataset);
  const schema = schemaOf(dataset);
  const { validation } = options;
  if (validation) checkSchema("fit: validation", validation, schema);
  const trainer = createTrainer(engine, layer, { inputShape: dataset.inputs.shape, optimizer, seed, schema });
  if (!("open" in dataset)) warnOfLargeTargets(dataset, trainer);
  return new Run(
    trainer,
    dataset,
    { ...options, loss, schedule: schedule && { ...schedule, mode }, callbacks },
    batchSize,
    epochs,
  );
}
