/** `fit`: trains a model on a data set, epoch by epoch. */
import { describe } from "../describe.ts";
import { writeFileWhole } from "../io/files.ts";
import type { Clipping } from "../nn/arena.ts";
import type { Augment } from "../nn/batch.ts";
import type { Loss } from "../nn/losses.ts";
import { crossEntropy } from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import { correctCount } from "../nn/ops/crossEntropy.ts";
import { adam, type Optimizer } from "../nn/optimizers.ts";
import { constantRate, type Schedule } from "../nn/schedules.ts";
import { checkTrainingOptions, type ModelCall, type Penalty, type StepOutputs } from "../nn/step.ts";
import type { Program } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import type { Callback } from "./callback.ts";
import type { CheckpointSource, RunSettings } from "./checkpoint.ts";
import { checkBatchSize, type Evaluation, Evaluator, type Metric } from "./evaluate.ts";
import { compileSteps, openData } from "./open.ts";
import { Pace } from "./pace.ts";
import { BATCH_START, type Batches, type BatchSource, type Data } from "./source.ts";
import { type CompiledStep, createTrainer, type Trainer } from "./trainer.ts";
import { encodeWeights } from "./weights.ts";

export interface FitOptions {
  /** Default: softmax cross-entropy. */
  readonly loss?: Loss;
  /** Default: Adam with its default learning rate. */
  readonly optimizer?: Optimizer;
  /** What the learning rate is multiplied by from step to step (default: constant). */
  readonly schedule?: Schedule;
  /** Samples a step (default 128). */
  readonly batchSize?: number;
  /** Passes over the data (default 5). */
  readonly epochs?: number;
  /** Of the initial parameters, the order of samples, and everything random (default 0). */
  readonly seed?: number;
  /** Evaluated after each epoch. */
  readonly validation?: Data;
  /** What the evaluation counts beside loss and accuracy (default nothing): see `wgrad/metrics`. */
  readonly metrics?: readonly Metric[];
  /** Changes the batches of training as they are read (default: as they are): see `wgrad/augment`. */
  readonly augment?: Augment;
  /** Bytes of the engine's memory that the data set may take; a larger one is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** What is told of each epoch, and may end the run: see `wgrad/callbacks`. */
  readonly callbacks?: readonly Callback[];
  /** A checkpoint of a run with the same options, which goes on where that was, up to `epochs` in all. */
  readonly resume?: CheckpointSource;
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

/** A run of training: iterate over it to make it go on, epoch by epoch. */
export interface FitRun extends AsyncIterable<Epoch> {
  /** The model on its engine. Present once the first epoch has begun. */
  readonly trainer: Trainer;
  /** The training step, written down. */
  readonly program: Program;
  /** All epochs so far, with those before a checkpoint that the run began from. */
  readonly history: readonly Epoch[];
  /** The name of the callback that ended the run before its last epoch. */
  readonly stoppedBy?: string;
  /** All that it takes to go on later with the option `resume`. To be asked for between epochs. */
  checkpoint(): Promise<Uint8Array>;
  /** Writes the weights as safetensors, whole or not at all. Outside of browsers only; see `toSafetensors`. */
  save(path: string): Promise<void>;
  toSafetensors(): Promise<Uint8Array>;
}

/** Steps in flight beside the one being waited for: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;
/** Rows of the step table, and so the most steps in one submit. */
const MAX_STEPS_PER_RUN = 256;

/**
 * Trains `model` on `dataset`.
 * @throws RangeError at once when an option makes no sense, or the data set is smaller than a batch.
 */
export function fit(engine: Engine, model: Model, dataset: Data, options: FitOptions = {}): FitRun {
  const { batchSize = 128, epochs = 5, seed = 0, optimizer = adam() } = options;
  checkBatchSize("fit", batchSize);
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new RangeError(`fit: epochs is ${epochs}; give a whole number from 1`);
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
  if (augment && typeof augment.apply !== "function") {
    throw new TypeError("fit: augment takes what augment(…) of wgrad/augment makes: augment(rotate(…), …)");
  }
  const trainer = createTrainer(engine, model, { inputShape: dataset.inputs.shape, optimizer, seed });
  return new Run(trainer, dataset, options, batchSize, epochs);
}

class Run implements FitRun {
  readonly history: Epoch[] = [];
  stoppedBy: string | undefined;
  #full: CompiledStep | undefined;

  constructor(
    readonly trainer: Trainer,
    readonly dataset: Data,
    readonly options: FitOptions,
    readonly batchSize: number,
    readonly epochs: number,
  ) {}

  get program(): Program {
    if (!this.#full)
      throw new Error("fit: the step is compiled when the first epoch begins; iterate over the run first");
    return this.#full.program;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Epoch> {
    const { trainer, dataset, options, batchSize } = this;
    const { validation, callbacks = [], shuffle = true, loss, metrics, dataMemory } = options;
    await this.#resume();
    const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
    const held: { release(): void }[] = [source];
    let failed = false;
    try {
      const steps = await this.#compile(source);
      held.push(...steps.values());
      const evaluator =
        validation && (await Evaluator.compile(trainer, validation, { loss, metrics, dataMemory }));
      if (evaluator) held.push(evaluator);
      const pace = new Pace(MAX_STEPS_PER_RUN);
      options.onCompiled?.(this.program);
      for (const callback of callbacks) await callback.onStart?.(this);
      while (this.history.length < this.epochs && !this.stoppedBy) {
        const epoch = this.history.length + 1;
        const started = performance.now();
        const parts = source.read({ epoch, seed: trainer.seed, shuffle });
        const totals = await this.#runEpoch(epoch, parts, steps, pace);
        const trained = performance.now();
        const evaluation = await evaluator?.run();
        const seconds = (trained - started) / 1000;
        const told: Epoch = {
          epoch,
          loss: totals.loss,
          accuracy: totals.accuracy,
          validation: evaluation,
          seconds,
          validationSeconds: (performance.now() - trained) / 1000,
          samplesPerSecond: totals.samples / seconds,
        };
        this.history.push(told);
        for (const callback of callbacks) {
          if ((await callback.onEpoch?.(told, this)) === "stop") this.stoppedBy ??= callback.name;
        }
        yield told;
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      try {
        if (!failed) for (const callback of callbacks) await callback.onEnd?.(this);
      } finally {
        for (const one of held) one.release();
      }
    }
  }

  get #settings(): RunSettings {
    const { dataset, batchSize, trainer, options } = this;
    const { shuffle = true, augment } = options;
    return {
      seed: trainer.seed,
      "data set": `${dataset.name} with ${dataset.count} samples`,
      batchSize,
      shuffle,
      augment: augment?.name ?? "none",
    };
  }

  get #samplesPerEpoch(): number {
    const { count } = this.dataset;
    return this.options.dropLast ? count - (count % this.batchSize) : count;
  }

  /** Goes on after the epochs of the checkpoint, if one was given and nothing was trained yet. */
  async #resume(): Promise<void> {
    const { resume } = this.options;
    if (resume === undefined || this.history.length > 0) return;
    const { restoreCheckpoint } = await import("./checkpoint.ts");
    const behind = await restoreCheckpoint(this.trainer, this.#settings, resume);
    if (behind.length >= this.epochs) {
      throw new RangeError(
        `fit: the checkpoint has ${behind.length} epochs behind it, and epochs is ${this.epochs}; epochs counts from the beginning: give more`,
      );
    }
    this.history.push(...behind);
  }

  /** The steps, by the size of their batches. */
  async #compile(source: BatchSource): Promise<Map<number, CompiledStep>> {
    const { loss = crossEntropy(), clip, penalty, accumulate: parts = 1, augment } = this.options;
    const { classes } = this.dataset;
    const steps = await compileSteps(source, this.#samplesPerEpoch, this.batchSize, (size) => {
      // A last batch that does not fall into equal parts is taken whole.
      const accumulate = size % parts === 0 ? parts : 1;
      const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
        const batch = source.batch(size / accumulate, (part * size) / accumulate);
        const { x, y } = augment ? augment.apply(batch) : batch;
        const outputs = model(x);
        const minimize = loss.apply(outputs, y);
        return classes ? { minimize, correct: correctCount(outputs, batch.y) } : { minimize };
      };
      return this.trainer.compile(body, {
        name: "train",
        data: source.data,
        maxSteps: Math.min(MAX_STEPS_PER_RUN, source.batchesAtOnce),
        clip,
        penalty,
        accumulate,
      });
    });
    this.#full = steps.get(this.batchSize);
    return steps;
  }

  async #runEpoch(
    epoch: number,
    parts: AsyncIterable<readonly Batches[]>,
    steps: ReadonlyMap<number, CompiledStep>,
    pace: Pace,
  ) {
    const { options, trainer, dataset, batchSize } = this;
    const { schedule = constantRate(), onProgress } = options;
    const samplesPerEpoch = this.#samplesPerEpoch;
    const stepsPerEpoch = Math.ceil(samplesPerEpoch / batchSize);
    const totals = new Totals(dataset.classes !== undefined);
    // What schedules go by: of the validation set where there is one.
    const history = this.history.map(({ loss, validation }) => validation?.loss ?? loss);
    const learningRate = (optimizer: Optimizer, step: number) =>
      optimizer.learningRate *
      schedule.factor({ step, total: stepsPerEpoch * this.epochs, stepsPerEpoch, history });
    const inFlight: Promise<void>[] = [];
    let stepsBefore = (epoch - 1) * stepsPerEpoch;
    try {
      for await (const part of parts) {
        for (const { size, starts } of part) {
          const step = steps.get(size);
          for (let first = 0; step && first < starts.length; ) {
            const count = Math.min(pace.steps, starts.length - first, step.executable.table.rows);
            const begin = first;
            const run = step.runMany(count, (i) => ({
              [BATCH_START]: starts[begin + i],
              epoch,
              learningRate: learningRate(trainer.optimizer as Optimizer, stepsBefore + i),
            }));
            stepsBefore += count;
            first += count;
            const counted = run.then(({ loss, correct }) => {
              pace.finished(count);
              totals.add(loss, correct, size);
              const { samples, loss: mean, accuracy } = totals;
              onProgress?.({ epoch, epochs: this.epochs, samples, samplesPerEpoch, loss: mean, accuracy });
            });
            // Its failure is met when its turn comes to be awaited; until then it must not count as unhandled.
            counted.catch(() => {});
            inFlight.push(counted);
            while (inFlight.length > RUNS_IN_FLIGHT) await inFlight.shift();
            totals.check(epoch);
          }
        }
      }
      await Promise.all(inFlight);
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(inFlight);
    }
    totals.check(epoch);
    return totals;
  }

  async checkpoint(): Promise<Uint8Array> {
    const { encodeCheckpoint } = await import("./checkpoint.ts");
    return encodeCheckpoint(this.trainer, this.#settings, this.history);
  }

  async toSafetensors(): Promise<Uint8Array> {
    return encodeWeights(await this.trainer.weights());
  }

  async save(path: string): Promise<void> {
    await writeFileWhole(path, await this.toSafetensors());
  }

  toString(): string {
    return describe(this.program);
  }
}

/** The loss of a run became no finite number. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}

/** Sums over the samples of an epoch so far. */
class Totals {
  samples = 0;
  #loss = 0;
  #correct = 0;

  constructor(readonly counts: boolean) {}

  add(losses: ArrayLike<number>, correct: ArrayLike<number> | undefined, batchSize: number): void {
    for (let i = 0; i < losses.length; i++) {
      this.samples += batchSize;
      this.#loss += losses[i] * batchSize;
      this.#correct += correct?.[i] ?? 0;
    }
  }

  get loss(): number {
    return this.#loss / this.samples;
  }

  get accuracy(): number | undefined {
    return this.counts ? this.#correct / this.samples : undefined;
  }

  /** @throws DivergenceError as soon as the loss is no number any more: going on could only waste time. */
  check(epoch: number): void {
    if (this.samples > 0 && !Number.isFinite(this.#loss)) {
      throw new DivergenceError(
        `fit: the loss became ${this.#loss} in epoch ${epoch}; use a lower learning rate, or look for NaN in the data`,
      );
    }
  }
}
