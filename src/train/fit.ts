/** `fit`: trains a model on a data set, epoch by epoch. */
import type { Dataset } from "../data/dataset.ts";
import { describe } from "../describe.ts";
import { writeFileWhole } from "../io/files.ts";
import type { Clipping } from "../nn/arena.ts";
import type { Loss } from "../nn/losses.ts";
import { crossEntropy } from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import { correctCount } from "../nn/ops/crossEntropy.ts";
import { adam, type Optimizer } from "../nn/optimizers.ts";
import { constantRate, type Schedule } from "../nn/schedules.ts";
import { checkTrainingOptions, type ModelCall, type Penalty, type StepOutputs } from "../nn/step.ts";
import type { Program } from "../program.ts";
import { epochOrder } from "../random.ts";
import type { Engine } from "../runtime/engine.ts";
import { batches, checkBatchSize, type Evaluation, Evaluator } from "./evaluate.ts";
import { Pace } from "./pace.ts";
import { BATCH_START, ResidentDataset } from "./resident.ts";
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
  readonly validation?: Dataset;
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
export function fit(engine: Engine, model: Model, dataset: Dataset, options: FitOptions = {}): FitRun {
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
  const { accumulate = 1 } = options;
  if (batchSize % accumulate !== 0) {
    throw new RangeError(`fit: accumulate is ${accumulate}; give a divisor of the batchSize ${batchSize}`);
  }
  const trainer = createTrainer(engine, model, { inputShape: dataset.inputs.shape, optimizer, seed });
  return new Run(trainer, dataset, options, batchSize, epochs);
}

class Run implements FitRun {
  /** What schedules go by: the loss of each epoch so far, of the validation set where there is one. */
  readonly #history: number[] = [];
  #full: CompiledStep | undefined;

  constructor(
    readonly trainer: Trainer,
    readonly dataset: Dataset,
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
    const { trainer, dataset, options } = this;
    const { validation, shuffle = true, dropLast = false } = options;
    const resident = new ResidentDataset(trainer.engine, dataset);
    const held: { release(): void }[] = [resident];
    try {
      const parts = await this.#compile(resident, dropLast);
      held.push(...parts.map(({ step }) => step));
      const evaluator = validation && (await Evaluator.compile(trainer, validation, { loss: options.loss }));
      if (evaluator) held.push(evaluator);
      const pace = new Pace(MAX_STEPS_PER_RUN);
      options.onCompiled?.(this.program);
      for (let epoch = 1; epoch <= this.epochs; epoch++) {
        resident.setOrder(epochOrder(dataset.count, trainer.seed, epoch, shuffle));
        const started = performance.now();
        const totals = await this.#runEpoch(epoch, parts, pace);
        const trained = performance.now();
        const evaluation = await evaluator?.run();
        const seconds = (trained - started) / 1000;
        this.#history.push(evaluation?.loss ?? totals.loss);
        yield {
          epoch,
          loss: totals.loss,
          accuracy: totals.accuracy,
          validation: evaluation,
          seconds,
          validationSeconds: (performance.now() - trained) / 1000,
          samplesPerSecond: totals.samples / seconds,
        };
      }
    } finally {
      for (const one of held) one.release();
    }
  }

  /** The step for full batches, and one for what is left over: exact, whatever the layers do with a batch. */
  async #compile(resident: ResidentDataset, dropLast: boolean): Promise<Part[]> {
    const { loss = crossEntropy(), clip, penalty, accumulate: parts = 1 } = this.options;
    const sizes = batches(this.dataset.count, this.batchSize).filter(
      ({ size }) => size === this.batchSize || !dropLast,
    );
    const compiled = await Promise.all(
      sizes.map(async ({ size, starts }) => {
        // A last batch that does not fall into equal parts is taken whole.
        const accumulate = size % parts === 0 ? parts : 1;
        const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
          const { x, y } = resident.batch(size / accumulate, (part * size) / accumulate);
          const outputs = model(x);
          const minimize = loss.apply(outputs, y);
          return this.dataset.classes ? { minimize, correct: correctCount(outputs, y) } : { minimize };
        };
        const maxSteps = Math.min(MAX_STEPS_PER_RUN, starts.length);
        const step = await this.trainer.compile(body, {
          name: "train",
          data: resident.data,
          maxSteps,
          clip,
          penalty,
          accumulate,
        });
        resident.check(step.program);
        return { step, size, starts };
      }),
    );
    this.#full = compiled[0].step;
    return compiled;
  }

  async #runEpoch(epoch: number, parts: readonly Part[], pace: Pace) {
    const { options, trainer, dataset } = this;
    const { schedule = constantRate(), onProgress } = options;
    const stepsPerEpoch = parts.reduce((sum, { starts }) => sum + starts.length, 0);
    const samplesPerEpoch = parts.reduce((sum, { starts, size }) => sum + starts.length * size, 0);
    const totals = new Totals(dataset.classes !== undefined);
    const learningRate = (optimizer: Optimizer, step: number) =>
      optimizer.learningRate *
      schedule.factor({ step, total: stepsPerEpoch * this.epochs, stepsPerEpoch, history: this.#history });
    const inFlight: Promise<void>[] = [];
    let stepsBefore = (epoch - 1) * stepsPerEpoch;
    try {
      for (const { step, size, starts } of parts) {
        for (let first = 0; first < starts.length; ) {
          const count = Math.min(pace.steps, starts.length - first, step.executable.table.rows);
          const begin = first;
          const run = step.runMany(count, (i) => ({
            [BATCH_START]: starts[begin + i],
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
      await Promise.all(inFlight);
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(inFlight);
    }
    totals.check(epoch);
    return totals;
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

interface Part {
  readonly step: CompiledStep;
  readonly size: number;
  readonly starts: readonly number[];
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

  /** @throws Error as soon as the loss is no number any more: going on could only waste time. */
  check(epoch: number): void {
    if (this.samples > 0 && !Number.isFinite(this.#loss)) {
      throw new Error(
        `fit: the loss became ${this.#loss} in epoch ${epoch}; use a lower learning rate, or look for NaN in the data`,
      );
    }
  }
}
