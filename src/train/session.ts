/** `session`: a model in training on a data set, step by step. `fit` adds epochs and callbacks. */
import { checkWhole, type OptionKinds } from "../checks.ts";
import type { Uncalled } from "../nn/model/factory.ts";
import type { Model } from "../nn/model/model.ts";
import type { Augment } from "../nn/training/batch.ts";
import type { Loss, LossFunction } from "../nn/training/losses.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import type { Schedule, ScheduleFunction } from "../nn/training/schedules.ts";
import type { Penalty } from "../nn/training/step.ts";
import type { Clipping } from "../nn/training/wrappers.ts";
import type { Program } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import type { Evaluation, Metric } from "./evaluate.ts";
import type { TrainingEvent } from "./events.ts";
import type { NonFinitePolicy, RecoverOptions } from "./policy.ts";
import { settled } from "./settings.ts";
import type { Data } from "./source.ts";
import type { RestoreOptions, TrainerState } from "./state.ts";
import type { Trainer } from "./trainer.ts";

/** Options of training steps. */
export interface StepOptions {
  /**
   * The loss (default, where the data has classes: softmax cross-entropy). A function of outputs and targets is a
   * custom loss.
   */
  readonly loss?: Loss | LossFunction | Uncalled<Loss>;
  /** The optimizer (default: Adam with its default learning rate). */
  readonly optimizer?: Optimizer;
  /** Factor of the learning rate from step to step (default: constant), or a function of the step. */
  readonly schedule?: Schedule | ScheduleFunction;
  /** Number of samples in a step (default 128, or all if they are fewer). */
  readonly batchSize?: number;
  /** Number of passes over the data (default 5 in `fit`, unlimited in a session). */
  readonly epochs?: number;
  /** Seed of the initial parameters, the order of samples, and all random numbers (default 0). */
  readonly seed?: number;
  /** Data for evaluation after each epoch of `fit`, and on request in a session. */
  readonly validation?: Data;
  /** Number of samples in a step of that evaluation (default 1000, or as many as the device can hold). */
  readonly validationBatchSize?: number;
  /** Whether that evaluation counts the confusion matrix (default: up to 100 classes). */
  readonly confusion?: boolean;
  /** Additional metrics of the evaluation (default none): see `wgrad/metrics`. */
  readonly metrics?: readonly Metric[];
  /** Augmentation of training batches (default none): see `wgrad/augment`. */
  readonly augment?: Augment;
  /** Limit in bytes of the data set's memory on the engine; a larger data set is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** Whether each epoch reads samples in a new order (default true). */
  readonly shuffle?: boolean;
  /** Whether to drop a smaller last batch (default false: every sample counts). */
  readonly dropLast?: boolean;
  /** Bounds on gradients (default none). */
  readonly clip?: Clipping;
  /** Penalty on weights, added to the loss (default none). */
  readonly penalty?: Penalty;
  /** Number of equal parts of each batch whose gradients are averaged (default 1): the same step in less memory. */
  readonly accumulate?: number;
  /**
   * Aborts training between two steps; the signal's reason is the error. The trainer stays as it was after the last
   * step.
   */
  readonly signal?: AbortSignal;
  /**
   * What to do about a loss, gradient or weight that is not finite (default "stop": a DivergenceError, with the model as it
   * was before the step). "skip" leaves the step out. "rollback" goes back and takes the steps again at half the learning
   * rate, up to 3 times; then it stops.
   */
  readonly onNonFinite?: NonFinitePolicy;
  /** How training goes on after the loss of its device (default: not at all); true for the defaults. */
  readonly recover?: boolean | RecoverOptions;
  /** Called where something went wrong, and training went on or stopped; awaited, as `onProgress` is. */
  readonly onEvent?: (event: TrainingEvent) => void;
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
  onNonFinite: "any",
  recover: "any",
  onEvent: "function",
};

export interface SessionOptions extends StepOptions {
  /**
   * Number of the first epoch (default 1, as in `fit`); the order of samples and augmentation depend on the epoch's
   * number.
   */
  readonly firstEpoch?: number;
}

const SESSION_OPTIONS: OptionKinds<SessionOptions> = { ...STEP_OPTIONS, firstEpoch: "number" };

/** Position of a session. */
export interface Place {
  /** Number of steps so far. */
  readonly steps: number;
  /** Epoch of the next step. */
  readonly epoch: number;
  /** Number of steps of that epoch so far; 0 between two epochs. */
  readonly stepsOfEpoch: number;
}

/** Result of some steps. */
export interface Advance {
  /** Number of steps; fewer than requested where the last epoch ended. */
  readonly steps: number;
  readonly samples: number;
  /** Loss of each step's batch, measured before the step's update. */
  readonly losses: readonly number[];
  /** Mean loss over the samples. */
  readonly loss: number;
  /** Fraction of samples predicted correctly, where targets are classes. */
  readonly accuracy?: number;
  /** Learning rate of the last step, with the schedule's factor. */
  readonly learningRate: number;
  /** Milliseconds in which this thread encoded and submitted the steps. */
  readonly hostMilliseconds: number;
  /** Position after the steps. */
  readonly place: Place;
}

/** State that determines a session's next steps, as plain data: it can be sent to workers, and outlives the engine. */
export interface SessionState {
  readonly trainer: TrainerState;
  readonly steps: number;
  readonly learningRate: number;
  readonly history: readonly number[];
  /** Settings that determine the order of samples; a session restores only a state with equal settings. */
  readonly order: Readonly<Record<string, number | boolean>>;
}

/** A model in training: data on the engine, compiled steps, and one position, which `advance` moves. */
export interface Session extends Disposable {
  /** The model on its engine, for loading, saving and predictions. */
  readonly trainer: Trainer;
  readonly dataset: Data;
  readonly options: SessionOptions;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly samplesPerEpoch: number;
  /** The compiled training step of a full batch, for `describe` and profiles. */
  readonly step: CompiledStep;
  readonly program: Program;
  readonly place: Place;
  /** Whether all epochs are over; always false without the option `epochs`. */
  readonly finished: boolean;
  /**
   * The optimizer's learning rate from the next step on. The schedule's factor multiplies it, and parameter groups keep
   * their proportion to it.
   * @throws RangeError where the value assigned is negative or not finite
   */
  learningRate: number;
  /**
   * Monitored number of each epoch so far, for schedules such as `reduceOnPlateau`; the caller appends it after an
   * evaluation.
   * @throws TypeError where the value assigned is no array of numbers
   */
  history: readonly number[];
  /**
   * Takes the next steps, across epochs, and waits for them. Calls may overlap: they are taken in order. Only a few submits are
   * in flight at once.
   * @throws DivergenceError where a loss is not finite or, at the end of an epoch, a weight; the signal's reason; Error
   *   where all epochs are over. After an error other than divergence, the session can
   *   continue
   */
  advance(steps?: number): Promise<Advance>;
  /**
   * Evaluates the model on `data` (default: the validation set). Evaluated data stays on the engine for the next call.
   * @throws TypeError where there is no data to evaluate; further errors as `evaluate`
   */
  evaluate(data?: Data): Promise<Evaluation>;
  /** The state that determines the next steps, taken at any step. */
  snapshot(): Promise<SessionState>;
  /**
   * Continues from a snapshot, equal to the bit, also within an epoch and on another engine. A stream is read up to the
   * position.
   * @throws Error where the state belongs to another model, optimizer or order of samples, is damaged, or is not
   *   finite; nothing is then changed
   */
  restore(state: SessionState, options?: RestoreOptions): void;
  /**
   * Frees the session's memory on the engine, with its trainer. Without `release`, the garbage collector frees it
   * later.
   */
  release(): void;
}

/**
 * Opens a model and a data set on an engine, and compiles the steps; `advance` takes them.
 * @throws MemoryLimitError where the device cannot hold a tensor
 * @throws RangeError where an option is out of range, a schedule is given without `epochs`, the data set is smaller
 *   than a batch, or 32-bit floats merge its numbers
 * @throws TypeError where an argument is of another kind, an option is unknown, or the data has no targets
 */
export async function session(
  engine: Engine,
  model: Model,
  dataset: Data,
  options: SessionOptions = {},
): Promise<Session> {
  const parts = settled("session", engine, model, dataset, options, SESSION_OPTIONS);
  const { firstEpoch = 1 } = options;
  checkWhole("session: firstEpoch", firstEpoch, 0);
  const { Training } = await import("./training.ts");
  return Training.open(parts, { firstEpoch, held: [parts.trainer] });
}
