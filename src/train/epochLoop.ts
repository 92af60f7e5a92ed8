/**
 * The epochs of a run of `fit` on an open session, with its callbacks; and the run's state between any two submits. This
 * module is loaded when training begins.
 */
import type { Callback } from "./callback.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import { numberOf } from "./monitor.ts";
import type { Position, Restored, RunState, SavedState } from "./runState.ts";
import type { TrainerState } from "./state.ts";
import { meansOf, NOTHING, type Sums } from "./totals.ts";
import type { TensorData } from "./trainer.ts";
import type { Training } from "./training.ts";

/** The run, as its loop changes it. */
interface LoopedRun extends FitRun {
  readonly history: Epoch[];
  readonly options: RunOptions;
  stoppedBy?: string | undefined;
}

/** Resolves with the position behind that many steps. */
interface Waiting {
  readonly steps: number;
  resolve(position: Position): void;
  reject(reason: unknown): void;
}

export class EpochLoop {
  /** The error that lost the results of steps. */
  lost: { readonly cause: unknown } | undefined;
  /** Steps whose results have come, and the sums of their epoch. */
  #counted: number;
  #sums: Sums;
  /** Seconds spent on the epoch under way, up to a time; undefined where no epoch is under way. */
  #seconds: number;
  #since: number | undefined;
  readonly #waiting = new Set<Waiting>();
  /** Number of epochs that each callback has seen. */
  readonly #seen: Map<Callback, number>;
  #ended = false;
  /** The run's own state, while other weights are in the trainer. */
  #own: TrainerState | undefined;

  /** @param from where the run goes on, and the loop before this one */
  constructor(
    readonly run: LoopedRun,
    readonly session: Training,
    from: Position | undefined,
    before: EpochLoop | undefined,
  ) {
    this.#counted = session.place.steps;
    this.#sums = from?.sums ?? NOTHING;
    this.#seconds = from?.seconds ?? 0;
    this.#seen = before ? before.#seen : new Map();
  }

  /** Starts the callbacks; `started` gets each before it is called. */
  async start(restored: Restored | undefined, started: Callback[]): Promise<void> {
    const { run } = this;
    const states = [...(restored?.callbacks ?? [])];
    for (const callback of run.options.callbacks) {
      started.push(callback);
      const at = callback.state ? states.findIndex(({ name }) => name === callback.name) : -1;
      const [state] = at < 0 ? [] : states.splice(at, 1);
      this.#stop(callback, await callback.onStart?.(run, state));
      // A checkpoint may come between the callbacks of an epoch.
      const seen = state?.epochs ?? run.history.length;
      this.#seen.set(callback, seen);
      for (const epoch of run.history.slice(seen)) await this.#tell(callback, epoch);
    }
  }

  /** Trains an epoch, or the rest of one, evaluates the model, and tells the callbacks. */
  async next(): Promise<Epoch> {
    this.#since = performance.now();
    const epoch = await this.#next().catch((error) => {
      for (const { reject } of this.#waiting) reject(error);
      this.#waiting.clear();
      throw error;
    });
    for (const callback of this.run.options.callbacks) await this.#tell(callback, epoch);
    return epoch;
  }

  async #tell(callback: Callback, epoch: Epoch): Promise<void> {
    const told = await callback.onEpoch?.(epoch, this.run);
    this.#seen.set(callback, epoch.epoch);
    this.#stop(callback, told);
  }

  #stop({ name }: Callback, told: unknown): void {
    if (told === "stop") this.run.stoppedBy ??= name || "callback";
  }

  async #next(): Promise<Epoch> {
    const { session } = this;
    const { history, options } = this.run;
    const { schedule, validation } = options;
    const epoch = history.length + 1;
    const { monitor = "loss", name } = schedule ?? {};
    if (schedule)
      session.history = history.map((before) => numberOf(`fit: the schedule ${name}`, before, monitor));
    const before = session.place.steps;
    // None where the run goes on behind the last step of an epoch.
    const left = epoch * session.stepsPerEpoch - before;
    if (left > 0) {
      await session.taking(
        left,
        ({ losses, sums }) => this.#count(before + losses.length, sums, epoch),
        this.#sums,
      );
    }
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
    this.#seconds = 0;
    this.#since = undefined;
    return told;
  }

  /** Called behind each submit, in their order; gives what `onProgress` returns. */
  #count(steps: number, sums: Sums, epoch: number): unknown {
    this.#counted = steps;
    this.#sums = sums;
    for (const waiting of this.#waiting) {
      if (waiting.steps !== steps) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(this.#here);
    }
    const { callbacks, onProgress } = this.run.options;
    const { parts, samplesPerEpoch } = this.session;
    const progress = { epoch, epochs: parts.epochs, samplesPerEpoch, ...this.#means() };
    const tells = [
      () => onProgress?.(progress),
      ...callbacks.map((callback) => () => callback.onProgress?.(progress, this.run)),
    ];
    return Promise.all(tells.map(async (tell) => tell()));
  }

  #means() {
    return meansOf(this.#sums, this.session.dataset.classes !== undefined);
  }

  get #spent(): number {
    return this.#seconds + (this.#since === undefined ? 0 : (performance.now() - this.#since) / 1000);
  }

  get #here(): Position {
    const { learningRate } = this.session;
    return { steps: this.#counted, learningRate, sums: this.#sums, seconds: this.#spent };
  }

  /** Notes an error, behind which no step is under way. */
  note(cause: unknown): void {
    if (this.session.place.steps !== this.#counted) this.lost = { cause };
  }

  /** Ends the loop, where no step is under way. The session is released; the loop still tells where the run is. */
  end(): void {
    this.#ended = true;
    this.#seconds = this.#spent;
    this.#since = undefined;
    this.session.release();
  }

  /**
   * Where the run goes on; undefined where that is unknown.
   */
  get position(): Position | undefined {
    return this.lost ? undefined : this.#here;
  }

  /** Puts other weights into the trainer; the run's own remain in checkpoints, and return with {@link takeBack}. */
  async substitute(weights: Readonly<Record<string, TensorData>>): Promise<void> {
    const { trainer } = this.run;
    this.#own ??= await trainer.snapshot();
    await trainer.load(weights);
  }

  /** Gives the run its own weights back, before it goes on. */
  takeBack(): void {
    if (this.#own) this.run.trainer.restore(this.#own, { nonFinite: "allow" });
    this.#own = undefined;
  }

  /**
   * The run's state between two submits, of now.
   * @throws Error where a failure lost the results of steps
   */
  async state(): Promise<RunState> {
    const { session } = this;
    if (this.lost) {
      throw new Error(
        `checkpoint: epoch ${this.run.history.length + 1} broke off half-way, and the results of its last steps are lost; go on from an earlier checkpoint`,
        this.lost,
      );
    }
    // All is asked for at once, as steps may be taken meanwhile.
    const history = [...this.run.history];
    const callbacks = this.#saved();
    const { learningRate, order } = session;
    const { steps } = session.place;
    const reading = this.#ended ? this.run.trainer.snapshot() : session.snapshot();
    const [read, position] = await Promise.all([this.#own ?? reading, this.#whenCounted()]);
    // Meanwhile, training may have gone back to an earlier step, or on to a later one on another device.
    const moved = "order" in read && (read.steps !== steps || learningRate !== session.learningRate);
    if (moved) return this.state();
    return { trainer: "order" in read ? read.trainer : read, position, order, history, callbacks };
  }

  /** The position behind the steps enqueued so far, once their results have come. */
  #whenCounted(): Promise<Position> {
    const { steps } = this.session.place;
    if (steps === this.#counted) return Promise.resolve(this.#here);
    return new Promise((resolve, reject) => this.#waiting.add({ steps, resolve, reject }));
  }

  #saved(): SavedState[] {
    return this.run.options.callbacks.flatMap((callback) => {
      if (!callback.state) return [];
      const { values = null, tensors = {} } = callback.state(this.run);
      return [{ name: callback.name, epochs: this.#seen.get(callback) ?? 0, values, tensors }];
    });
  }
}
