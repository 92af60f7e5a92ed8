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
import { STEP_OPTIONS, type StepOptions } from "./session.ts";
import { type Settings, settled } from "./settings.ts";
import type { Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";

export interface FitOptions extends StepOptions {
  /** What is told of each epoch, and may end the run: see `wgrad/callbacks`. A function is an `onEpoch`. */
  readonly callbacks?: readonly (Callback | EpochFunction)[];
  /**
   * A checkpoint of a run with the same model, data and options, which goes on where that was, up to `epochs` in all;
   * `{ from, allow: ["learningRate"] }` says what may differ.
   */
  readonly resume?: CheckpointSource | ResumeOptions;
  /** Called once, before the first step, with the compiled training step. */
  readonly onCompiled?: (program: Program) => void;
  /** Called every few steps with how far the run is. */
  readonly onProgress?: (progress: Progress) => void;
}

export const FIT_OPTIONS: OptionKinds<FitOptions> = {
  ...STEP_OPTIONS,
  callbacks: "array",
  resume: "any",
  onCompiled: "function",
  onProgress: "function",
};

/** What a run goes by: options whose functions have become what they stand for. */
export interface RunOptions extends Omit<FitOptions, keyof Settings>, Settings {
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
  const parts = settled("fit", engine, model, dataset, options, FIT_OPTIONS, 5);
  checkResume("fit", options.resume);
  const callbacks = asCallbacks("fit", options.callbacks ?? []);
  return new Run(parts, { ...parts.options, callbacks });
}
