/** The implementation of sessions: data, compiled steps, and a position. This module is loaded when training begins. */
import { checkWhole, inWords } from "../checks.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import { BATCH_START, type Program } from "../program.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkEvaluated, compileEvaluator, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
import type { Evaluator } from "./evaluator.ts";
import { openData } from "./open.ts";
import { Pace } from "./pace.ts";
import { EpochReader } from "./reader.ts";
import type { Advance, Place, Session, SessionState } from "./session.ts";
import { checkHistory, checkSessionState } from "./sessionState.ts";
import type { TrainingParts } from "./settings.ts";
import type { BatchSource, Data } from "./source.ts";
import type { RestoreOptions } from "./state.ts";
import { compileTraining, samplesPerEpoch, stepsPerEpoch } from "./trainingSteps.ts";
import { FiniteWeights, type Sums, Totals } from "./watch.ts";

/** Submits in flight besides the awaited one: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;
/** Rows of the step table: the most steps in one submit. */
const MAX_STEPS_PER_RUN = 256;

interface Releasable {
  release(): void;
}

/** The steps of one call of `advance`. */
interface Taken {
  readonly totals: Totals;
  readonly told?: (totals: Totals) => void;
  readonly runs: Promise<unknown>[];
}

interface Opening {
  /** Number of the first epoch (default 1). */
  readonly firstEpoch?: number;
  /** Steps that were taken before (default 0). */
  readonly stepsTaken?: number;
  /** The learning rate (default: the optimizer's). */
  readonly learningRate?: number;
  /** Objects released with the session. */
  readonly held?: Releasable[];
}

export class Training implements Session {
  #history: readonly number[] = [];
  readonly #pace = new Pace(MAX_STEPS_PER_RUN);
  readonly #firstEpoch: number;
  #taken: number;
  #learningRate: number;
  /** Reader of the current epoch, from its first step on. */
  #reader: EpochReader | undefined;
  /** Calls of `advance` that have not ended. */
  #calls = 0;
  /** Ends when the last of these has enqueued its steps. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Runs under way, of all calls. */
  readonly #inFlight: Promise<unknown>[] = [];
  /** The last check of weights. */
  #checking: Promise<unknown> = Promise.resolve();
  #released = false;
  /** Evaluators by data; the first use compiles one, after those before. */
  readonly #evaluators = new Map<Data, Evaluator>();
  #evaluation: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly parts: TrainingParts,
    readonly source: BatchSource,
    /** By batch size. */
    readonly steps: ReadonlyMap<number, CompiledStep>,
    readonly weights: FiniteWeights,
    readonly held: Releasable[],
    { firstEpoch = 1, stepsTaken = 0, learningRate }: Opening,
  ) {
    this.#firstEpoch = firstEpoch;
    this.#taken = stepsTaken;
    this.#learningRate = learningRate ?? (parts.trainer.optimizer as Optimizer).learningRate;
  }

  /** Opens the data on the engine and compiles the steps; a failure leaves no memory there. */
  static async open(parts: TrainingParts, opening: Opening = {}): Promise<Training> {
    const { owner, trainer, dataset, options, batchSize } = parts;
    const { dataMemory, validation } = options;
    const { held = [] } = opening;
    try {
      const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
      held.push(source);
      const steps = await compileTraining(parts, source, MAX_STEPS_PER_RUN);
      held.push(...steps.values());
      const evaluator = validation && (await compileEvaluator(owner, trainer, validation, evaluating(parts)));
      if (evaluator) held.push(evaluator);
      const weights = await FiniteWeights.open(trainer);
      held.push(weights);
      const training = new Training(parts, source, steps, weights, held, opening);
      if (evaluator) training.#evaluators.set(validation, evaluator);
      return training;
    } catch (error) {
      for (const one of held) one.release();
      throw error;
    }
  }

  get trainer() {
    return this.parts.trainer;
  }

  get dataset() {
    return this.parts.dataset;
  }

  get options() {
    return this.parts.options;
  }

  get batchSize() {
    return this.parts.batchSize;
  }

  get stepsPerEpoch(): number {
    return stepsPerEpoch(this.parts);
  }

  get samplesPerEpoch(): number {
    return samplesPerEpoch(this.parts);
  }

  get step(): CompiledStep {
    return this.steps.get(this.batchSize) as CompiledStep;
  }

  get program(): Program {
    return this.step.program;
  }

  get place(): Place {
    const stepsOfEpoch = this.#taken % this.stepsPerEpoch;
    const epoch = this.#firstEpoch + (this.#taken - stepsOfEpoch) / this.stepsPerEpoch;
    return { steps: this.#taken, epoch, stepsOfEpoch };
  }

  get #total(): number {
    return this.stepsPerEpoch * this.parts.epochs;
  }

  get finished(): boolean {
    return this.#taken >= this.#total;
  }

  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(rate: number) {
    if (typeof rate !== "number" || !(rate >= 0 && rate < Number.POSITIVE_INFINITY)) {
      const Kind = typeof rate === "number" ? RangeError : TypeError;
      throw new Kind(`session: learningRate is ${inWords(rate)}; give a finite number from 0`);
    }
    this.#learningRate = rate;
  }

  get history(): readonly number[] {
    return this.#history;
  }

  set history(history: readonly number[]) {
    checkHistory("session: history", history);
    this.#history = history;
  }

  advance(steps = 1): Promise<Advance> {
    return this.taking(steps);
  }

  /** As {@link advance}; `told` is called after each submit with the totals so far, which begin with those of `from`. */
  async taking(count: number, told?: (totals: Totals) => void, from?: Sums): Promise<Advance> {
    const { owner, dataset } = this.parts;
    checkWhole(`${owner}: advance: the number of steps`, count);
    const totals = new Totals(owner, dataset.classes !== undefined, from);
    const taken: Taken = { totals, told, runs: [] };
    this.#calls++;
    try {
      const { epoch, place, finite } = await this.#inTurn(() => this.#take(count, taken));
      await inOrder(taken.runs);
      totals.check(epoch);
      if (!(await finite)) throw await this.weights.divergence(owner, epoch);
      return totals.advance(place);
    } catch (error) {
      // What a release does to steps under way is no news.
      this.#checkHeld();
      throw error;
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(taken.runs);
      this.#calls--;
    }
  }

  /** Calls enqueue their steps one after the other: while one waits for its last steps, the next enqueues. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work).catch((error) => {
      this.#close();
      throw error;
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  /**
   * Enqueues steps, at most `count`.
   * @returns the last one's epoch, the place behind it, and whether weights are finite there, where that is asked
   */
  async #take(count: number, { totals, told, runs }: Taken) {
    this.#checkHeld();
    const { trainer, stepsPerEpoch, source } = this;
    const { owner, epochs } = this.parts;
    const { signal, shuffle = true } = this.options;
    if (this.finished) {
      throw new Error(`${owner}: all ${epochs} epochs are over; open a session with more of them`);
    }
    const end = Math.min(this.#total, this.#taken + count);
    const { rows } = this.step.executable.table;
    const pace = this.#pace;
    let failed = false;
    signal?.throwIfAborted();
    for (;;) {
      const { epoch, stepsOfEpoch } = this.place;
      const reading = { epoch, seed: trainer.seed, shuffle };
      this.#reader ??= new EpochReader(source, reading, this.steps, stepsOfEpoch);
      const { size, starts } = await this.#reader.take(Math.min(pace.steps, rows, end - this.#taken));
      const [first, before] = [this.#taken, trainer.steps];
      const began = performance.now();
      const enqueued = (this.steps.get(size) as CompiledStep).runMany(starts.length, (i) => {
        totals.learningRate = this.#rateAt(first + i);
        return { [BATCH_START]: starts[i], epoch, learningRate: totals.learningRate };
      });
      totals.hostMilliseconds += performance.now() - began;
      // A refused step was not taken.
      if (trainer.steps === before) await enqueued;
      this.#taken += starts.length;
      const counted = enqueued.then(({ loss, correct }) => {
        pace.finished(starts.length);
        totals.add(loss, correct, size);
        told?.(totals);
      });
      runs.push(counted);
      this.#inFlight.push(
        counted.catch(() => {
          failed = true;
        }),
      );
      while (this.#inFlight.length > RUNS_IN_FLIGHT) await this.#inFlight.shift();
      if (failed) await inOrder(runs);
      totals.check(epoch);
      signal?.throwIfAborted();
      if (stepsOfEpoch + starts.length === stepsPerEpoch) await this.#endEpoch();
      if (this.#taken < end) continue;
      await this.#checking;
      const finite = this.#finite();
      runs.push(finite);
      return { epoch, place: this.place, finite };
    }
  }

  /** Asked for behind the last step of an epoch, so that the answer comes with that of the step. */
  #finite(): Promise<boolean> {
    const finite = this.place.stepsOfEpoch === 0 ? this.weights.areFinite() : Promise.resolve(true);
    this.#checking = finite.catch(() => {});
    return finite;
  }

  async #endEpoch(): Promise<void> {
    await this.#reader?.end();
    this.#reader = undefined;
  }

  #rateAt(step: number): number {
    const { stepsPerEpoch, history } = this;
    const { schedule } = this.options;
    if (!schedule) return this.#learningRate;
    const { mode } = schedule;
    const moment = { step, total: this.#total, stepsPerEpoch, history, mode };
    return this.#learningRate * schedule.factor(moment);
  }

  evaluate(data = this.options.validation): Promise<Evaluation> {
    // One after the other: a streamed data set has one reader at a time.
    const running = this.#evaluation.then(() => this.#evaluate(data));
    this.#evaluation = running.catch(() => {});
    return running;
  }

  async #evaluate(data: Data | undefined): Promise<Evaluation> {
    const { owner, trainer } = this.parts;
    this.#checkHeld();
    if (data === undefined) {
      throw new TypeError(
        `${owner}: there is nothing to evaluate; give evaluate(data), or the option validation`,
      );
    }
    let evaluator = this.#evaluators.get(data);
    if (!evaluator) {
      const options = evaluating(this.parts);
      checkEvaluated(`${owner}: evaluate`, trainer, data, options);
      evaluator = await compileEvaluator(owner, trainer, data, options);
      this.held.push(evaluator);
      // Released during compilation: no other code frees it.
      if (this.#released) evaluator.release();
      this.#evaluators.set(data, evaluator);
    }
    return evaluator.run();
  }

  async snapshot(): Promise<SessionState> {
    this.#checkHeld();
    const { history, learningRate } = this;
    const state = { steps: this.#taken, learningRate, history: [...history], order: this.#order() };
    return { ...state, trainer: await this.trainer.snapshot() };
  }

  restore(state: SessionState, options: RestoreOptions = {}): void {
    this.#checkHeld();
    if (this.#calls > 0)
      throw new Error(`${this.parts.owner}: restore: steps are being taken; await advance() first`);
    checkSessionState(state, this.#order(), this.#total);
    this.trainer.restore(state.trainer, options);
    this.#close();
    this.#taken = state.steps;
    this.#learningRate = state.learningRate;
    this.history = [...state.history];
  }

  /** Settings that determine the order of samples. */
  #order(): SessionState["order"] {
    const { dataset, batchSize, options, trainer, source } = this;
    const { shuffle = true, dropLast = false } = options;
    const order = { samples: dataset.count, batchSize, seed: trainer.seed, shuffle, dropLast };
    // A stream is shuffled within the samples in memory.
    const streamed: SessionState["order"] =
      "open" in dataset ? { batchesInMemory: source.batchesAtOnce } : {};
    return { ...order, firstEpoch: this.#firstEpoch, ...streamed };
  }

  #checkHeld(): void {
    if (this.#released) throw new Error(`${this.parts.owner}: it was released; open another`);
  }

  /** The next step reopens the data. */
  #close(): void {
    this.#reader?.release();
    this.#reader = undefined;
  }

  release(): void {
    this.#released = true;
    this.#close();
    for (const one of this.held) one.release();
  }

  /** The same, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** Waits for all, and fails with the first that failed, in their order: later ones may fail sooner, in consequence. */
async function inOrder(runs: readonly Promise<unknown>[]): Promise<void> {
  for (const run of runs) await run;
}

/** Options of the evaluation during training. */
function evaluating({ options }: TrainingParts): EvaluateOptions {
  const { loss, validationBatchSize: batchSize, metrics, confusion, dataMemory } = options;
  return { loss, batchSize, metrics, confusion, dataMemory };
}
