/** `fit`: trains a model on a data set, epoch by epoch. */
import type { OptionKinds } from "../checks.ts";
import type { Model } from "../nn/model/model.ts";
import type { Program } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkResume } from "./arguments.ts";
import { asCallbacks, type Callback, type EpochFunction } from "./callback.ts";
import type { CheckpointSource, ResumeOptions } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { SaveOptions } from "./finite.ts";
import { Run } from "./run.ts";
import { type Place, STEP_OPTIONS, type StepOptions } from "./session.ts";
import { type Settings, settled } from "./settings.ts";
import type { Data } from "./source.ts";
import type { TensorData, Trainer } from "./trainer.ts";

export interface FitOptions extends StepOptions {
  /** Callbacks for each epoch, which may end the run: see `wgrad/callbacks`. A function is an `onEpoch`. */
  readonly callbacks?: readonly (Callback | EpochFunction)[];
  /**
   * A checkpoint of a run with the same model, data and options; training continues from there, up to `epochs` in all.
   * `{ from, allow: ["learningRate"] }` allows differences.
   */
  readonly resume?: CheckpointSource | ResumeOptions;
  /**
   * Called once, before the first step, with the compiled training step. A promise that it returns is awaited; below,
   * too.
   */
  readonly onCompiled?: (program: Program) => void;
  /** Called every few steps with the progress of the run. */
  readonly onProgress?: (progress: Progress) => void;
}

export const FIT_OPTIONS: OptionKinds<FitOptions> = {
  ...STEP_OPTIONS,
  callbacks: "array",
  resume: "any",
  onCompiled: "function",
  onProgress: "function",
};

/** A run's options, with functions resolved to their results. */
export interface RunOptions extends Omit<FitOptions, keyof Settings>, Settings {
  readonly callbacks: readonly Callback[];
}

export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  /** Number of samples of this epoch so far; below, in all. */
  readonly samples: number;
  readonly samplesPerEpoch: number;
  /** Mean loss of the epoch so far; below, the accuracy, where targets are classes. */
  readonly loss: number;
  readonly accuracy?: number;
}

export interface Epoch {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Mean loss of the epoch's samples, each measured before the update of its step. */
  readonly loss: number;
  /** Fraction of samples predicted correctly, measured likewise, where targets are classes. */
  readonly accuracy?: number;
  readonly validation?: Evaluation;
  /** Seconds spent training and evaluating. */
  readonly seconds: number;
  readonly validationSeconds: number;
  readonly samplesPerSecond: number;
}

/**
 * A run of training. Training starts when the run is awaited, which trains to the end and returns the history, or
 * iterated, which trains one epoch at a time. A run has one position: after `break`, either way continues with the next
 * epoch. Concurrent use is refused, and so is continuing after a failure within an epoch. An async function awaits its
 * result: to pass a run on unstarted, return `{ run }`.
 */
export interface FitRun extends AsyncIterable<Epoch>, PromiseLike<readonly Epoch[]>, Disposable {
  /**
   * The model on its engine. It can be loaded before the first epoch and used after it; before, its weights are initial
   * values, which `evaluate` and `predict` refuse.
   */
  readonly trainer: Trainer;
  /** The training step as a program. */
  readonly program: Program;
  /** Where the run is; in the beginning, at step 0 of epoch 1. */
  readonly place: Place;
  /** All epochs so far, including those before a resumed checkpoint. */
  readonly history: readonly Epoch[];
  /** The training data. */
  readonly dataset: Data;
  /** The options as given. */
  readonly options: FitOptions;
  /** Name of the callback that ended the run early. */
  readonly stoppedBy?: string;
  /**
   * Encodes the state of the run, for the option `resume`: at any time, also while steps are taken, after an error and
   * within an epoch. The state is that between two submits.
   * @throws Error before the run has begun, and where an error of the engine lost the results of steps
   * @throws RangeError where weights are not finite, unless `nonFinite` is "allow"
   */
  checkpoint(options?: SaveOptions): Promise<Uint8Array>;
  /**
   * Replaces the weights until the run goes on, by those of the best epoch for example. The run then gets its own back,
   * and until then its checkpoints hold them.
   * @throws Error before the run has begun, and as `trainer.load`
   */
  substitute(weights: Readonly<Record<string, TensorData>>): Promise<void>;
  /**
   * Writes the weights to `path` as safetensors, whole or not at all. Browsers use `toSafetensors`.
   * @throws Error before the first epoch, or where the file cannot be written
   * @throws RangeError where weights are not finite, unless `nonFinite` is "allow"
   */
  save(path: string, options?: SaveOptions): Promise<void>;
  /**
   * Encodes the weights as a safetensors file.
   * @throws Error before the first epoch; RangeError where weights are not finite, unless `nonFinite` is "allow"
   */
  toSafetensors(options?: SaveOptions): Promise<Uint8Array>;
  /** Frees the run's memory on the engine, with its trainer. Without `release`, the garbage collector frees it later. */
  release(): void;
}

/**
 * Trains `model` on `dataset`. The checks run at once; training starts when the run is awaited or iterated.
 * @throws RangeError where an option is out of range, the data set is smaller than a batch, or 32-bit floats merge its
 *   numbers
 * @throws TypeError where an argument is of another kind, an option is unknown, or the data has no targets. While the
 *   run trains: DivergenceError where a loss or weight is not finite, the signal's reason, MemoryLimitError,
 *   EngineError or DeviceLostError
 */
export function fit(engine: Engine, model: Model, dataset: Data, options: FitOptions = {}): FitRun {
  const parts = settled("fit", engine, model, dataset, options, FIT_OPTIONS, 5);
  checkResume("fit", options.resume);
  const callbacks = asCallbacks("fit", options.callbacks ?? []);
  return new Run(parts, { ...parts.options, callbacks });
}
