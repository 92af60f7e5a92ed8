/** The epochs of a run of `fit` on an open session, and its position between any two submits. Loaded when training begins. */
import type { Epoch, RunOptions } from "./fit.ts";
import { numberOf } from "./monitor.ts";
import { meansOf, NOTHING, type Sums } from "./totals.ts";
import type { Training } from "./training.ts";

/** Where a run is, as plain data: with the trainer's state and the epochs before, all that the next steps depend on. */
export interface Position {
  readonly steps: number;
  readonly learningRate: number;
  /** Sums over the steps of the epoch under way. */
  readonly sums: Sums;
  /** Seconds spent on that epoch. */
  readonly seconds: number;
}

/** Resolves with the position behind that many steps. */
interface Waiting {
  readonly steps: number;
  resolve(position: Position): void;
  reject(reason: unknown): void;
}

export class EpochLoop {
  /** Steps whose results have come, and the sums of their epoch. */
  #counted: number;
  #sums: Sums;
  #seconds: number;
  #since = performance.now();
  readonly #waiting = new Set<Waiting>();

  /** @param from where the session begins */
  constructor(
    readonly session: Training,
    readonly history: Epoch[],
    readonly options: RunOptions,
    from?: Position,
  ) {
    this.#counted = session.place.steps;
    this.#sums = from?.sums ?? NOTHING;
    this.#seconds = from?.seconds ?? 0;
  }

  /** Seconds spent on the epoch under way. */
  get #spent(): number {
    return this.#seconds + (performance.now() - this.#since) / 1000;
  }

  /** Where the run is; undefined where a failure lost the results of steps. Meant for when no step is under way. */
  get position(): Position | undefined {
    return this.session.place.steps === this.#counted ? this.#here : undefined;
  }

  get #here(): Position {
    const { learningRate } = this.session;
    return { steps: this.#counted, learningRate, sums: this.#sums, seconds: this.#spent };
  }

  /** The position behind the steps enqueued so far, once their results have come. */
  whenCounted(): Promise<Position> {
    const { steps } = this.session.place;
    if (steps === this.#counted) return Promise.resolve(this.#here);
    return new Promise((resolve, reject) => this.#waiting.add({ steps, resolve, reject }));
  }

  /** Trains an epoch, or the rest of one, and evaluates the model. */
  async next(): Promise<Epoch> {
    this.#since = performance.now();
    try {
      return await this.#next();
    } catch (error) {
      for (const { reject } of this.#waiting) reject(error);
      this.#waiting.clear();
      throw error;
    } finally {
      this.#seconds = this.history.length * this.session.stepsPerEpoch === this.#counted ? 0 : this.#spent;
      this.#since = performance.now();
    }
  }

  async #next(): Promise<Epoch> {
    const { session, history } = this;
    const { schedule, validation } = this.options;
    const { stepsPerEpoch } = session;
    const epoch = history.length + 1;
    const { monitor = "loss", name } = schedule ?? {};
    if (schedule)
      session.history = history.map((before) => numberOf(`fit: the schedule ${name}`, before, monitor));
    const before = session.place.steps;
    // None where the run goes on behind the last step of an epoch.
    const left = epoch * stepsPerEpoch - before;
    if (left > 0)
      await session.taking(
        left,
        (totals) => this.#count(before + totals.losses.length, totals.sums, epoch),
        this.#sums,
      );
    const { samples, loss, accuracy } = this.#means();
    const seconds = this.#spent;
    const evaluating = performance.now();
    const evaluation = validation && (await session.evaluate());
    const told: Epoch = {
      epoch,
      loss,
      accuracy,
      validation: evaluation,
      seconds,
      validationSeconds: (performance.now() - evaluating) / 1000,
      samplesPerSecond: samples / seconds,
    };
    history.push(told);
    this.#sums = NOTHING;
    return told;
  }

  /** Called behind each submit, in their order. */
  #count(steps: number, sums: Sums, epoch: number): void {
    this.#counted = steps;
    this.#sums = sums;
    for (const waiting of this.#waiting) {
      if (waiting.steps !== steps) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(this.#here);
    }
    const { epochs } = this.session.parts;
    const { samplesPerEpoch } = this.session;
    this.options.onProgress?.({ epoch, epochs, samplesPerEpoch, ...this.#means() });
  }

  #means() {
    return meansOf(this.#sums, this.session.dataset.classes !== undefined);
  }
}
