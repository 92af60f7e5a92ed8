/**
 * One case: all train the same model from the same weights on the same batches. First their losses must agree with those
 * of wgrad's CPU engine, which is its reference; then they are timed by turns.
 */
import { COMPARED_STEPS, relativeDifference, TOLERANCE } from "../../../bench/agreement.ts";
import { Entrant, type Pace } from "../../../bench/peers/entrant.ts";
import type { Host } from "../../../bench/peers/hosts/host.ts";
import type { Task } from "../../../bench/peers/task.ts";
import { spreadOf } from "../../../bench/statistics.ts";
import type { Spread } from "../../../charts/numbers.ts";
import { type Case, CONTENDERS, type ContenderName, MODELS } from "./cases.ts";

export interface Timed {
  readonly fails?: undefined;
  /** Time of a step. */
  readonly milliseconds: Spread;
  /** The largest relative difference of its losses from the CPU engine's. */
  readonly difference: number;
}

export type Entry = Timed | { readonly fails: string };

export interface CaseResult {
  readonly entries: Readonly<Partial<Record<ContenderName, Entry>>>;
  readonly comparedSteps: number;
  /** Number of measurements of each, and whether more were planned. */
  readonly turns: number;
  readonly cut: boolean;
}

interface CompareOptions {
  readonly step: Case;
  /** The CPU engine always is one more. */
  readonly contenders: readonly ContenderName[];
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

const TURNS = 5;
const PACE: Pace = { measurementMs: 200, minCount: 1 };
/** No turn begins after so long, nor does another compared step after the second: the first shows no gradient. */
const TURNS_MS = 4000;
const COMPARING_MS = 2000;
const FEWEST_COMPARED = 2;
/** A step's batch is not in the caches from the step before. */
const SAMPLES = 4096;
const SEED = 1;

/** @throws Error when the CPU engine fails, or it was stopped */
export async function compareCase(host: Host, options: CompareOptions): Promise<CaseResult> {
  const { step, contenders, note, signal, now = () => performance.now() } = options;
  const reference = enlist("cpu", note);
  const others = contenders.filter((name) => name !== "cpu").map((name) => enlist(name, note));
  const entrants = [reference, ...others];
  const each = async (act: (entrant: Entrant<ContenderName>) => Promise<void>) => {
    for (const entrant of entrants) {
      await entrant.attempt(() => act(entrant));
      signal.throwIfAborted();
    }
  };
  const differences = new Map<ContenderName, number>();
  const warm = new Set<ContenderName>();
  try {
    await each(async (entrant) => {
      await entrant.enter(host, taskOf(step));
      note(`${CONTENDERS[entrant.name].fullName}: comparing losses`);
      const began = now();
      const enough = () =>
        entrant === reference
          ? entrant.results.length >= FEWEST_COMPARED && now() - began > COMPARING_MS
          : entrant.results.length >= reference.results.length;
      for (let i = 0; i < COMPARED_STEPS && !enough(); i++) {
        if ((await entrant.show()) > PACE.measurementMs) warm.add(entrant.name);
        else warm.delete(entrant.name);
      }
      differences.set(entrant.name, agreement(entrant, reference));
    });
    await each(async (entrant) => {
      if (!warm.has(entrant.name)) await entrant.warmUp();
    });
    let turns = 0;
    const began = now();
    while (turns < TURNS && (turns === 0 || now() - began < TURNS_MS)) {
      turns++;
      note(`measuring, turn ${turns} of ${TURNS}`);
      await each((entrant) => entrant.measure());
    }
    const entries = Object.fromEntries(
      entrants.map(({ name, fails, times }): [ContenderName, Entry] => [
        name,
        fails === undefined
          ? { milliseconds: spreadOf(times), difference: differences.get(name) ?? Number.NaN }
          : { fails },
      ]),
    );
    return { entries, comparedSteps: reference.results.length, turns, cut: turns < TURNS };
  } finally {
    for (const entrant of entrants) await entrant.leave();
  }
}

function enlist(name: ContenderName, note: (line: string) => void): Entrant<ContenderName> {
  return new Entrant({
    name,
    contender: CONTENDERS[name],
    pace: PACE,
    vital: name === "cpu",
    note: (line) => note(`${CONTENDERS[name].fullName}: ${line}`),
  });
}

function taskOf({ model, batch }: Case): Task {
  const { convolutions, hidden } = MODELS[model];
  const samples = Math.max(SAMPLES, 2 * batch);
  return { kind: "step", options: { convolutions, hidden, batch, samples, seed: SEED } };
}

/** @throws Error when it computes something else than the reference, NaN included */
function agreement(entrant: Entrant<ContenderName>, reference: Entrant<ContenderName>): number {
  const losses = ({ results }: Entrant<ContenderName>) => results.map(([loss]) => loss);
  const difference = relativeDifference(losses(entrant), losses(reference));
  const allowed = CONTENDERS[entrant.name].library === "wgrad" ? TOLERANCE.engines : TOLERANCE.systems;
  if (difference <= allowed) return difference;
  throw new Error(
    `the losses differ from the CPU engine's by ${difference.toExponential(1)}, more than ${allowed}, so the contender was not timed`,
  );
}
