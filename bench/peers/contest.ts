/** Candidates in a contest: each shows first that it computes the right thing, then they take turns. */
import { machine, median, type Spread, spreadOf } from "../measure.ts";
import type { Backend } from "./candidate.ts";
import { type Contender, Entrant, type Pace } from "./entrant.ts";
import type { Host } from "./hosts/host.ts";
import others from "./others/package.json" with { type: "json" };
import type { Task } from "./task.ts";

export const CONTENDERS = {
  wgrad: { library: "wgrad", backend: "webgpu" },
  "tfjs-webgpu": { library: "tensorflow", backend: "webgpu" },
  "tfjs-wasm": { library: "tensorflow", backend: "wasm" },
  "jax-webgpu": { library: "jax", backend: "webgpu" },
  "jax-wasm": { library: "jax", backend: "wasm" },
} as const satisfies Record<string, Contender>;

/** wgrad, to which all others are compared, and a peer's library with its backend. */
export type ContenderName = keyof typeof CONTENDERS;

/** "TensorFlow.js 4.22.0" */
export function libraryName(name: ContenderName): string {
  switch (CONTENDERS[name].library) {
    case "wgrad":
      return `wgrad ${machine().wgrad}`;
    case "tensorflow":
      return `TensorFlow.js ${others.dependencies["@tensorflow/tfjs-core"]}`;
    case "jax":
      return `jax-js ${others.dependencies["@jax-js/jax"]}`;
  }
}

interface ContestOptions {
  readonly contenders: readonly ContenderName[];
  readonly task: Task;
  /** Number of first runs of each contender, for the check. */
  readonly checked: number;
  /** Runs in one measurement (default: as many as take about a second, and at least two). */
  readonly count?: number;
  readonly repetitions: number;
}

/** A contender's measurements. */
export interface Measured {
  readonly name: ContenderName;
  readonly fails?: undefined;
  /** Runs in a measurement. */
  readonly count: number;
  /** Time of one run. */
  readonly milliseconds: Spread;
  readonly hostMilliseconds?: Spread;
  /** Time relative to wgrad's: the ratio of the medians, and the median of each turn's ratio. */
  readonly ratio: number;
  readonly pairedRatio: number;
}

interface Failed {
  readonly name: ContenderName;
  /** Why. */
  readonly fails: string;
}

export type Entry = Measured | Failed;

export interface Contest {
  readonly host: string;
  readonly adapter: string;
  readonly entries: readonly Entry[];
  /** Number of measurements of each; fewer than asked for while it goes on. */
  readonly turns: number;
}

/** Results of the first runs of each contender that did not fail: a list for each run. */
export type Results = ReadonlyMap<ContenderName, readonly (readonly number[])[]>;

/** @param check throws when the results are wrong: then nothing is measured */
export async function hold(
  host: Host,
  options: ContestOptions,
  check: (results: Results) => void,
  note: (line: string) => void,
  onTurn: (soFar: Contest) => void = () => {},
): Promise<Contest> {
  const entrants = options.contenders.map(
    (name) =>
      new Entrant({
        name,
        contender: CONTENDERS[name],
        pace: PACE,
        vital: name === "wgrad",
        note: (line) => note(`${name}: ${line}`),
      }),
  );
  const each = async (act: (entrant: Entrant<ContenderName>) => Promise<void>) => {
    for (const entrant of entrants) await entrant.attempt(() => act(entrant));
  };
  let turns = 0;
  const soFar = (): Contest => ({
    host: host.name,
    adapter: commonAdapter(entrants),
    entries: entriesOf(entrants),
    turns,
  });
  try {
    await each(async (entrant) => {
      await entrant.enter(host, options.task);
      for (let i = 0; i < options.checked; i++) await entrant.show();
    });
    check(new Map(entrants.filter(({ fails }) => !fails).map(({ name, results }) => [name, results])));
    note("all compute the same; warming up");
    await each((entrant) => entrant.warmUp(options.count));
    for (let repetition = 1; repetition <= options.repetitions; repetition++) {
      await each((entrant) => entrant.measure());
      turns = repetition;
      note(`measured ${repetition} of ${options.repetitions}`);
      onTurn(soFar());
    }
    return soFar();
  } finally {
    for (const entrant of entrants) await entrant.leave();
  }
}

/** One after the other is what is measured: no single time, however long it takes. */
const PACE: Pace = { measurementMs: 1000, minCount: 2 };

/** @throws Error when they are several: then there is nothing to compare */
function commonAdapter(entrants: readonly Entrant<ContenderName>[]): string {
  const adapters = new Set(entrants.flatMap(({ adapter }) => adapter ?? []));
  if (adapters.size > 1)
    throw new Error(
      `the candidates got different adapters: ${[...adapters].join(", ")}; nothing can be compared`,
    );
  const [adapter = "none"] = adapters;
  return adapter;
}

function entriesOf(entrants: readonly Entrant<ContenderName>[]): Entry[] {
  const reference = entrants.find(({ name }) => name === "wgrad")?.times ?? [];
  return entrants.map(({ name, fails, count, times, hostTimes }) => {
    if (fails !== undefined) return { name, fails };
    return {
      name,
      count,
      milliseconds: spreadOf(times),
      hostMilliseconds: hostTimes.length > 0 ? spreadOf(hostTimes) : undefined,
      ...ratios(times, reference),
    };
  });
}

/**
 * The times `times` relative to the times `reference`: the ratio of the medians, and the median of the ratios
 * of each turn, which a machine's moods disturb less.
 */
export function ratios(
  times: readonly number[],
  reference: readonly number[],
): { ratio: number; pairedRatio: number } {
  if (times.length !== reference.length) {
    throw new RangeError(`ratios: ${times.length} repetitions against ${reference.length}; expected as many`);
  }
  return {
    ratio: median(times) / median(reference),
    pairedRatio: median(times.map((time, i) => time / reference[i])),
  };
}

/** The fastest peer with this backend that did not fail; undefined without one. */
export function fastestPeer(entries: readonly Entry[], backend: Backend) {
  return entries
    .flatMap((entry) => (entry.fails === undefined ? [entry] : []))
    .filter(({ name }) => name !== "wgrad" && CONTENDERS[name].backend === backend)
    .sort((a, b) => a.milliseconds.median - b.milliseconds.median)
    .at(0);
}
