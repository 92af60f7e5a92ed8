/**
 * The training step: how long it takes on each engine, and how much of that is the host's own work.
 *
 * All engines run it from the same parameters first, and nothing is timed unless their losses agree.
 */

import { type Command, Option } from "commander";
import { connect, cpu, type Engine, programCost } from "wgrad";
import type { ChartSpec } from "../charts/spec.ts";
import { openWasm, wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatBytes, formatSpread, type Spread, significant, spreadOf } from "./measure.ts";
import {
  batchOption,
  benchmark,
  modelOption,
  type NamedModel,
  note,
  type OutputFlags,
  outputOptions,
  repetitionsOption,
  seedOption,
  threadsOption,
} from "./options.ts";
import { withProfile } from "./profile.ts";
import { publish, publishSoFar, type Report } from "./report.ts";
import {
  type Agreement,
  agreement,
  Candidate,
  COMPARED_STEPS,
  layersOf,
  samples,
  type Workload,
} from "./workload.ts";

interface StepOptions extends Workload {
  /** Steps of one measurement on the GPU engine. */
  readonly steps: number;
  readonly repetitions: number;
  /** Steps whose losses are compared. */
  readonly compared?: number;
  /** Whether the GPU engine alone is timed. */
  readonly onlyGpu?: boolean;
}

/** An engine beside the GPU's, with its measurements. */
interface OtherEngine {
  readonly adapter: string;
  readonly steps: number;
  readonly milliseconds: Spread;
}

interface StepResult extends Agreement {
  /** Inputs, filters and their sizes, hidden widths, classes: [784, "24@5×5", "32@3×3", 128, 10]. */
  readonly layers: readonly (number | string)[];
  readonly batch: number;
  readonly parameters: number;
  readonly adapter: string;
  readonly dispatchesPerStep: number;
  readonly flopsPerStep: number;
  readonly bytesPerStep: number;
  /** Steps of one measurement. */
  readonly steps: number;
  readonly repetitions: number;
  readonly milliseconds: Spread;
  /** Of the wasm engine and of the CPU engine, where they were timed. */
  readonly wasmEngine?: OtherEngine;
  readonly cpuEngine?: OtherEngine;
  /** Time the host spends in a step's encoding and submitting: the time until a run's call returns. */
  readonly cpuMicroseconds: Spread;
}

/** One measurement on the other engines takes about as long as this, in as many steps as fit in. */
const MEASUREMENT_MS = 1000;

interface StepFlags extends Omit<StepOptions, keyof Workload>, OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly seed: number;
  readonly profile?: boolean;
  readonly threads?: number;
}

export function stepCommand(): Command {
  const command = benchmark(
    "step",
    "time, dispatches, bytes and host time of one training step, on all engines",
  )
    .addOption(modelOption())
    .addOption(batchOption())
    .addOption(
      new Option("--steps <n>", "steps of one measurement; engines but the GPU's take about a second's worth")
        .argParser(wholeNumber(1, 100_000))
        .default(100),
    )
    .addOption(repetitionsOption())
    .addOption(seedOption())
    .addOption(
      new Option("--compared <n>", "first steps whose losses must agree between the engines")
        .argParser(wholeNumber(1, 100))
        .default(COMPARED_STEPS),
    )
    .option(
      "--only-gpu",
      "without times of the other engines, which on the CPU are seconds for a step of conv",
    )
    .addOption(threadsOption("threads of the wasm engine (default: one for each core)").conflicts("onlyGpu"))
    .addOption(
      new Option(
        "--profile",
        "also the time of each launch, its fraction of the device's peak, and a trace for Chrome",
      ),
    )
    .action(step);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

async function step({ model, batch = model.batch, ...flags }: StepFlags): Promise<void> {
  // A process with a GPU device does not end by itself.
  await using engine = await connect();
  await using processor = flags.onlyGpu ? undefined : await openWasm(flags.threads);
  const workload = { ...model, ...flags, batch };
  const tell = (soFar: StepResult) => publishSoFar(() => stepReport(soFar, model), flags);
  const engines = { gpu: engine, wasm: processor, cpu: cpu() };
  const result = await measureStep(engines, workload, note, tell);
  const report = stepReport(result, model);
  await publish(flags.profile ? await withProfile(report, engine, workload) : report, flags);
}

interface StepEngines {
  readonly gpu: Engine;
  readonly wasm?: Engine;
  /** The reference, to which the others are compared. */
  readonly cpu: Engine;
}

/**
 * Measures the step on all engines in turn.
 * @throws Error when their losses do not agree: then there is nothing worth timing
 */
export async function measureStep(
  { gpu, wasm, cpu: reference }: StepEngines,
  options: StepOptions,
  note: (line: string) => void = () => {},
  onRepetition: (soFar: StepResult) => void = () => {},
): Promise<StepResult> {
  const data = samples(options.seed);
  const onGpu = await Candidate.open(gpu, options, data);
  const onWasm = wasm && (await Candidate.open(wasm, options, data));
  const onCpu = await Candidate.open(reference, options, data);

  const { compared: comparedSteps = COMPARED_STEPS, onlyGpu = false } = options;
  note(`comparing ${comparedSteps} steps on all engines`);
  const expected = await onCpu.compared(comparedSteps);
  const agreements: Agreement[] = [];
  for (const [engine, candidate] of [
    [gpu, onGpu],
    [wasm, onWasm],
  ] as const) {
    if (!engine || !candidate) continue;
    const { losses } = await candidate.compared(comparedSteps);
    const actual = { adapter: engine.info.adapter, losses };
    agreements.push(agreement(actual, { adapter: reference.info.adapter, losses: expected.losses }));
  }
  const lossDifference = Math.max(...agreements.map((one) => one.lossDifference));
  note(`losses of ${comparedSteps} steps agree to ${lossDifference.toExponential(1)}`);

  // The steps compared were warm-up for the CPU engine; the others have to get going at the length to be measured.
  await onGpu.run(options.steps);
  const others = onlyGpu
    ? []
    : [
        ...(wasm && onWasm ? [await otherEngine("wasm", wasm, onWasm, options.steps)] : []),
        await otherEngine("cpu", reference, onCpu, options.steps, expected.milliseconds / comparedSteps),
      ];
  const { dispatches, flops, bytes } = programCost(onGpu.step.program);
  const times = { gpu: [] as number[], host: [] as number[] };
  const resultOf = (kind: "wasm" | "cpu"): OtherEngine | undefined => {
    const other = others.find((one) => one.kind === kind);
    return other && { adapter: other.adapter, steps: other.steps, milliseconds: spreadOf(other.times) };
  };
  const soFar = (): StepResult => ({
    layers: layersOf(options),
    batch: options.batch,
    parameters: onGpu.parameters,
    adapter: gpu.info.adapter,
    dispatchesPerStep: dispatches,
    flopsPerStep: flops,
    bytesPerStep: bytes,
    steps: options.steps,
    repetitions: times.gpu.length,
    milliseconds: spreadOf(times.gpu),
    wasmEngine: resultOf("wasm"),
    cpuEngine: resultOf("cpu"),
    cpuMicroseconds: spreadOf(times.host),
    lossDifference,
    comparedSteps,
  });
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const measured = await onGpu.run(options.steps);
    times.gpu.push(measured.milliseconds / options.steps);
    times.host.push((measured.hostMilliseconds / options.steps) * 1000);
    for (const { candidate, steps, times } of others)
      times.push((await candidate.run(steps)).milliseconds / steps);
    note(`measured ${repetition + 1} of ${options.repetitions}`);
    onRepetition(soFar());
  }
  return soFar();
}

/** An engine beside the GPU's, and the steps of one measurement on it. @param once milliseconds of a step, where known */
async function otherEngine(
  kind: "wasm" | "cpu",
  { info }: Engine,
  candidate: Candidate,
  most: number,
  once?: number,
) {
  const step = once ?? (await candidate.run(most)).milliseconds / most;
  const steps = Math.max(1, Math.min(most, Math.round(MEASUREMENT_MS / step)));
  return { kind, adapter: info.adapter, candidate, steps, times: [] as number[] };
}

function stepReport(result: StepResult, model: NamedModel): Report {
  return {
    name: `step-${model.name}-${result.batch}`,
    lines: stepLines(result),
    object: stepObject(result),
    chart: stepChart(result),
  };
}

function stepLines(result: StepResult): string[] {
  const { milliseconds, wasmEngine, cpuEngine, cpuMicroseconds, batch, repetitions } = result;
  const perSecond = (median: number) => Math.round((batch / median) * 1000).toLocaleString("en-US");
  const rowOf = (name: string, engine: OtherEngine) => [
    name,
    formatSpread(engine.milliseconds),
    perSecond(engine.milliseconds.median),
    "all of it",
    `${engine.steps} × ${repetitions}`,
  ];
  return [
    `One training step of ${result.layers.join("-")}: batch ${batch}, softmax cross-entropy, Adam, ${result.parameters.toLocaleString("en-US")} parameters`,
    `${result.dispatchesPerStep} dispatches, ${(result.flopsPerStep / 1e6).toFixed(1)} MFLOP and ${formatBytes(result.bytesPerStep)} moved a step`,
    `Losses of the first ${result.comparedSteps} steps agree between the engines to ${result.lossDifference.toExponential(1)} relative`,
    "",
    ...table([
      ["engine", "ms a step", "samples/s", "host µs a step", "steps × repetitions"],
      [
        `GPU: ${result.adapter}`,
        formatSpread(milliseconds),
        perSecond(milliseconds.median),
        formatSpread(cpuMicroseconds),
        `${result.steps} × ${repetitions}`,
      ],
      ...(wasmEngine ? [rowOf(`wasm: ${wasmEngine.adapter}`, wasmEngine)] : []),
      ...(cpuEngine ? [rowOf("CPU: JavaScript", cpuEngine)] : []),
    ]),
    "",
    ...comparison(result),
    `Medians, and from the lowest to the highest of all repetitions${cpuEngine ? "; engines took turns" : ""}. Host: until the call returned that encodes and submits.`,
  ];
}

/** "The GPU engine takes a step 29.2 times as fast as the CPU engine, and the wasm engine 60.1 times." */
function comparison({ milliseconds, wasmEngine, cpuEngine }: StepResult): string[] {
  if (!cpuEngine) return [];
  const times = ({ median }: Spread) => significant(cpuEngine.milliseconds.median / median);
  const wasm = wasmEngine ? `, and the wasm engine ${times(wasmEngine.milliseconds)} times` : "";
  return [`The GPU engine takes a step ${times(milliseconds)} times as fast as the CPU engine${wasm}.`];
}

function stepObject(result: StepResult) {
  const { milliseconds, wasmEngine, cpuEngine, cpuMicroseconds, ...rest } = result;
  return {
    benchmark: "step",
    msPerStep: milliseconds.median,
    wasmEngineMsPerStep: wasmEngine?.milliseconds.median,
    wasmEngineSteps: wasmEngine?.steps,
    wasmEngineAdapter: wasmEngine?.adapter,
    cpuEngineMsPerStep: cpuEngine?.milliseconds.median,
    cpuEngineSteps: cpuEngine?.steps,
    cpuMicrosecondsPerStep: cpuMicroseconds.median,
    ...rest,
    spread: {
      msPerStep: milliseconds,
      wasmEngineMsPerStep: wasmEngine?.milliseconds,
      cpuEngineMsPerStep: cpuEngine?.milliseconds,
      cpuMicrosecondsPerStep: cpuMicroseconds,
    },
  };
}

function stepChart({ layers, batch, milliseconds, wasmEngine, cpuEngine }: StepResult): ChartSpec {
  const bars = [
    { name: "GPU engine", milliseconds },
    ...(wasmEngine ? [{ name: "wasm engine", ...wasmEngine }] : []),
    ...(cpuEngine ? [{ name: "CPU engine (JavaScript)", ...cpuEngine }] : []),
  ];
  return {
    kind: "bars",
    title: `One training step of ${layers.join("-")}, batch ${batch}`,
    categories: bars.map(({ name }) => name),
    value: { name: "time a step", unit: "ms" },
    series: [{ name: "one step", values: bars.map((bar) => bar.milliseconds) }],
  };
}
