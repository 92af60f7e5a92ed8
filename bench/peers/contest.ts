/** Candidates in a contest: each shows first that it computes the right thing, then they take turns. */
import { machine, median, type Spread, spreadOf } from "../measure.ts";
import type { Backend } from "./candidate.ts";
import { Entrant, type Pace } from "./entrant.ts";
import type { Contender, Host } from "./hosts/host.ts";
import others from "./others/package.json" with { type: "json" };
import type { Task } from "./task.ts";

export const CONTENDERS = {
  wgrad: { library: "wgrad", backend: "webgpu" },
  "wgrad-wasm": { library: "wgrad", backend: "wasm" },
  "wgrad-wasm-1": { library: "wgrad", backend: "wasm", threads: 1 },
  "tfjs-webgpu": { library: "tensorflow", backend: "webgpu" },
  "tfjs-wasm": { library: "tensorflow", backend: "wasm" },
  "jax-webgpu": { library: "jax", backend: "webgpu" },
  "jax-wasm": { library: "jax", backend: "wasm" },
} as const satisfies Record<string, Contender>;

/** A library with its backend: wgrad's on the GPU, on all cores and on one of them, and the peers'. */
export type ContenderName = keyof typeof CONTENDERS;

/** Whether it is wgrad itself. */
export function isOwn(name: ContenderName): boolean {
  return CONTENDERS[name].library === "wgrad";
}

/** The contender to which the others are compared: the first of wgrad's own. */
export function referenceOf(names: readonly ContenderName[]): ContenderName {
  const own = names.find(isOwn);
  if (!own) throw new RangeError(`${names.join(", ")}: none of them is wgrad`);
  return own;
}

/** "webgpu", "wasm", "wasm, 1 thread" */
export function backendName(name: ContenderName): string {
  const { backend, threads }: Contender = CONTENDERS[name];
  return threads === undefined ? backend : `${backend}, ${threads} thread${threads === 1 ? "" : "s"}`;
}

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
  /** Time relative to the reference's: the ratio of the medians, and the median of each turn's ratio. */
  readonly ratio: number;
  readonly pairedRatio: number;
  /** Of a peer, where several of wgrad's own take part: the medians of each turn's ratios to them. */
  readonly pairedRatios?: Readonly<Partial<Record<ContenderName, number>>>;
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
  const vital = referenceOf(options.contenders);
  const entrants = options.contenders.map(
    (name) =>
      new Entrant({
        name,
        contender: CONTENDERS[name],
        pace: PACE,
        vital: name === vital,
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

/** Where no contender takes a GPU. */
export const NO_ADAPTER = "none";

/** @throws Error when they are several: then there is nothing to compare */
function commonAdapter(entrants: readonly Entrant<ContenderName>[]): string {
  const adapters = new Set(entrants.flatMap(({ adapter }) => adapter ?? []));
  if (adapters.size > 1)
    throw new Error(
      `the candidates got different adapters: ${[...adapters].join(", ")}; nothing can be compared`,
    );
  const [adapter = NO_ADAPTER] = adapters;
  return adapter;
}

function entriesOf(entrants: readonly Entrant<ContenderName>[]): Entry[] {
  const finished = entrants.filter(({ fails }) => fails === undefined).map(({ name }) => name);
  const reference = referenceOf(finished);
  const timesOf = (name: ContenderName) => entrants.find((entrant) => entrant.name === name)?.times ?? [];
  return entrants.map(({ name, fails, count, times, hostTimes }) => {
    if (fails !== undefined) return { name, fails };
    return {
      name,
      count,
      milliseconds: spreadOf(times),
      hostMilliseconds: hostTimes.length > 0 ? spreadOf(hostTimes) : undefined,
      ...ratios(times, timesOf(reference)),
      pairedRatios: pairedRatios(name, finished, timesOf),
    };
  });
}

/** A peer's ratios to all of wgrad's own among those that `finished`; none where there is but one. */
export function pairedRatios(
  name: ContenderName,
  finished: readonly ContenderName[],
  timesOf: (name: ContenderName) => readonly number[],
): Measured["pairedRatios"] {
  const all = finished.filter(isOwn);
  if (isOwn(name) || all.length < 2) return undefined;
  return Object.fromEntries(all.map((own) => [own, ratios(timesOf(name), timesOf(own)).pairedRatio]));
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
    .filter(({ name }) => !isOwn(name) && CONTENDERS[name].backend === backend)
    .sort((a, b) => a.milliseconds.median - b.milliseconds.median)
    .at(0);
}
