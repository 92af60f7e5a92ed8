/** Writes the checkpoints of one run. This module is loaded when the run starts. */
import { filesOf, isSeries, pathBeside, pathOf } from "../io/series.ts";
import { type FileStorage, openStorage } from "../io/storage.ts";
import type { FitRun } from "../train/fit.ts";
import type { WrittenCheckpoint } from "./checkpoints.ts";

/** Milliseconds before the second attempt to write: shares on a network are away for moments. */
const PAUSE_MS = 1000;
/** Name of the last good state of a run whose numbers went wrong. */
const LAST_GOOD = "last-good";

export class CheckpointWriter {
  last: WrittenCheckpoint | undefined;
  /** The write under way within an epoch; never rejects. */
  #writing: Promise<void> | undefined;
  /** The error of a file that could not be written, and whether the run was told. */
  #failure: { readonly error: unknown; told: boolean } | undefined;
  #steps: number;
  #time = performance.now();
  /** Steps of the run before this start. */
  readonly #first: number;

  private constructor(
    readonly path: string,
    readonly keep: number,
    readonly storage: FileStorage,
    /** Files that count as kept, the oldest first. */
    readonly kept: string[],
    { place }: FitRun,
  ) {
    this.#steps = place.steps;
    this.#first = place.steps;
  }

  /** @throws Error where the path cannot be written */
  static async open(path: string, keep: number, run: FitRun): Promise<CheckpointWriter> {
    const storage = await openStorage();
    const { epoch, steps: step } = run.place;
    await storage.checkWritable(pathOf(path, { epoch, step }));
    // The files of other runs stay; those of a run that goes on are its own.
    const own = isSeries(path) && step > 0 ? ((await filesOf(storage, path)) ?? []) : [];
    return new CheckpointWriter(path, keep, storage, own.reverse(), run);
  }

  /** Called behind each submit: begins another checkpoint where one is due, and writes it while training goes on. */
  progress(run: FitRun, everySteps: number, everySeconds: number): void {
    this.#throwFailure();
    if (this.#writing) return;
    const steps = run.place.steps - this.#steps;
    const seconds = (performance.now() - this.#time) / 1000;
    if (steps < everySteps && seconds < everySeconds) return;
    // An error of training is told by the run itself.
    this.#writing = this.write(run)
      .catch(() => {})
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** The error of a file that could not be written. */
  get failure(): unknown {
    return this.#failure?.error;
  }

  /** @throws the error of a write within the epoch */
  async settled(): Promise<void> {
    await this.#writing;
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (!this.#failure || this.#failure.told) return;
    this.#failure.told = true;
    throw this.#failure.error;
  }

  /** @throws Error where the file cannot be written, at a second attempt either */
  async write(run: FitRun, path = this.path): Promise<void> {
    const { steps: step, epoch: next, stepsOfEpoch } = run.place;
    const epoch = stepsOfEpoch === 0 ? next - 1 : next;
    [this.#steps, this.#time] = [step, performance.now()];
    const file = pathOf(path, { epoch, step });
    const bytes = await run.checkpoint();
    try {
      await this.storage.write(file, bytes);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await this.storage.write(file, bytes).catch((error) => {
        this.#failure = { error, told: false };
        throw error;
      });
    }
    this.#failure = undefined;
    this.last = { path: file, epoch, step };
    if (path === this.path) await this.#rotate(file);
  }

  /** Removes the oldest files beyond those that are kept. */
  async #rotate(newest: string): Promise<void> {
    const { kept, keep, storage } = this;
    if (kept.includes(newest)) kept.splice(kept.indexOf(newest), 1);
    kept.push(newest);
    while (kept.length > keep) {
      // A file that cannot be removed does no harm.
      await storage.remove(kept.shift() as string).catch(() => {});
    }
  }

  /** After an error: the state is written where it is known and not written yet, and one of bad numbers in its own place. */
  async rescue(error: unknown, run: FitRun): Promise<void> {
    await this.#writing;
    const { steps } = run.place;
    const isNew = steps > this.#first && steps !== this.last?.step;
    if (!isNew || this.#failure?.error === error) return;
    const diverged = (error as Error | null)?.name === "DivergenceError";
    await this.write(run, diverged ? pathBeside(this.path, LAST_GOOD) : this.path);
  }
}
