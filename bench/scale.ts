/**
 * How a training step's time grows with its size: batch, width and depth each from 1× to 64×.
 *
 * A small step's time is overhead, and hardly grows; a large one's is arithmetic, and grows with it. Where the time is
 * twice that of the smallest step lies the knee between the two.
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { cpu, type Engine, programCost } from "wgrad";
import type { ChartSpec, LinesSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatSpread, type Spread, significant, spreadOf } from "./measure.ts";
import {
  benchmark,
  type EngineFlags,
  endOf,
  engineOptions,
  MAX_BATCH,
  type NamedModel,
  namedModel,
  note,
  type OutputFlags,
  openMeasured,
  outputOptions,
  repetitionsOption,
  seedOption,
} from "./options.ts";
import { publish, type Report } from "./report.ts";
import {
  agreement,
  Candidate,
  COMPARED_STEPS,
  layersOf,
  type Samples,
  samples,
  type Workload,
} from "./workload.ts";

interface ScaleOptions {
  /** The smallest step. */
  readonly base: Workload;
  /** Up to this multiple of it, in powers of two. */
  readonly largest: number;
  /** A series ends where one step takes longer. */
  readonly limitMs: number;
  readonly repetitions: number;
}

/** The dimension that grows. */
const DIMENSIONS = ["batch", "width", "depth"] as const;
type Dimension = (typeof DIMENSIONS)[number];

interface ScalePoint {
  readonly factor: number;
  readonly layers: readonly (number | string)[];
  readonly batch: number;
  readonly parameters: number;
  readonly dispatchesPerStep: number;
  readonly flopsPerStep: number;
  /** Steps of one measurement. */
  readonly steps: number;
  readonly milliseconds: Spread;
  /** GFLOP/s at the median time. */
  readonly gflops: number;
  /** The largest relative difference of the first losses from the CPU engine's; absent where that would take too long. */
  readonly lossDifference?: number;
}

interface ScaleSeries {
  readonly dimension: Dimension;
  readonly points: readonly ScalePoint[];
  /** The size at which a step takes twice the time of the smallest; absent where none does. */
  readonly knee?: number;
  /** Why the series ends before the largest size. */
  readonly cut?: { readonly factor: number; readonly reason: string };
}

interface ScaleResult {
  readonly adapter: string;
  readonly repetitions: number;
  readonly series: readonly ScaleSeries[];
}

/** One measurement takes about as long as this, in as many steps as fit in. */
const MEASUREMENT_MS = 150;
const MAX_STEPS = 2000;
/** Steps of more arithmetic are not repeated on the CPU engine, which does about a GFLOP a second. */
const MAX_COMPARED_FLOPS = 1e9;

interface ScaleFlags extends EngineFlags, OutputFlags {
  readonly model: NamedModel;
  readonly batch: number;
  readonly largest: number;
  readonly limit: number;
  readonly repetitions: number;
  readonly seed: number;
}

export function scaleCommand(): Command {
  const command = benchmark("scale", "time of a training step as batch, width and depth grow from 1× to 64×")
    .addOption(
      new Option("--model <widths>", "hidden widths of the smallest step, such as 96-200")
        .argParser(hiddenWidths)
        .default(hiddenWidths("32"), "32"),
    )
    .addOption(
      new Option("--batch <n>", "number of samples of the smallest step")
        .argParser(wholeNumber(1, MAX_BATCH))
        .default(8),
    )
    .addOption(
      new Option("--largest <n>", "largest multiple of the smallest step, a power of two")
        .argParser(wholeNumber(2, 1024))
        .default(64),
    )
    .addOption(
      new Option("--limit <ms>", "a series ends where one step takes longer than this")
        .argParser(wholeNumber(1, 100_000))
        .default(1000),
    )
    .addOption(repetitionsOption(5))
    .addOption(seedOption())
    .action(scale);
  for (const option of [...engineOptions(), ...outputOptions()]) command.addOption(option);
  return command;
}

function hiddenWidths(text: string): NamedModel {
  const model = namedModel(text);
  if (!model.convolutions) return model;
  throw new InvalidArgumentError("Expected mlp, or hidden widths such as 96-200: filters do not grow here.");
}

async function scale({
  model,
  batch,
  largest,
  limit,
  repetitions,
  seed,
  ...flags
}: ScaleFlags): Promise<void> {
  await using engine = await openMeasured(flags);
  const base = { ...model, batch, seed };
  const result = await measureScale(engine, cpu(), { base, largest, limitMs: limit, repetitions }, note);
  await publish(scaleReport(result, `${model.name}${endOf(engine)}`), flags);
}

/** A step of one size, ready to be timed. */
interface Sized {
  readonly candidate: Candidate;
  readonly workload: Workload;
  readonly steps: number;
  readonly lossDifference?: number;
  readonly times: number[];
}

/**
 * Measures steps of all sizes in turn.
 * @throws Error when one does not agree with the CPU engine: then there is nothing worth timing
 */
export async function measureScale(
  gpu: Engine,
  reference: Engine,
  options: ScaleOptions,
  note: (line: string) => void = () => {},
): Promise<ScaleResult> {
  const { base, largest, limitMs, repetitions } = options;
  const data = samples(base.seed);
  const sizer = new Sizer(gpu, data, reference, data, limitMs);
  const smallest = await sizer.prepare(base);
  if (typeof smallest === "string") throw new Error(`the smallest step is too large: ${smallest}`);

  const grown: { dimension: Dimension; sizes: Map<number, Sized>; cut?: ScaleSeries["cut"] }[] = [];
  for (const dimension of DIMENSIONS) {
    const sizes = new Map([[1, smallest]]);
    let cut: ScaleSeries["cut"];
    for (let factor = 2; factor <= largest && !cut; factor *= 2) {
      note(`preparing ${dimension} × ${factor}`);
      const sized = await sizer.prepare(grow(base, dimension, factor));
      if (typeof sized === "string") cut = { factor, reason: sized };
      else sizes.set(factor, sized);
    }
    grown.push({ dimension, sizes, cut });
  }
  await measureInTurn(new Set(grown.flatMap(({ sizes }) => [...sizes.values()])), repetitions, note);
  return {
    adapter: gpu.info.adapter,
    repetitions,
    series: grown.map(({ dimension, sizes, cut }) => {
      const points = [...sizes].map(([factor, sized]) => pointOf(factor, sized));
      return { dimension, points, knee: kneeOf(points), cut };
    }),
  };
}

/** A step `factor` times as large. Depth repeats each hidden layer. */
export function grow(base: Workload, dimension: Dimension, factor: number): Workload {
  if (dimension === "batch") return { ...base, batch: base.batch * factor };
  if (dimension === "width") return { ...base, hidden: base.hidden.map((width) => width * factor) };
  return { ...base, hidden: base.hidden.flatMap((width) => Array<number>(factor).fill(width)) };
}

class Sizer {
  constructor(
    readonly gpu: Engine,
    readonly data: Samples,
    readonly reference: Engine,
    readonly referenceData: Samples,
    readonly limitMs: number,
  ) {}

  /** Compiles a step, and checks it. @returns why it is too large, where it is */
  async prepare(workload: Workload): Promise<Sized | string> {
    if (workload.batch > MAX_BATCH)
      return `a batch of ${workload.batch} is more than the ${MAX_BATCH} samples`;
    const candidate = await Candidate.open(this.gpu, workload, this.data);
    const { flops } = programCost(candidate.step.program);
    const { losses } = await candidate.compared(COMPARED_STEPS);
    const lossDifference = flops > MAX_COMPARED_FLOPS ? undefined : await this.#compare(workload, losses);
    if (!losses.every((loss) => loss > 0 && Number.isFinite(loss))) {
      throw new Error(
        `${layersOf(workload).join("-")}: its losses are ${losses.join(" ")}; nothing was timed`,
      );
    }
    const { milliseconds } = await candidate.run(1);
    if (milliseconds > this.limitMs) {
      candidate.release();
      return `a step took ${significant(milliseconds)} ms, more than ${this.limitMs} ms`;
    }
    const fitting = (ms: number) => Math.max(1, Math.min(MAX_STEPS, Math.round(MEASUREMENT_MS / ms)));
    // A single step waits for its result; many in a row are faster, and warm the device up.
    const few = Math.min(32, fitting(milliseconds));
    const steps = fitting((await candidate.run(few)).milliseconds / few);
    return { candidate, workload, steps, lossDifference, times: [] };
  }

  async #compare(workload: Workload, losses: readonly number[]): Promise<number> {
    const candidate = await Candidate.open(this.reference, workload, this.referenceData);
    const expected = await candidate.compared(COMPARED_STEPS);
    candidate.release();
    return agreement(
      { adapter: `${this.gpu.info.adapter}, ${layersOf(workload).join("-")}`, losses },
      { adapter: this.reference.info.adapter, losses: expected.losses },
    ).lossDifference;
  }
}

async function measureInTurn(
  all: Iterable<Sized>,
  repetitions: number,
  note: (line: string) => void,
): Promise<void> {
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const { candidate, steps, times } of all)
      times.push((await candidate.run(steps)).milliseconds / steps);
    note(`measured ${repetition + 1} of ${repetitions}`);
  }
}

function pointOf(factor: number, { candidate, workload, steps, lossDifference, times }: Sized): ScalePoint {
  const { dispatches, flops } = programCost(candidate.step.program);
  const milliseconds = spreadOf(times);
  return {
    factor,
    layers: layersOf(workload),
    batch: workload.batch,
    parameters: candidate.parameters,
    dispatchesPerStep: dispatches,
    flopsPerStep: flops,
    steps,
    milliseconds,
    gflops: flops / milliseconds.median / 1e6,
    lossDifference,
  };
}

/**
 * The factor at which the time is twice that of the first point, between two points along a straight line of the
 * logarithms; undefined where no point takes twice as long. */
export function kneeOf(points: readonly Pick<ScalePoint, "factor" | "milliseconds">[]): number | undefined {
  const twice = 2 * points[0].milliseconds.median;
  // From above: measurements of small steps waver.
  const last = points.findLastIndex(({ milliseconds }) => !(milliseconds.median >= twice));
  if (last === points.length - 1) return undefined;
  const [low, high] = [points[last], points[last + 1]];
  const share =
    Math.log(twice / low.milliseconds.median) / Math.log(high.milliseconds.median / low.milliseconds.median);
  return low.factor * (high.factor / low.factor) ** share;
}

function scaleReport(result: ScaleResult, model: string): Report {
  const { batch } = result.series[0].points[0];
  return {
    name: `scale-${model}-${batch}`,
    lines: scaleLines(result),
    object: { benchmark: "scale", ...result },
    chart: scaleCharts(result),
  };
}

function scaleLines({ series, repetitions }: ScaleResult): string[] {
  const [smallest] = series[0].points;
  const rows = series.flatMap(({ dimension, points }) =>
    points.map((point) => [
      `${dimension} × ${point.factor}`,
      hiddenOf(point),
      `${point.batch}`,
      `${point.dispatchesPerStep}`,
      significant(point.flopsPerStep / 1e6),
      formatSpread(point.milliseconds),
      significant(point.gflops),
    ]),
  );
  return [
    `One training step of ${smallest.layers.join("-")} at batch ${smallest.batch}, and of larger ones`,
    agreementLine(series),
    "",
    ...table([["size", "hidden", "batch", "dispatches", "MFLOP", "ms a step", "GFLOP/s"], ...rows]),
    "",
    ...series.map(kneeLine),
    ...series.flatMap(({ dimension, cut }) =>
      cut ? [`${dimension} × ${cut.factor} and more were left out: ${cut.reason}.`] : [],
    ),
    `Medians, and from the lowest to the highest of ${repetitions} measurements; all sizes took turns.`,
  ];
}

function agreementLine(series: readonly ScaleSeries[]): string {
  const differences = series.flatMap(({ points }) => points.map(({ lossDifference }) => lossDifference));
  const compared = differences.filter((difference) => difference !== undefined);
  const limit = `steps of more than ${MAX_COMPARED_FLOPS / 1e9} GFLOP`;
  if (compared.length === 0) return `Not compared with the CPU engine, which is too slow for ${limit}`;
  const agreed = `Losses of the first ${COMPARED_STEPS} steps agree with the CPU engine's to ${Math.max(...compared).toExponential(1)} relative`;
  return compared.length === differences.length ? agreed : `${agreed}; it is too slow for ${limit}`;
}

function kneeLine({ dimension, points, knee }: ScaleSeries): string {
  const { factor, milliseconds } = points[points.length - 1];
  const times = significant(milliseconds.median / points[0].milliseconds.median);
  return knee === undefined
    ? `${dimension}: overhead throughout; × ${factor} takes only ${times} times as long as × 1.`
    : `${dimension}: a step takes twice as long from × ${significant(knee)} on; × ${factor} takes ${times} times as long as × 1.`;
}

/** "32", "2048", or for many alike "64 of 32". */
function hiddenOf({ layers }: ScalePoint): string {
  const hidden = layers.slice(1, -1);
  const alike = hidden.length > 3 && hidden.every((width) => width === hidden[0]);
  if (alike) return `${hidden.length} of ${hidden[0]}`;
  return hidden.length > 6 ? `${hidden.slice(0, 3).join("-")}… (${hidden.length})` : hidden.join("-");
}

function scaleCharts({ series }: ScaleResult): ChartSpec[] {
  const { layers, batch } = series[0].points[0];
  const size = `${layers.join("-")} at batch ${batch}`;
  const x = { name: `size, in multiples of ${size}`, log: true, base: 2 };
  const chart = (
    name: string,
    title: string,
    y: LinesSpec["y"],
    value: (point: ScalePoint) => LinesSpec["series"][number]["points"][number]["y"],
  ): LinesSpec => ({
    kind: "lines",
    name,
    title,
    x,
    y,
    series: series.map(({ dimension, points }) => ({
      name: dimension,
      points: points.map((point) => ({ x: point.factor, y: value(point) })),
    })),
  });
  return [
    chart(
      "time",
      "One training step as it grows",
      { name: "time a step", unit: "ms", log: true },
      (point) => point.milliseconds,
    ),
    chart(
      "speed",
      "Arithmetic of a training step as it grows",
      { name: "speed", unit: "GFLOP/s", log: true },
      (point) => point.gflops,
    ),
  ];
}
