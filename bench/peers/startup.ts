/** From the start of a process, or of a page, to the first finished training step, in wgrad and in its peers. */
import type { ChartSpec } from "../../charts/spec.ts";
import { formatSpread, spreadOf } from "../measure.ts";
import { layersOf, type StepModel } from "../workload.ts";
import {
  CONTENDERS,
  type ContenderName,
  type Contest,
  type Entry,
  NO_ADAPTER,
  pairedRatios,
  ratios,
  referenceOf,
} from "./contest.ts";
import { reasonOf } from "./entrant.ts";
import type { Host } from "./hosts/host.ts";
import { adapterWords, contestChart, contestLines, entryObject } from "./report.ts";
import { agreement } from "./training.ts";

interface StartupOptions extends StepModel {
  readonly contenders: readonly ContenderName[];
  readonly batch: number;
  readonly seed: number;
  readonly repetitions: number;
}

interface StartupResult extends Contest {
  readonly layers: readonly (number | string)[];
  readonly batch: number;
  readonly repetitions: number;
  readonly lossDifference: number;
}

/** No kernel is there compiled from the start before: drivers keep them in files. */
export const WITHOUT_SHADER_CACHES = { MESA_SHADER_CACHE_DISABLE: "true", __GL_SHADER_DISK_CACHE: "0" };

/** `host` starts a process, or a page, each time. @throws Error when the first losses do not agree */
export async function measureStartup(
  host: Host,
  options: StartupOptions,
  note: (line: string) => void = () => {},
): Promise<StartupResult> {
  const { contenders, batch, repetitions } = options;
  const times = new Map<ContenderName, number[]>(contenders.map((name) => [name, []]));
  const failures = new Map<ContenderName, string>();
  const losses = new Map<ContenderName, number[][]>();
  const reference = referenceOf(contenders);
  const adapter = await adapterOf(host, contenders);
  // The first round is not counted: it brings the files from the disk.
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    for (const name of contenders.filter((name) => !failures.has(name))) {
      try {
        const { milliseconds, loss } = await start(host, name, options);
        losses.set(name, [[loss]]);
        if (repetition > 0) times.get(name)?.push(milliseconds);
      } catch (error) {
        if (name === reference) throw error;
        failures.set(name, reasonOf(error));
        losses.delete(name);
      }
    }
    if (repetition === 0) note("losses of the first step agree; measuring");
    agreement(losses);
    if (repetition > 0) note(`measured ${repetition} of ${repetitions}`);
  }
  const timesOf = (name: ContenderName) => times.get(name) ?? [];
  const finished = contenders.filter((name) => !failures.has(name));
  const entries = contenders.map((name): Entry => {
    const fails = failures.get(name);
    if (fails !== undefined) return { name, fails };
    const own = timesOf(name);
    return {
      name,
      count: 1,
      milliseconds: spreadOf(own),
      ...ratios(own, timesOf(reference)),
      pairedRatios: pairedRatios(name, finished, timesOf),
    };
  });
  const lossDifference = agreement(losses);
  const layers = layersOf(options);
  return {
    host: host.name,
    adapter,
    entries,
    turns: repetitions,
    layers,
    batch,
    repetitions,
    lossDifference,
  };
}

async function adapterOf(host: Host, contenders: readonly ContenderName[]): Promise<string> {
  const [first] = contenders.filter((name) => CONTENDERS[name].backend === "webgpu");
  if (first === undefined) return NO_ADAPTER;
  const guest = await host.open(CONTENDERS[first]);
  try {
    return await guest.adapter();
  } finally {
    await guest.close();
  }
}

async function start(
  host: Host,
  name: ContenderName,
  { convolutions, hidden, batch, seed }: StartupOptions,
): Promise<{ milliseconds: number; loss: number }> {
  // No more data than the step needs, as the transfer is not measured.
  const samples = 2 * batch;
  const began = performance.now();
  const guest = await host.open(CONTENDERS[name]);
  try {
    await guest.prepare({ kind: "step", options: { convolutions, hidden, batch, samples, seed } });
    const { result } = await guest.run(1);
    return { milliseconds: performance.now() - began, loss: result[0] };
  } finally {
    await guest.close();
  }
}

export function startupLines(result: StartupResult): string[] {
  const { layers, batch, entries, repetitions } = result;
  return [
    `From ${beginningIn(result)} to its first training step of ${layers.join("-")}, batch ${batch}, in ${result.host}${adapterWords(result)}`,
    `Losses of that step agree with wgrad's to ${result.lossDifference.toExponential(1)} relative`,
    "",
    ...contestLines(entries, [["ms", ({ milliseconds }) => formatSpread(milliseconds)]]),
    `Medians, and from the lowest to the highest, of ${repetitions} starts by turns, after one that is not counted.`,
    "Until the first loss is read; drivers keep no compiled kernels; each library is bundled with its candidate.",
  ];
}

export function startupObject(result: StartupResult) {
  return { benchmark: "peers-startup", ...result, entries: result.entries.map(entryObject) };
}

/** A browser runs already when its page is opened. */
function beginningIn({ host }: StartupResult): string {
  return host.startsWith("Chromium") ? "the opening of a page" : "the start of a process";
}

export function startupChart(result: StartupResult): ChartSpec {
  const { layers, batch, entries } = result;
  return contestChart(entries, {
    title: `From ${beginningIn(result)} to its first training step of ${layers.join("-")}, batch ${batch}`,
    axis: { name: "time", unit: "ms" },
    value: ({ milliseconds }) => milliseconds,
  });
}
