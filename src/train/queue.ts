/** The steps of a session in their order: read, enqueued in bunches, and remembered until a later state is safe. */
import { BATCH_START } from "../program.ts";
import { DeviceLostError } from "../runtime/engine.ts";
import { Bunch } from "./bunch.ts";
import type { CompiledStep } from "./compiledStep.ts";
import type { OnEngine } from "./onEngine.ts";
import { Pace } from "./pace.ts";
import { EpochReader } from "./reader.ts";
import type { Place } from "./session.ts";
import type { TrainingParts } from "./settings.ts";
import type { Batches } from "./source.ts";
import { stepsPerEpoch } from "./trainingSteps.ts";

/** Submits in flight besides the awaited one: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;

/** What cannot go on by itself. */
export interface Trouble {
  /** The engine's device is gone. */
  readonly lost?: DeviceLostError;
  /** The first step in which numbers went wrong, from 0. */
  readonly step?: number;
}

export class StepQueue {
  /** Bunches since the safe state, in order. */
  journal: Bunch[] = [];
  /** Called where there is trouble. */
  tell: () => void = () => {};
  #trouble: Trouble | undefined;
  #reader: EpochReader | undefined;
  /** Runs under way. They never reject. */
  readonly #runs = new Set<Promise<void>>();
  readonly #pace: Pace;
  /** What the trainer was at after the last enqueued step. */
  #trainerSteps: number;
  #changes: number;

  constructor(
    readonly parts: TrainingParts,
    readonly firstEpoch: number,
    /** Number of steps enqueued so far. */
    public taken: number,
    public on: OnEngine,
  ) {
    this.#pace = new Pace(on.step.executable.table.rows);
    this.#trainerSteps = parts.trainer.steps;
    this.#changes = parts.trainer.changes;
  }

  get place(): Place {
    return placeAfter(this.parts, this.firstEpoch, this.taken);
  }

  /** Number of steps so far whose numbers are known to be right. */
  get good(): number {
    return this.journal.find(({ settled }) => !settled)?.first ?? this.taken;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  set trouble(trouble: Trouble | undefined) {
    const { step = Number.POSITIVE_INFINITY } = this.#trouble ?? {};
    // Of several steps, the first; and a lost device before all: then nothing can be done about numbers.
    if (trouble && this.#trouble?.lost) return;
    if (trouble?.step !== undefined && trouble.step >= step) return;
    this.#trouble = trouble;
    if (trouble) this.tell();
  }

  /** Whether nobody else changed the model since the last step. */
  get untouched(): boolean {
    const { steps, changes } = this.parts.trainer;
    return steps === this.#trainerSteps && changes === this.#changes;
  }

  /** The model as it is now is what the next step goes on from; earlier steps are never taken again. */
  adopt(): void {
    this.journal = [];
    this.note();
  }

  note(): void {
    this.#trainerSteps = this.parts.trainer.steps;
    this.#changes = this.parts.trainer.changes;
  }

  /** Enqueues the next steps, at most `most` and all of one batch size. */
  async take(most: number, rateAt: (step: number) => number): Promise<Bunch> {
    const { size, starts } = await this.#read(Math.min(most, this.#pace.steps));
    const { epoch } = this.place;
    const rates = starts.map((_, i) => rateAt(this.taken + i));
    const bunch = new Bunch(this.taken, size, epoch, rates);
    const refused = this.#enqueue(bunch, starts);
    if (refused) await refused;
    this.journal.push(bunch);
    return bunch;
  }

  /** Called behind a bunch: reads an epoch to its end. */
  async endEpoch(): Promise<void> {
    if (this.place.stepsOfEpoch !== 0) return;
    await this.#reader?.end();
    this.#reader = undefined;
  }

  /** Waits until another run can be enqueued. */
  async room(): Promise<void> {
    while (this.#runs.size > RUNS_IN_FLIGHT) await this.#runs.values().next().value;
  }

  /** Resolves with the last run that is under way. */
  get last(): Promise<unknown> {
    return [...this.#runs].at(-1) ?? Promise.resolve();
  }

  /** Waits until no run is under way. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await this.#runs.values().next().value;
  }

  /** Forgets the bunches before a state that is safe now. */
  forget(steps: number): void {
    this.journal = this.journal.filter(({ first }) => first >= steps);
  }

  /** The batch of the next step, read and not taken. The step after reads it again. */
  async peek(): Promise<{ size: number; start: number; epoch: number }> {
    const { size, starts } = await this.#read(1);
    this.close();
    return { size, start: starts[0], epoch: this.place.epoch };
  }

  /** Goes on on another engine. What was wrong with the one before is over. */
  use(on: OnEngine): void {
    this.on.release();
    this.on = on;
    this.#trouble = undefined;
  }

  /** Goes back to before the journal, once the model is put back. */
  back(steps: number): void {
    this.close();
    this.taken = steps;
    for (const bunch of this.journal) bunch.again();
    this.note();
  }

  /** Takes the steps of the journal again, up to `end`; ends early where there is trouble. */
  async repeat(end = Number.POSITIVE_INFINITY): Promise<void> {
    for (const bunch of this.journal) {
      const stop = Math.min(end, bunch.end);
      while (this.taken < stop && !this.trouble) {
        const { starts } = await this.#read(stop - this.taken);
        const refused = this.#enqueue(bunch, starts);
        if (refused) await refused;
        await this.endEpoch();
        await this.room();
      }
    }
  }

  /** Ends all bunches that are open with the error. Their steps before `end`, if any, count. */
  fail(error: unknown, end = 0): void {
    for (const bunch of this.journal) bunch.settle(error, Math.min(Math.max(end, bunch.first), bunch.end));
  }

  /** What came back of steps before that one stays reported, though they are taken again. */
  keep(step: number): void {
    for (const bunch of this.journal) bunch.keep(step);
  }

  /** Changes the rates of recorded steps from `first` on. */
  scaleRates(first: number, factor: number): void {
    for (const bunch of this.journal)
      bunch.rates = bunch.rates.map((rate, i) => (bunch.first + i < first ? rate : rate * factor));
  }

  /** The bunch of a recorded step. */
  bunchOf(step: number): Bunch {
    return this.journal.find(({ first, end }) => first <= step && step < end) as Bunch;
  }

  async #read(most: number): Promise<Batches> {
    const { trainer, options } = this.parts;
    const { source, steps, step } = this.on;
    const { epoch, stepsOfEpoch } = this.place;
    const { shuffle = true, signal } = options;
    const reading = { epoch, seed: trainer.seed, shuffle, signal };
    this.#reader ??= new EpochReader(source, reading, steps, stepsOfEpoch);
    return this.#reader.take(Math.min(most, step.executable.table.rows));
  }

  /** @returns the failure, where the steps are refused and were not taken */
  #enqueue(bunch: Bunch, starts: readonly number[]): Promise<unknown> | undefined {
    const { trainer } = this.parts;
    const { on } = this;
    const before = trainer.steps;
    const at = this.taken - bunch.first;
    const { epoch, rates, size } = bunch;
    const outputs = (on.steps.get(size) as CompiledStep).runMany(starts.length, (i) => ({
      [BATCH_START]: starts[i],
      epoch,
      learningRate: rates[at + i],
    }));
    if (trainer.steps === before) return outputs;
    this.taken += starts.length;
    this.note();
    const run = outputs.then(
      (came) => {
        this.#pace.finished(starts.length);
        // Steps behind those that went wrong are undone, although their own numbers may be right.
        if (this.#trouble) return;
        const step = bunch.came(came);
        if (step !== undefined) this.trouble = { step };
      },
      (error) => {
        if (error instanceof DeviceLostError) this.trouble = { lost: error };
        else bunch.settle(error);
      },
    );
    const ended: Promise<void> = run.finally(() => this.#runs.delete(ended));
    this.#runs.add(ended);
    return undefined;
  }

  /** The next step reopens the data. */
  close(): void {
    this.#reader?.release();
    this.#reader = undefined;
  }
}

/** The place behind that many steps. */
export function placeAfter(parts: TrainingParts, firstEpoch: number, steps: number): Place {
  const perEpoch = stepsPerEpoch(parts);
  const stepsOfEpoch = steps % perEpoch;
  return { steps, epoch: firstEpoch + (steps - stepsOfEpoch) / perEpoch, stepsOfEpoch };
}
