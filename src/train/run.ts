/** A run of `fit`: its epochs, one after the other. */
import { describe } from "../describe.ts";
import { prepareWriting, writeFileWhole } from "../io/files.ts";
import { correctCount } from "../nn/ops/crossEntropy.ts";
import type { Optimizer } from "../nn/optimizers.ts";
import { constantRate } from "../nn/schedules.ts";
import type { ModelCall, StepOutputs } from "../nn/step.ts";
import type { Program } from "../program.ts";
import type { Callback } from "./callback.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkOutputs } from "./defaults.ts";
import { FiniteWeights, Totals } from "./divergence.ts";
import { encodeWeights } from "./encode.ts";
import { Evaluator } from "./evaluator.ts";
import type { SaveOptions } from "./finite.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import { numberOf } from "./monitor.ts";
import { compileSteps, openData } from "./open.ts";
import { Pace } from "./pace.ts";
import { BATCH_START, type BatchSource, type Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** Steps in flight beside the one being waited for: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;
/** Rows of the step table, and so the most steps in one submit. */
const MAX_STEPS_PER_RUN = 256;

export class Run implements FitRun {
  readonly history: Epoch[] = [];
  stoppedBy: string | undefined;
  #full: CompiledStep | undefined;
  /** Whether somebody is iterating. */
  #going = false;
  /** The epoch whose steps have begun; it stays where one failed before it was done. */
  #unfinished: number | undefined;
  /** What an unfinished epoch failed with. */
  #failure: unknown;
  /** What is awaited, while it is. */
  #whole: Promise<readonly Epoch[]> | undefined;
  /** What an iteration takes of the engine beside the trainer. */
  readonly #held = new Set<{ release(): void }>();
  #released = false;

  constructor(
    readonly trainer: Trainer,
    readonly dataset: Data,
    readonly options: RunOptions,
    readonly batchSize: number,
    readonly epochs: number,
  ) {
    trainer.awaited = "await the run of fit, or iterate over it";
  }

  get program(): Program {
    if (!this.#full)
      throw new Error("fit: the step is compiled when the first epoch begins; iterate over the run first");
    return this.#full.program;
  }

  // biome-ignore lint/suspicious/noThenProperty: to be awaited is what it is for
  then<A = readonly Epoch[], B = never>(
    onFulfilled?: ((history: readonly Epoch[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#whole ??= this.#toTheEnd().finally(() => {
      this.#whole = undefined;
    });
    return this.#whole.then(onFulfilled, onRejected);
  }

  async #toTheEnd(): Promise<readonly Epoch[]> {
    for await (const _ of this);
    return this.history;
  }

  get #isDone(): boolean {
    return this.stoppedBy !== undefined || this.history.length >= this.epochs;
  }

  /** @throws Error where a run cannot go on from where it is */
  #begin(): void {
    this.#checkHeld();
    if (this.#going) {
      throw new Error(
        "fit: somebody iterates over this run already, or awaits it, and it has one position; wait until that has ended, or call fit(…) for another run",
      );
    }
    if (this.#unfinished !== undefined) {
      throw new Error(
        `fit: epoch ${this.#unfinished} broke off half-way, and what the rest of it would have given is lost; go on from a checkpoint (the option resume), or begin anew with fit(…)`,
        { cause: this.#failure },
      );
    }
    this.#going = true;
    this.trainer.awaited = undefined;
  }

  #checkHeld(): void {
    if (this.#released) throw new Error("fit: the run was released; begin anew with fit(…)");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Epoch> {
    if (this.#isDone) return;
    this.#begin();
    const { callbacks, signal } = this.options;
    const told: Callback[] = [];
    let failed = false;
    try {
      signal?.throwIfAborted();
      // Loaded before there is anything to lose, as the package may be replaced meanwhile: what saves weights, and puts them back.
      await Promise.all([prepareWriting(), callbacks.length > 0 && import("./weights.ts")]);
      await this.#resume();
      const parts = await this.#open();
      this.options.onCompiled?.(this.program);
      for (const callback of callbacks) {
        told.push(callback);
        await callback.onStart?.(this);
      }
      while (!this.#isDone) {
        signal?.throwIfAborted();
        this.#checkHeld();
        const epoch = await this.#nextEpoch(parts);
        for (const callback of callbacks) {
          if ((await callback.onEpoch?.(epoch, this)) === "stop")
            this.stoppedBy ??= callback.name || "callback";
        }
        yield epoch;
      }
    } catch (error) {
      failed = true;
      if (this.#unfinished !== undefined) this.#failure = error;
      await this.#tell(told, error);
      throw error;
    } finally {
      try {
        if (!failed) for (const callback of callbacks) await callback.onEnd?.(this);
      } finally {
        this.#letGo();
        this.#going = false;
      }
    }
  }

  /** What goes wrong in telling of an error must not hide it. */
  async #tell(callbacks: readonly Callback[], error: unknown): Promise<void> {
    for (const callback of callbacks) {
      try {
        await callback.onError?.(error, this);
      } catch {}
    }
  }

  #letGo(): void {
    for (const one of this.#held) one.release();
    this.#held.clear();
  }

  /** Puts the data on the engine, and compiles what the epochs need. */
  async #open(): Promise<Parts> {
    const { trainer, dataset, options, batchSize } = this;
    const { validation, validationBatchSize, loss, metrics, confusion, dataMemory } = options;
    const hold = <T extends { release(): void }>(one: T): T => {
      // Released while it was made: nobody else would free it.
      if (this.#released) one.release();
      else this.#held.add(one);
      return one;
    };
    const source = hold(await openData(trainer.engine, dataset, { batchSize, dataMemory }));
    const steps = await this.#compile(source);
    for (const step of steps.values()) hold(step);
    const evaluating = { loss, batchSize: validationBatchSize, metrics, confusion, dataMemory };
    const evaluator = validation && hold(await Evaluator.compile("fit", trainer, validation, evaluating));
    const weights = hold(await FiniteWeights.open(trainer));
    return { source, steps, evaluator, weights, pace: new Pace(MAX_STEPS_PER_RUN) };
  }

  /** Trains an epoch and evaluates it. */
  async #nextEpoch(parts: Parts): Promise<Epoch> {
    const { trainer, history } = this;
    const epoch = history.length + 1;
    const { steps } = trainer;
    this.#unfinished = epoch;
    const started = performance.now();
    try {
      const totals = await this.#train(epoch, parts);
      const trained = performance.now();
      const evaluation = await parts.evaluator?.run();
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
      history.push(told);
      this.#unfinished = undefined;
      return told;
    } catch (error) {
      // Nothing was trained: it can begin again.
      if (trainer.steps === steps) this.#unfinished = undefined;
      throw error;
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
    const { loss, clip, penalty, accumulate: parts = 1, augment } = this.options;
    const { classes } = this.dataset;
    const steps = await compileSteps(source, this.#samplesPerEpoch, this.batchSize, (size) => {
      // A last batch that does not fall into equal parts is taken whole.
      const accumulate = size % parts === 0 ? parts : 1;
      const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
        const batch = source.batch(size / accumulate, (part * size) / accumulate);
        const { x, y } = augment ? augment.apply(batch) : batch;
        const outputs = model(x);
        checkOutputs("fit", this.dataset, outputs);
        const minimize = loss.apply(outputs, y);
        if (!classes) return { minimize };
        return { minimize, correct: correctCount(outputs, batch.y, 0, loss.ignoreIndex) };
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

  async #train(epoch: number, { source, steps, weights, pace }: Parts): Promise<Totals> {
    const { options, trainer, dataset, batchSize } = this;
    const { schedule = constantRate(), shuffle = true, onProgress, signal } = options;
    const samplesPerEpoch = this.#samplesPerEpoch;
    const stepsPerEpoch = Math.ceil(samplesPerEpoch / batchSize);
    const totals = new Totals(dataset.classes !== undefined);
    const { monitor = "loss", mode } = schedule;
    const history = this.history.map((before) =>
      numberOf(`fit: the schedule ${schedule.name}`, before, monitor),
    );
    const learningRate = (optimizer: Optimizer, step: number) =>
      optimizer.learningRate *
      schedule.factor({ step, total: stepsPerEpoch * this.epochs, stepsPerEpoch, history, mode });
    const inFlight: Promise<void>[] = [];
    let stepsBefore = (epoch - 1) * stepsPerEpoch;
    try {
      for await (const part of source.read({ epoch, seed: trainer.seed, shuffle })) {
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
            signal?.throwIfAborted();
          }
        }
      }
      // Asked for behind the last step, so that its answer comes with that of the step.
      const finite = weights.areFinite();
      inFlight.push(finite.then(() => {}));
      await Promise.all(inFlight);
      totals.check(epoch);
      if (!(await finite)) throw await weights.divergence(epoch);
      return totals;
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(inFlight);
    }
  }

  async checkpoint(options?: SaveOptions): Promise<Uint8Array> {
    this.trainer.checkAwaited("checkpoint");
    if (this.#unfinished !== undefined) {
      throw new Error(
        `checkpoint: the run is in the middle of epoch ${this.#unfinished}, and can only go on from where one ends; ask between epochs: in the loop, or in a callback's onEpoch`,
      );
    }
    const { encodeCheckpoint } = await import("./checkpoint.ts");
    return encodeCheckpoint(this, options);
  }

  async toSafetensors(options?: SaveOptions): Promise<Uint8Array> {
    this.trainer.checkAwaited("save");
    const { trainer } = this;
    return encodeWeights(await trainer.weights(options), trainer.schema);
  }

  async save(path: string, options?: SaveOptions): Promise<void> {
    await writeFileWhole(path, await this.toSafetensors(options));
  }

  release(): void {
    this.#released = true;
    this.#letGo();
    this.trainer.release();
  }

  /** The same, for `using` and `await using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  toString(): string {
    return describe(this.program);
  }
}

/** What the epochs of a run are made with. */
interface Parts {
  readonly source: BatchSource;
  /** By the size of their batches. */
  readonly steps: ReadonlyMap<number, CompiledStep>;
  readonly evaluator: Evaluator | undefined;
  readonly weights: FiniteWeights;
  readonly pace: Pace;
}
