/** A run of `fit`: its epochs, one after the other. */
import { describe } from "../inspect/describe.ts";
import { prepareWriting, writeFileWhole } from "../io/files.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import type { Program } from "../program.ts";
import type { Callback } from "./callback.ts";
import type { EpochLoop, Position } from "./epochLoop.ts";
import type { SaveOptions } from "./finite.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import type { TrainingParts } from "./settings.ts";

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
  /** Where the run goes on, once it has begun. */
  #position: Position | undefined;
  /** The failure that lost the results of steps. */
  #lost: { readonly cause: unknown } | undefined;
  /** The promise of the whole run, while it is awaited. */
  #whole: Promise<readonly Epoch[]> | undefined;
  /** The epochs of an iteration, on a session with memory on the engine. */
  #loop: EpochLoop | undefined;
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
    if (this.#lost) {
      throw new Error(
        `fit: epoch ${this.history.length + 1} broke off half-way, and the results of its last steps are lost; go on from a checkpoint (the option resume), or begin anew with fit(…)`,
        this.#lost,
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
      const [{ Training }, { EpochLoop }] = await Promise.all([
        import("./training.ts"),
        import("./epochLoop.ts"),
        prepareWriting(),
        import("./weights.ts"),
      ]);
      await this.#resume();
      const from = this.#position;
      const session = await Training.open(this.parts, {
        stepsTaken: from?.steps,
        learningRate: from?.learningRate,
      });
      const loop = new EpochLoop(session, this.history, this.options, from);
      this.#loop = loop;
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
        const epoch = await loop.next();
        for (const callback of callbacks) {
          if ((await callback.onEpoch?.(epoch, this)) === "stop")
            this.stoppedBy ??= callback.name || "callback";
        }
        yield epoch;
      }
    } catch (error) {
      failed = true;
      if (this.#loop && !this.#loop.position) this.#lost = { cause: error };
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

  /** Frees the session's memory, and notes where the session was: for the next iteration and for checkpoints. */
  #letGo(): void {
    if (!this.#loop) return;
    this.#position = this.#loop.position;
    this.#loop.session.release();
    this.#loop = undefined;
  }

  /** Continues after the checkpoint's epochs, if one was given and nothing was trained yet. */
  async #resume(): Promise<void> {
    const { resume } = this.options;
    if (resume === undefined || this.history.length > 0) return;
    const [{ restoreCheckpoint }, { stepsPerEpoch }, { NOTHING }] = await Promise.all([
      import("./checkpoint.ts"),
      import("./trainingSteps.ts"),
      import("./totals.ts"),
    ]);
    this.history.push(...(await restoreCheckpoint(this, resume)));
    const { learningRate } = this.trainer.optimizer as Optimizer;
    const steps = this.history.length * stepsPerEpoch(this.parts);
    this.#position = { steps, learningRate, sums: NOTHING, seconds: 0 };
  }

  async checkpoint(options?: SaveOptions): Promise<Uint8Array> {
    this.trainer.checkAwaited("checkpoint");
    const { stepsPerEpoch } = await import("./trainingSteps.ts");
    const steps = this.#loop?.session.place.steps ?? this.#position?.steps ?? 0;
    const epoch = this.history.length + 1;
    if (this.#lost || steps !== (epoch - 1) * stepsPerEpoch(this.parts)) {
      throw new Error(
        `checkpoint: the run is in the middle of epoch ${epoch}, and can only go on from where one ends; ask between epochs: in the loop, or in a callback's onEpoch`,
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
