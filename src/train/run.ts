/** A run of `fit`: its epochs, one after the other. */
import { describe } from "../inspect/describe.ts";
import { prepareWriting, writeFileWhole } from "../io/files.ts";
import type { Program } from "../program.ts";
import type { Callback } from "./callback.ts";
import type { EpochLoop } from "./epochLoop.ts";
import type { SaveOptions } from "./finite.ts";
import type { Epoch, FitRun, RunOptions } from "./fit.ts";
import type { Restored } from "./runState.ts";
import type { Place } from "./session.ts";
import type { TrainingParts } from "./settings.ts";
import type { TensorData } from "./trainer.ts";

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
  /** The promise of the whole run, while it is awaited. */
  #whole: Promise<readonly Epoch[]> | undefined;
  /** The epochs of the last iteration, and where it is or was. */
  #loop: EpochLoop | undefined;
  /** What a checkpoint holds for callbacks, until they have started. */
  #restored: Restored | undefined;
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

  get place(): Place {
    return this.#loop?.session.place ?? { steps: 0, epoch: 1, stepsOfEpoch: 0 };
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
    if (this.#loop?.lost) {
      throw new Error(
        `fit: epoch ${this.history.length + 1} broke off half-way, and the results of its last steps are lost; go on from a checkpoint (the option resume), or begin anew with fit(…)`,
        this.#loop.lost,
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
    const started: Callback[] = [];
    let loop: EpochLoop | undefined;
    let failure: { readonly cause: unknown } | undefined;
    try {
      signal?.throwIfAborted();
      // Loaded before there is anything to lose, as the package may be replaced meanwhile: what saves weights, and puts them back.
      const [{ Training }, { EpochLoop }] = await Promise.all([
        import("./training.ts"),
        import("./epochLoop.ts"),
        prepareWriting(),
        import("./weights.ts"),
      ]);
      const before = this.#loop;
      if (!before) this.#restored = await this.#resume();
      const restored = this.#restored;
      before?.takeBack();
      const from = before?.position ?? restored?.position;
      const session = await Training.open(this.parts, {
        stepsTaken: from?.steps,
        learningRate: from?.learningRate,
      });
      loop = new EpochLoop(this, session, from, before);
      if (restored) (await import("./checkpoint.ts")).checkOrder(restored, session.order);
      this.#loop = loop;
      // Released during opening: no other code frees it.
      if (this.#released) session.release();
      this.#program = session.program;
      await this.options.onCompiled?.(this.program);
      await loop.start(restored, started);
      this.#restored = undefined;
      while (!this.#isDone) {
        signal?.throwIfAborted();
        this.#checkHeld();
        yield await loop.next();
      }
    } catch (cause) {
      failure = { cause };
      loop?.note(cause);
      await this.#tell(started, cause);
      throw cause;
    } finally {
      try {
        if (!failure) for (const callback of callbacks) await callback.onEnd?.(this);
      } finally {
        loop?.end();
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

  /** Continues from the checkpoint, if one was given. */
  async #resume(): Promise<Restored | undefined> {
    const { resume } = this.options;
    if (resume === undefined) return undefined;
    const { restoreCheckpoint } = await import("./checkpoint.ts");
    const restored = await restoreCheckpoint(this.parts, resume);
    this.history.splice(0, this.history.length, ...restored.history);
    return restored;
  }

  substitute(weights: Readonly<Record<string, TensorData>>): Promise<void> {
    return this.#begun("substitute").substitute(weights);
  }

  /** @throws Error where the run has not begun */
  #begun(what: string): EpochLoop {
    if (this.#loop) return this.#loop;
    throw new Error(
      `${what}: the run has not begun; ask in onProgress, in a callback, or behind the first epoch`,
    );
  }

  async checkpoint(options?: SaveOptions): Promise<Uint8Array> {
    this.trainer.checkAwaited("checkpoint");
    // The state is that of now.
    const state = this.#begun("checkpoint").state();
    const [{ encodeCheckpoint }] = await Promise.all([import("./checkpoint.ts"), state]);
    return encodeCheckpoint(this.parts, await state, options);
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
    this.#loop?.session.release();
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
