/**
 * The training step: how long it takes on either engine, and how much of that is the host's own work.
 *
 * Both engines run it from the same parameters first, and nothing is timed unless their losses agree.
 */

import { type Command, Option } from "commander";
import { connect, cpu, type Engine, programCost } from "wgrad";
import type { ChartSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
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
  /** Whether the CPU engine, which may take seconds for a step, is not timed. */
  readonly onlyGpu?: boolean;
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
  /** Of the CPU engine, where it was timed. */
  readonly cpuEngine?: { readonly steps: number; readonly milliseconds: Spread };
  /** Time the host spends in a step's encoding and submitting: the time until a run's call returns. */
  readonly cpuMicroseconds: Spread;
}

/** One measurement on the CPU engine takes about as long as this, in as many steps as fit in. */
const CPU_MEASUREMENT_MS = 1000;

interface StepFlags extends Omit<StepOptions, keyof Workload>, OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly seed: number;
  readonly profile?: boolean;
}

export function stepCommand(): Command {
  const command = benchmark(
    "step",
    "time, dispatches, bytes and host time of one training step, on both engines",
  )
    .addOption(modelOption())
    .addOption(batchOption())
    .addOption(
      new Option("--steps <n>", "steps of one measurement; the CPU engine takes about a second's worth")
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
    .option("--only-gpu", "without times of the CPU engine, which are seconds for a step of conv")
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
  const workload = { ...model, ...flags, batch };
  const tell = (soFar: StepResult) => publishSoFar(() => stepReport(soFar, model), flags);
  const result = await measureStep(engine, cpu(), workload, note, tell);
  const report = stepReport(result, model);
  await publish(flags.profile ? await withProfile(report, engine, workload) : report, flags);
}

/**
 * Measures the step on both engines in turn.
 * @throws Error when their losses do not agree: then there is nothing worth timing
 */
export async function measureStep(
  gpu: Engine,
  reference: Engine,
  options: StepOptions,
  note: (line: string) => void = () => {},
  onRepetition: (soFar: StepResult) => void = () => {},
): Promise<StepResult> {
  const data = samples(options.seed);
  const onGpu = await Candidate.open(gpu, options, data);
  const onCpu = await Candidate.open(reference, options, data);

  const { compared: comparedSteps = COMPARED_STEPS, onlyGpu = false } = options;
  note(`comparing ${comparedSteps} steps on both engines`);
  const compared = await onGpu.compared(comparedSteps);
  const expected = await onCpu.compared(comparedSteps);
  const agreed = agreement(
    { adapter: gpu.info.adapter, losses: compared.losses },
    { adapter: reference.info.adapter, losses: expected.losses },
  );
  note(`losses of ${comparedSteps} steps agree to ${agreed.lossDifference.toExponential(1)}`);

  // The steps compared were warm-up for the CPU engine; a GPU has to get going at the length to be measured.
  const cpuStep = expected.milliseconds / comparedSteps;
  const cpuSteps = Math.max(1, Math.min(options.steps, Math.round(CPU_MEASUREMENT_MS / cpuStep)));
  await onGpu.run(options.steps);
  const { dispatches, flops, bytes } = programCost(onGpu.step.program);
  const times = { gpu: [] as number[], host: [] as number[], cpu: [] as number[] };
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
    cpuEngine: onlyGpu ? undefined : { steps: cpuSteps, milliseconds: spreadOf(times.cpu) },
    cpuMicroseconds: spreadOf(times.host),
    ...agreed,
  });
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const measured = await onGpu.run(options.steps);
    times.gpu.push(measured.milliseconds / options.steps);
    times.host.push((measured.hostMilliseconds / options.steps) * 1000);
    if (!onlyGpu) times.cpu.push((await onCpu.run(cpuSteps)).milliseconds / cpuSteps);
    note(`measured ${repetition + 1} of ${options.repetitions}`);
    onRepetition(soFar());
  }
  return soFar();
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
  const { milliseconds, cpuEngine, cpuMicroseconds, batch, repetitions } = result;
  const perSecond = (median: number) => Math.round((batch / median) * 1000).toLocaleString("en-US");
  const cpuRows = cpuEngine
    ? [
        [
          "CPU: JavaScript",
          formatSpread(cpuEngine.milliseconds),
          perSecond(cpuEngine.milliseconds.median),
          "all of it",
          `${cpuEngine.steps} × ${repetitions}`,
        ],
      ]
    : [];
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
      ...cpuRows,
    ]),
    "",
    ...(cpuEngine
      ? [
          `The GPU engine takes a step ${significant(cpuEngine.milliseconds.median / milliseconds.median)} times as fast as the CPU engine.`,
        ]
      : []),
    `Medians, and from the lowest to the highest of all repetitions${cpuEngine ? "; engines took turns" : ""}. Host: until the call returned that encodes and submits.`,
  ];
}

function stepObject(result: StepResult) {
  const { milliseconds, cpuEngine, cpuMicroseconds, ...rest } = result;
  return {
    benchmark: "step",
    msPerStep: milliseconds.median,
    cpuEngineMsPerStep: cpuEngine?.milliseconds.median,
    cpuEngineSteps: cpuEngine?.steps,
    cpuMicrosecondsPerStep: cpuMicroseconds.median,
    ...rest,
    spread: {
      msPerStep: milliseconds,
      cpuEngineMsPerStep: cpuEngine?.milliseconds,
      cpuMicrosecondsPerStep: cpuMicroseconds,
    },
  };
}

function stepChart({ layers, batch, milliseconds, cpuEngine }: StepResult): ChartSpec {
  return {
    kind: "bars",
    title: `One training step of ${layers.join("-")}, batch ${batch}`,
    categories: ["GPU engine", ...(cpuEngine ? ["CPU engine (JavaScript)"] : [])],
    value: { name: "time a step", unit: "ms" },
    series: [{ name: "one step", values: [milliseconds, ...(cpuEngine ? [cpuEngine.milliseconds] : [])] }],
  };
}
