/** Searches for the choices that train best: over a grid, at random, and by successive halving. */
import { checkOptions, checkWhole, type OptionKinds } from "../checks.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "../train/arguments.ts";
import { better } from "./monitor.ts";
import {
  type Candidate,
  type ScoredTrial,
  SEARCH_OPTIONS,
  type SearchOptions,
  SearchPlan,
  type Trial,
} from "./plan.ts";
import {
  type ChoicesOf,
  checkSpace,
  combinations,
  drawn,
  type GridSpace,
  type Json,
  type RandomSpace,
} from "./space.ts";
import { alignedTable } from "./table.ts";

export interface GridSearchOptions<S extends GridSpace> extends SearchOptions<ChoicesOf<S>> {
  /** Lists of values by name; every combination is a trial. */
  readonly space: S;
}

export interface RandomSearchOptions<S extends RandomSpace> extends SearchOptions<ChoicesOf<S>> {
  /** Lists of values or distributions, by name. */
  readonly space: S;
  /** Number of choices drawn. */
  readonly trials: number;
}

export interface HalvingOptions<S extends RandomSpace> extends SearchOptions<ChoicesOf<S>> {
  /** Lists of values or distributions, by name. */
  readonly space: S;
  /** Number of choices drawn for the first rung. */
  readonly configurations: number;
  /** Epochs of the first rung (default 1). */
  readonly minEpochs?: number;
  /** Epochs of the last rung. */
  readonly maxEpochs: number;
  /** Each rung keeps one in `eta` trials, and trains for `eta` times as many epochs (default 3). */
  readonly eta?: number;
}

export interface SearchResult<C> {
  /** Best first; equal trials in the order drawn; failed trials last. */
  readonly trials: readonly Trial<C>[];
  readonly best: ScoredTrial<C>;
  /** A line for each trial, best first, as aligned text. */
  table(): string;
}

export interface HalvingResult<C> extends SearchResult<C> {
  /** The trials of each rung, best first. `trials` holds the last trial of each choice. */
  readonly rungs: readonly { readonly epochs: number; readonly trials: readonly Trial<C>[] }[];
}

type OwnOptions<Options> = Omit<OptionKinds<Options>, keyof SearchOptions<unknown>>;
const GRID: OwnOptions<GridSearchOptions<GridSpace>> = { space: "any" };
const RANDOM: OwnOptions<RandomSearchOptions<RandomSpace>> = { space: "any", trials: "any" };
const HALVING: OwnOptions<HalvingOptions<RandomSpace>> = {
  space: "any",
  configurations: "any",
  minEpochs: "any",
  maxEpochs: "any",
  eta: "any",
};

/** @throws TypeError where the engine is none, or an option is unknown */
function check(name: string, engine: Engine, options: object, own: OwnOptions<object>): void {
  checkEngine(name, engine);
  checkOptions<object>(name, options, { ...SEARCH_OPTIONS, ...own });
}

/**
 * Trains every combination of the space's values.
 *
 * A choice named like an option of `fit` sets that option; all choices are passed to `model` and `options`. A trial
 * depends on its choices and the seed alone. A trial whose loss is not finite fails, and is recorded as failed.
 * @throws before any training: TypeError or RangeError where a name is unknown or read by nothing, a choice is no plain
 *   value, the monitor is unknown, or there is not exactly one of `validation` and `folds`; Error where a trial's model
 *   or options are refused, or the record is of another search. Afterwards: Error where all trials failed
 */
export async function gridSearch<const S extends GridSpace>(
  engine: Engine,
  options: GridSearchOptions<S>,
): Promise<SearchResult<ChoicesOf<S>>> {
  check("gridSearch", engine, options, GRID);
  const { space } = options;
  checkSpace("gridSearch", space, false);
  return searched("gridSearch", engine, options, space, combinations(space));
}

/**
 * Trains randomly drawn choices (Bergstra & Bengio 2012). Each choice is a function of the seed, the trial's number and
 * the choice's name: a longer search begins with the trials of a shorter one.
 * @throws as {@link gridSearch}: TypeError, RangeError or Error
 */
export async function randomSearch<const S extends RandomSpace>(
  engine: Engine,
  options: RandomSearchOptions<S>,
): Promise<SearchResult<ChoicesOf<S>>> {
  check("randomSearch", engine, options, RANDOM);
  const { space, trials, seed = 0 } = options;
  checkSpace("randomSearch", space, true);
  checkWhole("randomSearch: trials", trials);
  const choices = Array.from({ length: trials }, (_, i) => drawn(space, seed, i));
  return searched("randomSearch", engine, options, space, choices);
}

/**
 * Successive halving (Jamieson & Talwalkar 2016): trains many randomly drawn choices for a few epochs, then the best
 * 1/eta of them from the start for eta times as many, and so on up to `maxEpochs`.
 * @throws as {@link gridSearch}: TypeError, RangeError or Error
 */
export async function successiveHalving<const S extends RandomSpace>(
  engine: Engine,
  options: HalvingOptions<S>,
): Promise<HalvingResult<ChoicesOf<S>>> {
  const name = "successiveHalving";
  check(name, engine, options, HALVING);
  const { space, configurations, minEpochs = 1, maxEpochs, eta = 3, seed = 0 } = options;
  checkSpace(name, space, true);
  checkWhole(`${name}: configurations`, configurations);
  checkWhole(`${name}: minEpochs`, minEpochs);
  checkWhole(`${name}: maxEpochs`, maxEpochs, minEpochs);
  checkWhole(`${name}: eta`, eta, 2);
  const rungs = rungsOf(configurations, minEpochs, maxEpochs, eta);
  const choices = Array.from({ length: configurations }, (_, i) => drawn(space, seed, i));
  let candidates: Candidate[] = choices.map((one, trial) => ({ trial, choices: one }));
  const total = rungs.reduce((sum, { count }) => sum + count, 0);
  const plan = await SearchPlan.open(name, engine, options, candidates, {
    space: asJson(space),
    epochs: minEpochs,
    total,
  });
  const order = better(plan.monitor.mode);
  const done: { epochs: number; trials: Trial<ChoicesOf<S>>[] }[] = [];
  for (const { epochs, count } of rungs) {
    const trials: Trial<ChoicesOf<S>>[] = [];
    for (const candidate of candidates.slice(0, count)) trials.push(await plan.run(candidate, epochs));
    trials.sort(order);
    done.push({ epochs, trials });
    bestOf(name, trials);
    candidates = trials.flatMap(({ trial, score }) =>
      score === undefined ? [] : [{ trial, choices: choices[trial] }],
    );
  }
  const last = new Map(done.flatMap(({ trials }) => trials.map((trial) => [trial.trial, trial] as const)));
  const trials = [...last.values()].sort((a, b) => b.epochs - a.epochs || order(a, b));
  return { ...resultOf(name, trials), rungs: done };
}

/** Epochs and trials of each rung: fewer trials for more epochs, the last rung for `maxEpochs`. */
function rungsOf(configurations: number, minEpochs: number, maxEpochs: number, eta: number) {
  const rungs = [{ epochs: minEpochs, count: configurations }];
  for (let last = rungs[0]; last.epochs < maxEpochs; ) {
    last = {
      epochs: Math.min(last.epochs * eta, maxEpochs),
      count: Math.max(1, Math.floor(last.count / eta)),
    };
    rungs.push(last);
  }
  return rungs;
}

async function searched<C>(
  name: string,
  engine: Engine,
  options: SearchOptions<C>,
  space: RandomSpace,
  choices: readonly Candidate["choices"][],
): Promise<SearchResult<C>> {
  const candidates = choices.map((one, trial) => ({ trial, choices: one }));
  const plan = await SearchPlan.open(name, engine, options, candidates, {
    space: asJson(space),
    total: candidates.length,
  });
  const trials: Trial<C>[] = [];
  for (const candidate of candidates) trials.push(await plan.run(candidate));
  return resultOf(name, trials.sort(better(plan.monitor.mode)));
}

function resultOf<C>(name: string, trials: readonly Trial<C>[]): SearchResult<C> {
  return { trials, best: bestOf(name, trials), table: () => table(trials) };
}

/** @throws Error where all trials failed */
function bestOf<C>(name: string, [first]: readonly Trial<C>[]): ScoredTrial<C> {
  const { score, error } = first;
  if (score === undefined) throw new Error(`${name}: every trial failed; trial ${first.trial}: ${error}`);
  return { ...first, score };
}

function table<C>(trials: readonly Trial<C>[]): string {
  const names = Object.keys(trials[0].choices as object);
  const folded = trials.some(({ std }) => std !== undefined);
  const failed = trials.some(({ error }) => error !== undefined);
  const meanOf = (trial: Trial<C>, figure: "loss" | "accuracy") => {
    const values = trial.results.flatMap(({ validation }) => validation[figure] ?? []);
    const complete = trial.score !== undefined && values.length > 0;
    return complete ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
  };
  const header = ["trial", ...names, "epochs", "score", ...(folded ? ["std"] : []), "loss", "accuracy"];
  const rows = trials.map((trial) => [
    trial.trial,
    ...names.map((name) => (trial.choices as Record<string, Json>)[name]),
    trial.epochs,
    trial.score,
    ...(folded ? [trial.std] : []),
    meanOf(trial, "loss"),
    meanOf(trial, "accuracy"),
    ...(failed ? [trial.error ?? ""] : []),
  ]);
  return alignedTable([...header, ...(failed ? ["error"] : [])], rows);
}

/** A space as records hold it: distributions by name and range. */
function asJson(space: RandomSpace): Json {
  return JSON.parse(JSON.stringify(space));
}
