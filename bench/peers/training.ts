/** The training step, in wgrad and in its peers: the same model from the same weights on the same batches. */
import type { ChartSpec } from "../../charts/spec.ts";
import { COMPARED_STEPS, relativeDifference, TOLERANCE } from "../agreement.ts";
import { formatSpread, significant } from "../measure.ts";
import { layersOf, SAMPLES, type StepModel } from "../workload.ts";
import {
  type ContenderName,
  type Contest,
  hold,
  isOwn,
  type Measured,
  type Results,
  referenceOf,
} from "./contest.ts";
import type { Host } from "./hosts/host.ts";
import { adapterWords, contestChart, contestLines, entryObject } from "./report.ts";

interface PeersOptions extends StepModel {
  readonly contenders: readonly ContenderName[];
  readonly batch: number;
  readonly seed: number;
  /** Steps of a measurement (default: about a second's worth). */
  readonly steps?: number;
  readonly repetitions: number;
}

export interface PeersResult extends Contest {
  readonly layers: readonly (number | string)[];
  readonly batch: number;
  readonly repetitions: number;
  readonly comparedSteps: number;
  /** The largest relative difference from the losses of wgrad, the first of its own. */
  readonly lossDifference: number;
}

/** @throws Error when losses do not agree with wgrad's: then nothing is timed */
export async function measurePeers(
  host: Host,
  options: PeersOptions,
  note: (line: string) => void = () => {},
  onTurn: (soFar: PeersResult) => void = () => {},
): Promise<PeersResult> {
  const { contenders, convolutions, hidden, batch, seed, steps, repetitions } = options;
  const samples = samplesFor(batch);
  const task = { kind: "step", options: { convolutions, hidden, batch, samples, seed } } as const;
  let lossDifference = 0;
  const check = (results: Results) => {
    lossDifference = agreement(results);
    note(`losses of ${COMPARED_STEPS} steps agree to ${lossDifference.toExponential(1)}`);
  };
  const resultOf = (contest: Contest): PeersResult => ({
    ...contest,
    layers: layersOf(options),
    batch,
    repetitions: contest.turns,
    comparedSteps: COMPARED_STEPS,
    lossDifference,
  });
  const held = { contenders, task, checked: COMPARED_STEPS, count: steps, repetitions };
  return resultOf(await hold(host, held, check, note, (soFar) => onTurn(resultOf(soFar))));
}

/** At least two batches: no step meets the batch of the step before. */
function samplesFor(batch: number): number {
  return Math.max(SAMPLES, 2 * batch);
}

/**
 * The largest relative difference of any losses from those of the reference, the first of wgrad's own.
 * @throws Error naming who disagrees, NaN included
 */
export function agreement(results: Results): number {
  const losses = (name: ContenderName) => (results.get(name) ?? []).map(([loss]) => loss);
  const reference = referenceOf([...results.keys()]);
  const expected = losses(reference);
  const differences = [...results.keys()].map((name) => {
    const difference = relativeDifference(losses(name), expected);
    const allowed = isOwn(name) ? TOLERANCE.engines : TOLERANCE.systems;
    if (!(difference <= allowed)) {
      throw new Error(
        `${name} and ${reference} disagree by ${difference} in the losses of the first ${expected.length} steps, more than ${allowed}; nothing was timed. ` +
          `${name}: ${losses(name).join(" ")}; ${reference}: ${expected.join(" ")}`,
      );
    }
    return difference;
  });
  return Math.max(...differences);
}

/** The result for people. */
export function peersLines(result: PeersResult): string[] {
  const { layers, batch, entries, repetitions } = result;
  const perSecond = ({ milliseconds }: Measured) => Math.round((batch / milliseconds.median) * 1000);
  return [
    `One training step of ${layers.join("-")}, batch ${batch}, in ${result.host}${adapterWords(result)}`,
    "The same for all: weights to begin with, batches and their order (another for each step), softmax cross-entropy, Adam.",
    `Losses of the first ${result.comparedSteps} steps agree with wgrad's to ${result.lossDifference.toExponential(1)} relative`,
    "",
    ...contestLines(entries, [
      ["ms a step", ({ milliseconds }) => formatSpread(milliseconds)],
      ["samples/s", (entry) => perSecond(entry).toLocaleString("en-US")],
      ["host µs a step", hostTime],
      ["steps", ({ count }) => `${count}`],
    ]),
    `Medians, and from the lowest to the highest, of ${repetitions} measurements by turns. In pairs: the median of the ratios of each turn.`,
    "A measurement ends when the last loss is read. Host: in the calls that enqueue; wasm does all of its work in them.",
    "The peers' batches lie ready on the device, each in memory of its own; wgrad gathers its own from bytes, as fit does.",
  ];
}

function hostTime({ hostMilliseconds }: Measured): string {
  return hostMilliseconds ? significant(hostMilliseconds.median * 1000) : "all of it";
}

/** The result for programs. */
export function peersObject(result: PeersResult) {
  return { benchmark: "peers", ...result, entries: result.entries.map(entryObject) };
}

export function peersChart({ layers, batch, host, entries }: PeersResult): ChartSpec {
  return contestChart(entries, {
    title: `One training step of ${layers.join("-")}, batch ${batch}, in ${host}`,
    axis: { name: "time a step", unit: "ms" },
    value: ({ milliseconds }) => milliseconds,
  });
}
