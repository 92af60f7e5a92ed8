/**
 * Streaming against resident data: epochs of `fit` on the built-in digits, with all of them in the engine's memory, with
 * memory for a quarter of them, and from an async iterable that makes its chunks as they are asked for.
 */

import { type Command, Option } from "commander";
import { type Engine, type Epoch, fit } from "wgrad";
import { type Dataset, digits, type Stream, stream } from "wgrad/data";
import type { ChartSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatSpread, type Spread, spreadOf } from "./measure.ts";
import {
  benchmark,
  type EngineFlags,
  endOf,
  engineOptions,
  modelOption,
  type NamedModel,
  note,
  type OutputFlags,
  openMeasured,
  outputOptions,
  repetitionsOption,
  seedOption,
} from "./options.ts";
import { publish, type Report } from "./report.ts";
import { modelOf } from "./workload.ts";

interface StreamOptions {
  readonly model: NamedModel;
  readonly batch: number;
  readonly count: number;
  readonly repetitions: number;
  readonly seed: number;
}

const WAYS = ["resident", "a quarter in memory", "async iterable"] as const;
type Way = (typeof WAYS)[number];

interface StreamResult {
  readonly adapter: string;
  readonly model: string;
  readonly batch: number;
  readonly count: number;
  /** Bytes of the engine's memory that the data set takes as a whole, and that the others may take. */
  readonly residentBytes: number;
  readonly allowedBytes: number;
  readonly seconds: Readonly<Record<Way, Spread>>;
  /** Medians over the resident one's. */
  readonly ratios: Readonly<Record<Way, number>>;
}

/** A sample's place and number, beside its image and label. */
const BYTES_BESIDE = 8;
const CHUNK = 1000;

interface StreamFlags extends EngineFlags, OutputFlags, Omit<StreamOptions, "batch"> {
  readonly batch?: number;
}

export function streamCommand(): Command {
  const command = benchmark(
    "stream",
    "an epoch of digits streamed through the engine's memory, and resident in it",
  )
    .addOption(modelOption())
    .addOption(
      new Option("--batch <n>", "samples a step (default: 128; of conv 250)").argParser(wholeNumber(1, 5000)),
    )
    .addOption(
      new Option("--count <n>", "digits an epoch").argParser(wholeNumber(1000, 1_000_000)).default(60_000),
    )
    .addOption(repetitionsOption(9, "number of epochs of each, alternating, after one that is not counted"))
    .addOption(seedOption())
    .action(async ({ model, batch = model.batch, count, repetitions, seed, ...flags }: StreamFlags) => {
      await using engine = await openMeasured(flags);
      const result = await measureStreaming(engine, { model, batch, count, repetitions, seed }, note);
      await publish(streamReport(result, endOf(engine)), flags);
    });
  for (const option of [...engineOptions(), ...outputOptions()]) command.addOption(option);
  return command;
}

/**
 * Times epochs of the three in turn.
 * @throws Error where they do not all train alike: then there is nothing worth timing
 */
export async function measureStreaming(
  engine: Engine,
  options: StreamOptions,
  note: (line: string) => void = () => {},
): Promise<StreamResult> {
  const { model, batch, count, repetitions, seed } = options;
  note(`drawing ${count} digits`);
  const { train } = digits({ train: count, test: 1, seed });
  const residentBytes = train.inputs.data.byteLength + train.targets.data.byteLength + BYTES_BESIDE * count;
  const allowedBytes = Math.floor(residentBytes / 4);
  const run = (data: Dataset | Stream, dataMemory?: number) =>
    fit(engine, modelOf(model), data, { batchSize: batch, epochs: repetitions + 1, seed, dataMemory })[
      Symbol.asyncIterator
    ]();
  const runs: Record<Way, AsyncIterator<Epoch>> = {
    resident: run(train),
    "a quarter in memory": run(train, allowedBytes),
    "async iterable": run(asStream(train), allowedBytes),
  };
  const seconds = Object.fromEntries(WAYS.map((way) => [way, [] as number[]])) as Record<Way, number[]>;
  for (let epoch = 0; epoch <= repetitions; epoch++) {
    const losses: number[] = [];
    for (const way of WAYS) {
      const { value } = await runs[way].next();
      losses.push((value as Epoch).loss);
      // Drivers compile during a part of the first epoch.
      if (epoch > 0) seconds[way].push((value as Epoch).seconds);
    }
    check(losses);
    note(epoch === 0 ? "warmed up" : `measured ${epoch} of ${repetitions}`);
  }
  for (const way of WAYS) await runs[way].return?.();
  const spreads = mapWays((way) => spreadOf(seconds[way]));
  return {
    adapter: engine.info.adapter,
    model: model.name,
    batch,
    count,
    residentBytes,
    allowedBytes,
    seconds: spreads,
    ratios: mapWays((way) => spreads[way].median / spreads.resident.median),
  };
}

function mapWays<T>(of: (way: Way) => T): Record<Way, T> {
  return Object.fromEntries(WAYS.map((way) => [way, of(way)])) as Record<Way, T>;
}

/** The same samples in the same order give the same losses; a stream, shuffled in parts, about the same. */
function check([resident, streamed, other]: readonly number[]): void {
  if (streamed !== resident || !(Math.abs(other - resident) < 0.2 * Math.max(resident, 0.05))) {
    throw new Error(
      `the losses are ${resident} resident, ${streamed} streamed and ${other} from an iterable; they should agree: nothing was timed`,
    );
  }
}

function asStream({ name, count, inputs, targets, classes }: Dataset): Stream {
  const size = inputs.data.length / count;
  return stream({
    name,
    count,
    classes,
    inputs: { type: "u8", shape: inputs.shape, scale: inputs.scale },
    targets: { type: "u8" },
    async *open() {
      for (let first = 0; first < count; first += CHUNK) {
        const end = Math.min(count, first + CHUNK);
        yield {
          inputs: inputs.data.slice(first * size, end * size),
          targets: targets.data.slice(first, end),
        };
      }
    },
  });
}

export function streamReport(result: StreamResult, end = ""): Report {
  const { model, batch, count, residentBytes, allowedBytes, seconds, ratios } = result;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const rows = WAYS.map((way) => [
    way,
    megabytes(way === "resident" ? residentBytes : allowedBytes),
    formatSpread(seconds[way]),
    ratios[way].toFixed(2),
  ]);
  const chart: ChartSpec = {
    kind: "bars",
    title: `An epoch of ${count} digits, ${model}, batch ${batch}`,
    categories: [...WAYS],
    value: { name: "time an epoch", unit: "s" },
    series: [{ name: "time", values: WAYS.map((way) => seconds[way]) }],
  };
  return {
    name: `stream-${model}-${batch}${end}`,
    lines: [
      `An epoch of ${count} digits, ${model}, batch ${batch}: resident, and streamed`,
      ...table([["data", "memory", "s an epoch", "of resident"], ...rows]),
    ],
    object: { benchmark: "stream", ...result },
    chart,
  };
}
