/** The implementation of sessions. This module is loaded when training begins. */
import { checkWhole, inWords } from "../checks.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import type { Program } from "../program.ts";
import { DeviceLostError } from "../runtime/engine.ts";
import { recoveryOf, rollbackOf } from "./chosen.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkEvaluated, type Evaluation } from "./evaluate.ts";
import { Lasting } from "./lasting.ts";
import type { Mender } from "./mend.ts";
import { evaluating, OnEngine } from "./onEngine.ts";
import { StepQueue } from "./queue.ts";
import { Safe, type SafeState } from "./safe.ts";
import type { Advance, Place, Session, SessionState } from "./session.ts";
import { checkHistory, checkSessionState } from "./sessionState.ts";
import type { TrainingParts } from "./settings.ts";
import { Skipped } from "./skipped.ts";
import type { BatchSource, Data } from "./source.ts";
import type { RestoreOptions } from "./state.ts";
import { type Sums, Totals } from "./totals.ts";
import { samplesPerEpoch, stepsPerEpoch } from "./trainingSteps.ts";

/** The steps of one call of `advance`. */
interface Call {
  readonly totals: Totals;
  readonly told?: (totals: Totals) => unknown;
  /** Of bunches, in order. */
  readonly runs: Promise<void>[];
  /** Number of failures that ended steps before the call. */
  readonly failures: number;
  failed?: boolean;
}

interface Opening {
  /** Number of the first epoch (default 1). */
  readonly firstEpoch?: number;
  /** Steps that were taken before (default 0). */
  readonly stepsTaken?: number;
  /** The learning rate (default: the optimizer's). */
  readonly learningRate?: number;
  /** Objects released with the session. */
  readonly held?: { release(): void }[];
}

export class Training implements Session {
  #history: readonly number[] = [];
  #learningRate: number;
  /** Calls of `advance` that have not ended. */
  #calls = 0;
  /** Ends when the last of these has enqueued its steps. */
  #turn: Promise<unknown> = Promise.resolve();
  #evaluation: Promise<unknown> = Promise.resolve();
  #released = false;
  readonly #queue: StepQueue;
  readonly #lasting: Lasting;
  readonly #skipped: Skipped;

  private constructor(
    readonly parts: TrainingParts,
    on: OnEngine,
    readonly safe: Safe,
    learningRate: number,
    readonly firstEpoch: number,
    readonly held: readonly { release(): void }[],
    mender?: Mender,
  ) {
    const { trainer } = parts;
    this.#learningRate = learningRate;
    this.#skipped = new Skipped(parts);
    this.#queue = new StepQueue(parts, firstEpoch, safe.steps, on);
    this.#lasting = new Lasting(this.#queue, safe, this, mender);
    if (recoveryOf(parts.options))
      trainer.recovery = (error, engine) => this.#lasting.recovered(error, trainer.engine === engine);
  }

  /** Opens the data on the engine and compiles the steps; a failure leaves no memory there. */
  static async open(
    parts: TrainingParts,
    { firstEpoch = 1, stepsTaken = 0, learningRate, held = [] }: Opening = {},
  ): Promise<Training> {
    const { trainer, options } = parts;
    try {
      const rate = learningRate ?? (trainer.optimizer as Optimizer).learningRate;
      const isNew = trainer.steps === 0 && trainer.changes === 0;
      const trained = isNew ? undefined : await trainer.state();
      const rollback = rollbackOf(options, stepsPerEpoch(parts));
      const safe = new Safe(
        stepsTaken,
        () => ({ trainer: trained ?? trainer.initialState(), learningRate: rate, history: [] }),
        recoveryOf(options)?.every,
        rollback?.every ?? 1,
        // Going back begins before the step that went wrong, even where that is the one behind the snapshot.
        rollback ? 1 : 0,
      );
      let mender: Mender | undefined;
      const on = await OnEngine.open(parts).catch(async (error) => {
        if (!(error instanceof DeviceLostError && recoveryOf(options))) throw error;
        const { Mender } = await import("./mend.ts");
        mender = new Mender(parts, safe, firstEpoch);
        return mender.reopen(error);
      });
      return new Training(parts, on, safe, rate, firstEpoch, held, mender);
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

  get source(): BatchSource {
    return this.#queue.on.source;
  }

  get step(): CompiledStep {
    return this.#queue.on.step;
  }

  get program(): Program {
    return this.step.program;
  }

  get place(): Place {
    return this.#queue.place;
  }

  get #total(): number {
    return this.stepsPerEpoch * this.parts.epochs;
  }

  get finished(): boolean {
    return this.#queue.taken >= this.#total;
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

  /**
   * As {@link advance}; `told` is called after each submit with the totals so far, which begin with those of `from`. A
   * promise of it is awaited.
   */
  async taking(count: number, told?: (totals: Totals) => unknown, from?: Sums): Promise<Advance> {
    const { owner, dataset } = this.parts;
    checkWhole(`${owner}: advance: the number of steps`, count);
    const totals = new Totals(dataset.classes !== undefined, from);
    const call: Call = { totals, told, runs: [], failures: this.#lasting.failures.length };
    this.#calls++;
    try {
      const place = await this.#inTurn(() => this.#take(count, call));
      await inOrder(call.runs);
      return totals.advance(place);
    } catch (error) {
      // What a release does to steps under way is no news.
      this.checkHeld();
      throw error;
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(call.runs);
      this.#calls--;
    }
  }

  /** Calls enqueue their steps one after the other: while one waits for its last steps, the next enqueues. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Enqueues steps, at most `count`. @returns the place behind the last */
  async #take(count: number, call: Call): Promise<Place> {
    this.checkHeld();
    const { owner, epochs, options } = this.parts;
    const { signal } = options;
    const queue = this.#queue;
    if (this.finished) {
      throw new Error(`${owner}: all ${epochs} epochs are over; open a session with more of them`);
    }
    const end = Math.min(this.#total, queue.taken + count);
    signal?.throwIfAborted();
    for (;;) {
      const { on } = queue;
      try {
        await this.#lasting.alone(() => this.#enqueue(end, call));
      } catch (error) {
        queue.close();
        await this.#lasting.recovered(error, queue.on === on);
      }
      await queue.room();
      if (call.failed) await inOrder(call.runs);
      if (this.#lasting.failures.length > call.failures) throw this.#lasting.failures[call.failures];
      signal?.throwIfAborted();
      if (queue.taken >= end) return queue.place;
    }
  }

  /** One bunch. */
  async #enqueue(end: number, call: Call): Promise<void> {
    const queue = this.#queue;
    const { totals, runs, told } = call;
    if (this.#lasting.failures.length > call.failures || queue.taken >= end) return;
    this.checkHeld();
    if (!queue.untouched) await this.#adopt();
    if (this.safe.advance(queue.good)) queue.forget(this.safe.steps);
    this.safe.offer(queue.taken, () => this.#safeState(), queue.last);
    const began = performance.now();
    const bunch = await queue.take(Math.min(end - queue.taken, this.safe.most(queue.taken)), (step) =>
      this.#rateAt(step),
    );
    totals.hostMilliseconds += performance.now() - began;
    const counted = bunch.results.then(async (results) => {
      if (results.losses.length > 0) {
        totals.add(results, bunch);
        // Nothing waits in between: the next bunch may have come back already, and would be among the totals told of this one.
        const events = call.failed ? [] : this.#skipped.watch(bunch, results.signs, call);
        await Promise.all([...events, told?.(totals)]);
      }
      if (results.error !== undefined) throw results.error;
    });
    counted.catch(() => {
      call.failed = true;
    });
    runs.push(counted);
    await queue.endEpoch();
  }

  /** Somebody else changed the model, or trained it: earlier steps are never taken again. */
  async #adopt(): Promise<void> {
    const queue = this.#queue;
    await queue.idle();
    if (queue.trouble) return;
    this.safe.set(queue.taken, await this.#safeState());
    queue.adopt();
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
    const { owner, trainer, options } = this.parts;
    this.checkHeld();
    if (data === undefined) {
      throw new TypeError(
        `${owner}: there is nothing to evaluate; give evaluate(data), or the option validation`,
      );
    }
    if (data !== options.validation) checkEvaluated(`${owner}: evaluate`, trainer, data, evaluating(options));
    return this.#lasting.does(async (on) => (await on.evaluator(data)).run());
  }

  /** The state, but for its place. Reads are enqueued at once. */
  async #safeState(): Promise<SafeState> {
    const { history, learningRate } = this;
    return { learningRate, history: [...history], trainer: await this.trainer.state() };
  }

  async snapshot(): Promise<SessionState> {
    this.checkHeld();
    return this.#lasting.does(async () => {
      const { taken: steps } = this.#queue;
      return { steps, order: this.order, ...(await this.#safeState()) };
    });
  }

  /** The newest state that is known to be good. */
  get safeState(): SessionState {
    return { steps: this.safe.steps, order: this.order, ...this.safe.state };
  }

  restore(state: SessionState, options: RestoreOptions = {}): void {
    this.checkHeld();
    if (this.#calls > 0 || this.#lasting.mending)
      throw new Error(`${this.parts.owner}: restore: steps are being taken; await advance() first`);
    checkSessionState(state, this.order, this.#total);
    const { steps, learningRate, history, trainer } = state;
    try {
      this.trainer.restore(trainer, options);
    } catch (error) {
      // The next step finds the device lost, and goes on from the state.
      if (!(error instanceof DeviceLostError && recoveryOf(this.options))) throw error;
    }
    this.#queue.adopt();
    this.#queue.back(steps);
    this.#learningRate = learningRate;
    this.history = [...history];
    // The caller's arrays may change.
    this.safe.set(steps, structuredClone({ trainer, learningRate, history }));
  }

  /** Settings that determine the order of samples. */
  get order(): SessionState["order"] {
    const { dataset, batchSize, options, trainer } = this;
    const { shuffle = true, dropLast = false } = options;
    const order = { samples: dataset.count, batchSize, seed: trainer.seed, shuffle, dropLast };
    // A stream is shuffled within the samples in memory.
    const streamed: SessionState["order"] =
      "open" in dataset ? { batchesInMemory: this.source.batchesAtOnce } : {};
    return { ...order, firstEpoch: this.firstEpoch, ...streamed };
  }

  /** @throws Error where the session was released */
  checkHeld(): void {
    if (this.#released) throw new Error(`${this.parts.owner}: it was released; open another`);
  }

  release(): void {
    this.#released = true;
    this.trainer.recovery = undefined;
    this.#queue.close();
    this.#queue.on.release();
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
