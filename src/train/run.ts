/** A run of `fit`: its epochs, one after the other. */
import { describe } from "../inspect/describe.ts";
import { prepareWriting, writeFileWhole } from "../io/files.ts";
import type { Program } from "../program.ts";
import type { Callback } from "./callback.ts";
import type { SaveOptions } from "./finite.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import { numberOf } from "./monitor.ts";
import type { TrainingParts } from "./settings.ts";
import type { Training } from "./training.ts";

export class Run implements FitRun {
  readonly history: Epoch[] = [];
  stoppedBy: string | undefined;
  readonly trainer: TrainingParts["trainer"];
  readonly dataset: TrainingParts["dataset"];
  readonly batchSize: number;
  readonly epochs: number;
  #program: Program | undefined;
  /** Whether the run is being iterated. */
  #going = false;
  /** The epoch whose steps have begun; kept where the epoch failed. */
  #unfinished: number | undefined;
  /** The error of an unfinished epoch. */
  #failure: unknown;
  /** The promise of the whole run, while it is awaited. */
  #whole: Promise<readonly Epoch[]> | undefined;
  /** The session of an iteration, with its memory on the engine. */
  #session: Training | undefined;
  #released = false;

  constructor(
    readonly parts: TrainingParts,
    readonly options: RunOptions,
  ) {
    this.trainer = parts.trainer;
    this.dataset = parts.dataset;
    this.batchSize = parts.batchSize;
    this.epochs = parts.epochs;
    this.trainer.awaited = "await the run of fit, or iterate over it";
  }

  get program(): Program {
    if (!this.#program)
      throw new Error("fit: the step is compiled when the first epoch begins; iterate over the run first");
    return this.#program;
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

  /** @throws Error where the run cannot continue */
  #begin(): void {
    this.#checkHeld();
    if (this.#going) {
      throw new Error(
        "fit: another caller iterates over this run, or awaits the run, which has one position; wait until that caller has finished, or call fit(…) for another run",
      );
    }
    if (this.#unfinished !== undefined) {
      throw new Error(
        `fit: epoch ${this.#unfinished} broke off half-way, and the rest of the epoch is lost; go on from a checkpoint (the option resume), or begin anew with fit(…)`,
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
      const [{ Training }] = await Promise.all([
        import("./training.ts"),
        prepareWriting(),
        import("./weights.ts"),
      ]);
      await this.#resume();
      const session = await Training.open(this.parts, { epochsTaken: this.history.length });
      this.#session = session;
      // Released during opening: no other code frees it.
      if (this.#released) session.release();
      this.#program = session.program;
      this.options.onCompiled?.(this.program);
      for (const callback of callbacks) {
        told.push(callback);
        await callback.onStart?.(this);
      }
      while (!this.#isDone) {
        signal?.throwIfAborted();
        this.#checkHeld();
        const epoch = await this.#nextEpoch(session);
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

  /** An error of `onError` must not hide the original one. */
  async #tell(callbacks: readonly Callback[], error: unknown): Promise<void> {
    for (const callback of callbacks) {
      try {
        await callback.onError?.(error, this);
      } catch {}
    }
  }

  #letGo(): void {
    this.#session?.release();
    this.#session = undefined;
  }

  /** Trains an epoch and evaluates the model. */
  async #nextEpoch(session: Training): Promise<Epoch> {
    const { trainer, history, epochs } = this;
    const { schedule, validation, onProgress } = this.options;
    const epoch = history.length + 1;
    const { steps } = trainer;
    this.#unfinished = epoch;
    const started = performance.now();
    try {
      const { monitor = "loss", name } = schedule ?? {};
      if (schedule)
        session.history = history.map((before) => numberOf(`fit: the schedule ${name}`, before, monitor));
      const { stepsPerEpoch, samplesPerEpoch } = session;
      const { loss, accuracy, samples } = await session.taking(stepsPerEpoch, (totals) => {
        const { samples, loss, accuracy } = totals;
        onProgress?.({ epoch, epochs, samples, samplesPerEpoch, loss, accuracy });
      });
      const trained = performance.now();
      const evaluation = validation && (await session.evaluate());
      const seconds = (trained - started) / 1000;
      const told: Epoch = {
        epoch,
        loss,
        accuracy,
        validation: evaluation,
        seconds,
        validationSeconds: (performance.now() - trained) / 1000,
        samplesPerSecond: samples / seconds,
      };
      history.push(told);
      this.#unfinished = undefined;
      return told;
    } catch (error) {
      // Nothing was trained: the epoch can begin again.
      if (trainer.steps === steps) this.#unfinished = undefined;
      throw error;
    }
  }

  /** Continues after the checkpoint's epochs, if one was given and nothing was trained yet. */
  async #resume(): Promise<void> {
    const { resume } = this.options;
    if (resume === undefined || this.history.length > 0) return;
    const { restoreCheckpoint } = await import("./checkpoint.ts");
    this.history.push(...(await restoreCheckpoint(this, resume)));
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
    const [weights, { encodeWeights }] = await Promise.all([
      trainer.weights(options),
      import("./weights.ts"),
    ]);
    return encodeWeights(weights, trainer.schema);
  }

  async save(path: string, options?: SaveOptions): Promise<void> {
    await writeFileWhole(path, await this.toSafetensors(options));
  }

  release(): void {
    this.#released = true;
    this.#letGo();
    this.trainer.release();
  }

  /** `release`, for `using` and `await using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  toString(): string {
    return describe(this.program);
  }
}
