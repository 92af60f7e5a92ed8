/** A run of `fit`: its epochs, one after the other. */
import { describe } from "../describe.ts";
import { writeFileWhole } from "../io/whole.ts";
import { crossEntropy } from "../nn/losses.ts";
import { correctCount } from "../nn/ops/crossEntropy.ts";
import type { Optimizer } from "../nn/optimizers.ts";
import { constantRate } from "../nn/schedules.ts";
import type { ModelCall, StepOutputs } from "../nn/step.ts";
import type { Program } from "../program.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { Totals } from "./divergence.ts";
import { Evaluator } from "./evaluate.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import { compileSteps, openData } from "./open.ts";
import { Pace } from "./pace.ts";
import { BATCH_START, type Batches, type BatchSource, type Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";
import { encodeWeights } from "./weights.ts";

/** Steps in flight beside the one being waited for: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;
/** Rows of the step table, and so the most steps in one submit. */
const MAX_STEPS_PER_RUN = 256;

export class Run implements FitRun {
  readonly history: Epoch[] = [];
  stoppedBy: string | undefined;
  #full: CompiledStep | undefined;

  constructor(
    readonly trainer: Trainer,
    readonly dataset: Data,
    readonly options: RunOptions,
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
    const { validation, callbacks, shuffle = true, loss, metrics, dataMemory } = options;
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
          if ((await callback.onEpoch?.(told, this)) === "stop")
            this.stoppedBy ??= callback.name || "callback";
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

  get #samplesPerEpoch(): number {
    const { count } = this.dataset;
    return this.options.dropLast ? count - (count % this.batchSize) : count;
  }

  /** Goes on after the epochs of the checkpoint, if one was given and nothing was trained yet. */
  async #resume(): Promise<void> {
    const { resume } = this.options;
    if (resume === undefined || this.history.length > 0) return;
    const { restoreCheckpoint } = await import("./checkpoint.ts");
    this.history.push(...(await restoreCheckpoint(this, resume)));
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
    return encodeCheckpoint(this);
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
