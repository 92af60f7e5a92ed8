/** A search's plan, checked before any training, and its trials, trained or read from the record. */
import { checkSignal } from "../abort.ts";
import type { OptionKinds } from "../checks.ts";
import type { Fold } from "../data/folds.ts";
import { brief } from "../io/json.ts";
import type { Model } from "../nn/model/model.ts";
import type { Engine } from "../runtime/engine.ts";
import { DivergenceError } from "../train/divergence.ts";
import { withoutConfusion } from "../train/evaluate.ts";
import type { FitOptions } from "../train/fit.ts";
import { hashBytes } from "../train/hash.ts";
import type { Mode } from "../train/monitor.ts";
import type { Data } from "../train/source.ts";
import { originOf, type TrialOptions } from "./fitOptions.ts";
import { type Monitor, monitored } from "./monitor.ts";
import { type Fingerprint, type RecordStore, SearchRecord } from "./record.ts";
import { checkSearch, fitOptionsOf, rehearse, watched } from "./rehearsal.ts";
import { type Choices, hash, type Json } from "./space.ts";
import { meanAndDeviation } from "./table.ts";
import { foldsOf, type Split, splitsOf, type TrainedResult, trained } from "./trial.ts";

/** Options of all searches. */
export interface SearchOptions<C> {
  readonly data: Data;
  /** Data on which each trained model is evaluated; alternatively … */
  readonly validation?: Data;
  /** … the number of folds, or the folds themselves; each validates on the samples left out. */
  readonly folds?: number | readonly Fold[];
  /** Whether folds given by number keep the proportions of classes (default false). */
  readonly stratified?: boolean;
  /** Builds the model of a trial. */
  readonly model: (choices: C) => Model;
  /** Options of `fit` that depend on the choices: an optimizer with a chosen learning rate, for example. */
  readonly options?: (choices: C) => TrialOptions;
  /** Options of `fit` that all trials share. */
  readonly fit?: TrialOptions;
  /** Seed of everything random: drawn choices, folds, and each training (default 0). */
  readonly seed?: number;
  /** Number by which trials are compared (default: accuracy where the data has classes, otherwise loss). */
  readonly monitor?: Monitor;
  /** Whether a larger number is better (default: the metric's own mode; "min" for the loss). Required for a function. */
  readonly mode?: Mode;
  /**
   * Where finished trials are kept, so that an interrupted search can continue: the path of a file of JSON lines, or in
   * browsers an object that reads and appends.
   */
  readonly record?: string | RecordStore;
  /**
   * Aborts the search between two steps; the signal's reason is the error. The record keeps the trials before, and the search goes on
   * from there.
   */
  readonly signal?: AbortSignal;
  /** Called with each trial, including those read from the record. */
  readonly onTrial?: (trial: Trial<C>, progress: SearchProgress) => void;
}

export const SEARCH_OPTIONS: OptionKinds<SearchOptions<unknown>> = {
  data: "any",
  validation: "any",
  folds: "any",
  stratified: "boolean",
  model: "any",
  options: "any",
  fit: "any",
  seed: "number",
  monitor: "any",
  mode: "string",
  record: "any",
  signal: "any",
  onTrial: "function",
};

export interface SearchProgress {
  /** Number of trials so far; below, of all. */
  readonly done: number;
  readonly total: number;
  /** Whether this trial was read from the record. */
  readonly recorded: boolean;
}

/** Choices and their result. */
export interface Trial<C = Choices> {
  /** Number of the choices in the search, from 0. */
  readonly trial: number;
  /** Number of epochs planned for the trial. */
  readonly epochs: number;
  readonly choices: C;
  /** The monitored number, as a mean over folds; missing where the trial failed. */
  readonly score?: number;
  /** Standard deviation of the score over the folds, if any. */
  readonly std?: number;
  /** Results of each fold, or of the validation data; without confusion matrices. */
  readonly results: readonly TrainedResult[];
  /** Reason of the failure. */
  readonly error?: string;
}

/** A trial that succeeded. */
export type ScoredTrial<C = Choices> = Trial<C> & { readonly score: number };

export interface Candidate {
  readonly trial: number;
  readonly choices: Choices;
}

export class SearchPlan<C> {
  private constructor(
    readonly name: string,
    readonly engine: Engine,
    readonly options: SearchOptions<C>,
    readonly splits: readonly Split[],
    readonly monitor: ReturnType<typeof monitored>,
    readonly record: SearchRecord,
    readonly total: number,
  ) {}

  #done = 0;

  /**
   * Checks everything that can be checked without training: traces each candidate's model, and passes its options
   * through the checks of `fit`.
   */
  static async open<C>(
    name: string,
    engine: Engine,
    options: SearchOptions<C>,
    candidates: readonly Candidate[],
    { space, epochs, total }: { space: Json; epochs?: number; total: number },
  ): Promise<SearchPlan<C>> {
    checkSearch(name, options, epochs !== undefined);
    checkSignal(name, options.signal);
    options.signal?.throwIfAborted();
    const { data, validation, folds, stratified, seed = 0, fit: shared = {} } = options;
    const monitor = monitored(name, options, data, validation);
    const divided = folds === undefined ? undefined : foldsOf(name, data, { folds, stratified, seed });
    rehearse(name, engine, options, candidates, epochs, divided);
    const values = Object.entries(shared).filter(([key]) => originOf(key) === "value");
    const fingerprint: Fingerprint = {
      seed,
      space,
      data: identity(data),
      ...(validation ? { validation: identity(validation) } : {}),
      ...(options.record === undefined ? {} : { contents: await contentsOf([data, validation]) }),
      ...(divided ? { folds: divided.map(({ train, validation }) => [hash(train), hash(validation)]) } : {}),
      monitor: monitor.name,
      mode: monitor.mode,
      fit: JSON.parse(JSON.stringify(Object.fromEntries(values))),
    };
    const record = await SearchRecord.open(name, options.record, fingerprint);
    const splits =
      divided && !("open" in data)
        ? splitsOf(data, divided)
        : [() => ({ train: data, validation: validation as Data })];
    return new SearchPlan(name, engine, options, splits, monitor, record, total);
  }

  /** The trial of a candidate for that many epochs: from the record, or trained and recorded. */
  async run(candidate: Candidate, epochs?: number): Promise<Trial<C>> {
    this.options.signal?.throwIfAborted();
    const { epochs: planned = DEFAULT_EPOCHS } = this.#fitOptions(candidate, epochs);
    const known = this.#recorded(candidate, planned);
    // Passed through JSON, so that a new result equals one read from the record.
    const trial = known ?? JSON.parse(JSON.stringify(await this.#train(candidate, planned)));
    if (!known) await this.record.add(trial);
    this.#done++;
    this.options.onTrial?.(trial, { done: this.#done, total: this.total, recorded: known !== undefined });
    return trial;
  }

  #fitOptions({ choices }: Candidate, epochs: number | undefined): FitOptions {
    return fitOptionsOf(this.name, this.options, choices, epochs, () => {});
  }

  #recorded({ trial, choices }: Candidate, epochs: number): Trial<C> | undefined {
    const line = this.record.lines.find((one) => one.trial === trial && one.epochs === epochs);
    if (!line) return undefined;
    if (JSON.stringify(line.choices) !== JSON.stringify(choices)) {
      throw new Error(
        `${this.name}: the record's trial ${trial} has the choices ${brief(line.choices)}, this search's ${brief(choices)}; give another record`,
      );
    }
    if (!isFinished(line)) {
      throw new Error(
        `${this.name}: the record's trial ${trial} holds neither a score with its results nor an error; remove its line, and the trial is trained again`,
      );
    }
    return line as unknown as Trial<C>;
  }

  async #train(candidate: Candidate, epochs: number): Promise<Trial<Choices>> {
    const results: TrainedResult[] = [];
    const scores: number[] = [];
    const about = { ...candidate, epochs };
    try {
      for (const split of this.splits) {
        const { train, validation } = split();
        // Each fold has its own model and callbacks.
        const options = this.#fitOptions(candidate, epochs);
        const model = this.options.model(watched(this.name, candidate.choices, () => {}));
        const { train: last, evaluations } = await trained(this.engine, model, train, [validation], options);
        const score = this.monitor.score(evaluations[0]);
        if (typeof score !== "number" || !Number.isFinite(score)) {
          return { ...about, results, error: `the score (${this.monitor.name}) is ${String(score)}` };
        }
        scores.push(score);
        results.push({ train: last, validation: withoutConfusion(evaluations[0]) });
      }
    } catch (error) {
      if (this.options.signal?.aborted || !(error instanceof DivergenceError)) throw error;
      return { ...about, results, error: error.message };
    }
    const { mean: score, std } = meanAndDeviation(scores);
    return { ...about, score, ...(scores.length > 1 ? { std } : {}), results };
  }
}

/** Default number of epochs of `fit`. */
const DEFAULT_EPOCHS = 5;

/** Hashes of the data sets' contents; a stream's contents cannot be known. */
async function contentsOf(sets: readonly (Data | undefined)[]): Promise<Json> {
  const fields = sets.flatMap((set) => (set ? [set.inputs, set.targets] : []));
  return Promise.all(fields.map((field) => ("data" in field ? hashBytes(field.data) : "stream")));
}

/** Whether a line of a record holds what became of a trial. Losses beyond all numbers are null in JSON. */
function isFinished({ score, std, error, results }: Readonly<Record<string, unknown>>): boolean {
  const isFigure = (figure: unknown) => figure === null || typeof figure === "number";
  const isEvaluation = (given: unknown) => {
    const { loss, accuracy = null } = Object(given);
    return isFigure(loss) && isFigure(accuracy);
  };
  const isResult = (result: unknown) => {
    const { train, validation } = Object(result);
    return isEvaluation(train) && isEvaluation(validation);
  };
  if (!Array.isArray(results) || !results.every(isResult)) return false;
  if (std !== undefined && !Number.isFinite(std)) return false;
  return score === undefined ? typeof error === "string" : Number.isFinite(score) && results.length > 0;
}

function identity({ name, count, classes }: Data): Json {
  return { name, count, ...(classes === undefined ? {} : { classes }) };
}
