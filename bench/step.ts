/**
 * The training step: how long it takes on either engine, and how much of that is the host's own work.
 *
 * The step is that of `fit`: a batch is gathered from a data set in the engine's memory, and many steps go into one
 * submit. Both engines run it from the same parameters first, and nothing is timed unless their losses agree.
 */
import {
  adam,
  type CompiledStep,
  conv2d,
  correctCount,
  createTrainer,
  crossEntropy,
  dataSource,
  dense,
  type Engine,
  type EngineBuffer,
  gather,
  init,
  maxPool2d,
  mul,
  programCost,
  relu,
  sequential,
  stepWindow,
} from "wgrad";
import { epochOrder } from "wgrad/data";
import {
  formatBytes,
  formatSpread,
  isSoftware,
  type Machine,
  type Spread,
  significant,
  spreadOf,
  table,
} from "./measure.ts";

/** What is trained: two convolutions or none, then hidden dense layers, then one unit for each class. */
export interface StepModel {
  readonly convolutions: boolean;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
}

export interface StepOptions extends StepModel {
  readonly batch: number;
  /** Steps of one measurement on the GPU engine. */
  readonly steps: number;
  readonly repetitions: number;
  readonly seed: number;
}

export interface StepResult {
  /** Inputs, filters and their sizes, hidden widths, classes: [784, "24@5×5", "32@3×3", 128, 10]. */
  readonly layers: readonly (number | string)[];
  readonly batch: number;
  readonly parameters: number;
  readonly adapter: string;
  readonly dispatchesPerStep: number;
  readonly flopsPerStep: number;
  readonly bytesPerStep: number;
  /** Steps of one measurement on either engine. */
  readonly steps: number;
  readonly cpuEngineSteps: number;
  readonly repetitions: number;
  readonly milliseconds: Spread;
  readonly cpuEngineMilliseconds: Spread;
  /** Time the host spends in a step's encoding and submitting: what a run's call takes to return. */
  readonly cpuMicroseconds: Spread;
  /** The largest relative difference between the engines' losses, over this many steps. */
  readonly lossDifference: number;
  readonly comparedSteps: number;
}

const IMAGE = [1, 28, 28];
const FEATURES = 784;
const CLASSES = 10;
/** Enough that a step's batch is not in the caches from the step before. */
const SAMPLES = 20_000;
/** As in `fit`. */
const MAX_STEPS_PER_RUN = 256;
/**
 * Enough for an error of any kernel to come back in the losses. After more steps rounding decides: a unit at the kink
 * of ReLU gets a gradient on one engine and none on the other, and Adam makes whole steps of small differences.
 */
const COMPARED_STEPS = 5;
const TOLERANCE = 1e-4;
/** One measurement on the CPU engine takes about as long as this, in as many steps as fit in. */
const CPU_MEASUREMENT_MS = 1000;

/** Random bytes as images, random classes, and a shuffled order: a data set without structure, for time alone. */
function samples(seed: number) {
  const uniform = (length: number, below: number, stream: number) =>
    Uint8Array.from(init.uniform(0, below)([length], { seed, stream }), Math.floor);
  return {
    inputs: uniform(SAMPLES * FEATURES, 256, 1),
    targets: uniform(SAMPLES, CLASSES, 2),
    order: Int32Array.from(epochOrder(SAMPLES, seed, 1)),
  };
}

/** Each is followed by max-pooling of 2×2. */
const CONVOLUTIONS = [
  { filters: 24, kernel: 5 },
  { filters: 32, kernel: 3 },
];

function modelOf({ convolutions, hidden }: StepModel) {
  return sequential(
    ...(convolutions ? CONVOLUTIONS : []).flatMap(({ filters, kernel }) => [
      conv2d(filters, kernel),
      maxPool2d(2),
      relu(),
    ]),
    ...hidden.flatMap((width) => [dense(width), relu()]),
    dense(CLASSES),
  );
}

function layersOf({ convolutions, hidden }: StepModel): (number | string)[] {
  const filters = CONVOLUTIONS.map(({ filters, kernel }) => `${filters}@${kernel}×${kernel}`);
  return [FEATURES, ...(convolutions ? filters : []), ...hidden, CLASSES];
}

/** The step on one engine, with all it needs in the engine's memory. */
class Candidate {
  private constructor(
    readonly step: CompiledStep,
    readonly batch: number,
    readonly parameters: number,
  ) {}

  static async compile(engine: Engine, options: StepOptions, data: ReturnType<typeof samples>) {
    const { batch, seed } = options;
    const inputShape = options.convolutions ? IMAGE : [FEATURES];
    const trainer = createTrainer(engine, modelOf(options), { inputShape, optimizer: adam(), seed });
    const memory: Record<string, EngineBuffer> = {
      inputs: engine.buffer("inputs", "u8", data.inputs.length, data.inputs),
      targets: engine.buffer("targets", "u8", data.targets.length, data.targets),
      order: engine.buffer("order", "i32", data.order.length, data.order),
    };
    const step = await trainer.compile(
      (_inputs, model) => {
        const indices = stepWindow(dataSource("order", [SAMPLES], "i32"), "batchStart", batch);
        const x = mul(gather(dataSource("inputs", [SAMPLES, ...inputShape], "u8"), indices), 1 / 255);
        const y = gather(dataSource("targets", [SAMPLES], "u8"), indices);
        const logits = model(x);
        return { minimize: crossEntropy(logits, y), correct: correctCount(logits, y) };
      },
      { name: "train", data: memory, maxSteps: MAX_STEPS_PER_RUN },
    );
    return new Candidate(step, batch, trainer.parameterCount);
  }

  /** Runs `count` steps. @returns their losses, the time in all, and the time until the last call returned */
  async run(count: number): Promise<{ losses: number[]; milliseconds: number; hostMilliseconds: number }> {
    const batches = Math.floor(SAMPLES / this.batch);
    const runs: ReturnType<CompiledStep["runMany"]>[] = [];
    const began = performance.now();
    for (let first = 0; first < count; first += MAX_STEPS_PER_RUN) {
      const steps = Math.min(MAX_STEPS_PER_RUN, count - first);
      const batchStart = (i: number) => ((first + i) % batches) * this.batch;
      runs.push(this.step.runMany(steps, (i) => ({ batchStart: batchStart(i) })));
    }
    const enqueued = performance.now();
    const outputs = await Promise.all(runs);
    const ended = performance.now();
    return {
      losses: outputs.flatMap(({ loss }) => [...loss]),
      milliseconds: ended - began,
      hostMilliseconds: enqueued - began,
    };
  }
}

/** The largest relative difference of two series. NaN anywhere gives NaN. */
export function relativeDifference(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length || actual.length === 0) return Number.NaN;
  return actual.reduce((largest, value, i) => {
    const difference = Math.abs(value - expected[i]) / Math.abs(expected[i]);
    return Number.isNaN(difference) ? difference : Math.max(largest, difference);
  }, 0);
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
): Promise<StepResult> {
  const data = samples(options.seed);
  const onGpu = await Candidate.compile(gpu, options, data);
  const onCpu = await Candidate.compile(reference, options, data);

  note(`comparing ${COMPARED_STEPS} steps on both engines`);
  const compared = await onGpu.run(COMPARED_STEPS);
  const expected = await onCpu.run(COMPARED_STEPS);
  const lossDifference = relativeDifference(compared.losses, expected.losses);
  if (!(lossDifference <= TOLERANCE)) {
    throw new Error(
      `the engines disagree by ${lossDifference} in the losses of the first ${COMPARED_STEPS} steps, more than ${TOLERANCE}; nothing was timed. ` +
        `${gpu.info.adapter}: ${compared.losses.join(" ")}; ${reference.info.adapter}: ${expected.losses.join(" ")}`,
    );
  }
  note(`losses of ${COMPARED_STEPS} steps agree to ${lossDifference.toExponential(1)}`);

  // The steps compared were warm-up for the CPU engine; a GPU has to get going at the length to be measured.
  const cpuStep = expected.milliseconds / COMPARED_STEPS;
  const cpuEngineSteps = Math.max(1, Math.min(options.steps, Math.round(CPU_MEASUREMENT_MS / cpuStep)));
  await onGpu.run(options.steps);
  const times = { gpu: [] as number[], host: [] as number[], cpu: [] as number[] };
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const measured = await onGpu.run(options.steps);
    times.gpu.push(measured.milliseconds / options.steps);
    times.host.push((measured.hostMilliseconds / options.steps) * 1000);
    times.cpu.push((await onCpu.run(cpuEngineSteps)).milliseconds / cpuEngineSteps);
    note(`measured ${repetition + 1} of ${options.repetitions}`);
  }
  const { program } = onGpu.step;
  const { dispatches, flops, bytes } = programCost(program);
  return {
    layers: layersOf(options),
    batch: options.batch,
    parameters: onGpu.parameters,
    adapter: gpu.info.adapter,
    dispatchesPerStep: dispatches,
    flopsPerStep: flops,
    bytesPerStep: bytes,
    steps: options.steps,
    cpuEngineSteps,
    repetitions: options.repetitions,
    milliseconds: spreadOf(times.gpu),
    cpuEngineMilliseconds: spreadOf(times.cpu),
    cpuMicroseconds: spreadOf(times.host),
    lossDifference,
    comparedSteps: COMPARED_STEPS,
  };
}

/** The result for people. */
export function stepLines(result: StepResult, machine: Machine): string[] {
  const { milliseconds, cpuEngineMilliseconds, cpuMicroseconds, batch, repetitions } = result;
  const perSecond = (median: number) => Math.round((batch / median) * 1000).toLocaleString("en-US");
  const software = isSoftware(result.adapter);
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
      [
        "CPU: JavaScript",
        formatSpread(cpuEngineMilliseconds),
        perSecond(cpuEngineMilliseconds.median),
        "all of it",
        `${result.cpuEngineSteps} × ${repetitions}`,
      ],
    ]),
    "",
    `The GPU engine takes a step ${significant(cpuEngineMilliseconds.median / milliseconds.median)} times as fast as the CPU engine.`,
    "Medians, and from the lowest to the highest of all repetitions; engines took turns. Host: until the call returned that encodes and submits.",
    ...(software ? ["This adapter is software on the CPU: its times say nothing about a GPU."] : []),
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}, wgrad ${machine.wgrad}`,
  ];
}

/** The result for programs. */
export function stepObject(result: StepResult, machine: Machine, command: string) {
  const { milliseconds, cpuEngineMilliseconds, cpuMicroseconds, ...rest } = result;
  return {
    benchmark: "step",
    msPerStep: milliseconds.median,
    cpuEngineMsPerStep: cpuEngineMilliseconds.median,
    cpuMicrosecondsPerStep: cpuMicroseconds.median,
    ...rest,
    softwareAdapter: isSoftware(result.adapter),
    spread: {
      msPerStep: milliseconds,
      cpuEngineMsPerStep: cpuEngineMilliseconds,
      cpuMicrosecondsPerStep: cpuMicroseconds,
    },
    machine,
    command,
  };
}
