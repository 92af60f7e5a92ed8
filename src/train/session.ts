/** `session`: a model in training on a data set, step by step. `fit` is one with epochs and callbacks. */
import { checkWhole, type OptionKinds } from "../checks.ts";
import type { Uncalled } from "../nn/model/factory.ts";
import type { Model } from "../nn/model/model.ts";
import type { Augment } from "../nn/training/batch.ts";
import type { Loss, LossFunction } from "../nn/training/losses.ts";
import type { Optimizer } from "../nn/training/optimizers.ts";
import type { Schedule, ScheduleFunction } from "../nn/training/schedules.ts";
import type { Penalty } from "../nn/training/step.ts";
import type { Clipping } from "../nn/training/updates.ts";
import type { Program } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import type { Evaluation, Metric } from "./evaluate.ts";
import { settled } from "./settings.ts";
import type { Data } from "./source.ts";
import type { RestoreOptions, TrainerState } from "./state.ts";
import type { Trainer } from "./trainer.ts";

/** How steps are taken. */
export interface StepOptions {
  /** Default, where the data has classes: softmax cross-entropy. A function of outputs and targets is a loss of your own. */
  readonly loss?: Loss | LossFunction | Uncalled<Loss>;
  /** Default: Adam with its default learning rate. */
  readonly optimizer?: Optimizer;
  /** What the learning rate is multiplied by from step to step (default: constant), or a function of the step. */
  readonly schedule?: Schedule | ScheduleFunction;
  /** Samples a step (default 128, or all if they are fewer). */
  readonly batchSize?: number;
  /** Passes over the data (default 5 in `fit`, without end in a session). */
  readonly epochs?: number;
  /** Of the initial parameters, the order of samples, and everything random (default 0). */
  readonly seed?: number;
  /** Evaluated after each epoch of `fit`, and when a session is told to. */
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
  /** Ends training between two steps, with the signal's reason as the error. The trainer stays as it was after the last step. */
  readonly signal?: AbortSignal;
}

export const STEP_OPTIONS: OptionKinds<StepOptions> = {
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
  shuffle: "boolean",
  dropLast: "boolean",
  clip: "any",
  penalty: "any",
  accumulate: "number",
  signal: "any",
};

export interface SessionOptions extends StepOptions {
  /** The number of the first epoch (default 1, as in `fit`): the order of samples and augmentation go by an epoch's number. */
  readonly firstEpoch?: number;
}

const SESSION_OPTIONS: OptionKinds<SessionOptions> = { ...STEP_OPTIONS, firstEpoch: "number" };

/** Where a session stands. */
export interface Place {
  /** Steps taken. */
  readonly steps: number;
  /** The epoch of the next step. */
  readonly epoch: number;
  /** Steps of that epoch that are taken: 0 between two epochs. */
  readonly stepsOfEpoch: number;
}

/** What some steps came to. */
export interface Advance {
  /** How many there were: fewer than asked for where the last epoch ended. */
  readonly steps: number;
  readonly samples: number;
  /** The loss of each step's batch, measured with the parameters before the step. */
  readonly losses: readonly number[];
  /** Mean over their samples. */
  readonly loss: number;
  /** Likewise the fraction of samples that were right, where targets are classes. */
  readonly accuracy?: number;
  /** The learning rate of the last step, with the schedule's factor. */
  readonly learningRate: number;
  /** Milliseconds for which this thread was busy encoding and submitting them. */
  readonly hostMilliseconds: number;
  /** Where the session stands after them. */
  readonly place: Place;
}

/** All that a session's next steps depend on, as plain data: it can be sent to workers, and outlives its engine. */
export interface SessionState {
  readonly trainer: TrainerState;
  readonly steps: number;
  readonly learningRate: number;
  readonly history: readonly number[];
  /** What the order of samples follows from: only a session of the same takes the state. */
  readonly order: Readonly<Record<string, number | boolean>>;
}

/** A model in training: data on the engine, compiled steps, and one position, which `advance` moves. */
export interface Session extends Disposable {
  /** The model on its engine, to be loaded, saved, and predicted with. */
  readonly trainer: Trainer;
  readonly dataset: Data;
  readonly options: SessionOptions;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly samplesPerEpoch: number;
  /** The compiled training step of a full batch, to be described and profiled. */
  readonly step: CompiledStep;
  readonly program: Program;
  readonly place: Place;
  /** Whether all epochs are over: never, where the option `epochs` says of none. */
  readonly finished: boolean;
  /**
   * The optimizer's learning rate from the next step on. A schedule's factor is multiplied with it, and parameter groups keep
   * their proportion to it. @throws RangeError for what is no finite number from 0
   */
  learningRate: number;
  /**
   * What a schedule such as `reduceOnPlateau` goes by: a number for each epoch so far, which is yours to add where you evaluate.
   */
  history: readonly number[];
  /**
   * Takes the next steps, over the ends of epochs, and waits for them. A few submits at most are under way at once.
   * @throws DivergenceError for a loss that is no finite number, or, where an epoch ends, a weight; the signal's reason; Error where
   *   all epochs are over, or somebody else advances. But for divergence, the session can go on after an error
   */
  advance(steps?: number): Promise<Advance>;
  /**
   * The loss on a data set, with accuracy and metrics: the validation set unless another is given. What was evaluated stays on the
   * engine for the next time. @throws as `evaluate` does; TypeError where there is no data set to evaluate
   */
  evaluate(data?: Data): Promise<Evaluation>;
  /** All that the next steps depend on, at any step. */
  snapshot(): Promise<SessionState>;
  /**
   * Goes on from a snapshot, to the bit: also in the middle of an epoch, and on another engine. A stream is read on to the place.
   * @throws Error when the state is of another model, optimizer or order of samples, damaged, or not finite; then nothing is changed
   */
  restore(state: SessionState, options?: RestoreOptions): void;
  /** Frees at once what the session holds of the engine, with its trainer. What is merely dropped is freed later. */
  release(): void;
}

/**
 * Opens a model and a data set on an engine, and compiles what training takes: steps are taken by `advance`.
 * @throws TypeError for an option that there is not, arguments of other kinds, or data without targets; RangeError when an
 *   option makes no sense, a schedule is given without `epochs`, the data set is smaller than a batch, or 32-bit floats run its
 *   numbers together; MemoryLimitError where the device cannot hold a tensor
 */
export async function session(
  engine: Engine,
  model: Model,
  dataset: Data,
  options: SessionOptions = {},
): Promise<Session> {
  const parts = settled(
    "session",
    engine,
    model,
    dataset,
    options,
    SESSION_OPTIONS,
    Number.POSITIVE_INFINITY,
  );
  const { firstEpoch = 1 } = options;
  checkWhole("session: firstEpoch", firstEpoch, 0);
  const { Training } = await import("./training.ts");
  return Training.open(parts, { firstEpoch, held: [parts.trainer] });
}
