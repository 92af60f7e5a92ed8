/**
 * Each kernel by itself: operations and bytes a second on shapes that training has, and which share that is of what the
 * device can do. A case is a function of traced tensors; of the launches that it becomes, those of the kernel in question
 * are timed. Before that, its results are held against the CPU engine's.
 */
import { type Command, Option } from "commander";
import {
  adam,
  argmax,
  type Ceiling,
  type CompiledStep,
  compile,
  cpu,
  createTrainer,
  dense,
  type Engine,
  type GpuEngine,
  init,
  launchProfiles,
  ops,
} from "wgrad";
import type { ChartSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { ceilingOf, formatCeiling } from "./ceiling.ts";
import { CASES, type KernelCase, type Values } from "./kernels/cases.ts";
import { formatSpread, type Spread, spreadOf } from "./measure.ts";
import {
  benchmark,
  type EngineFlags,
  endOf,
  engineOptions,
  note,
  type OutputFlags,
  openMeasured,
  outputOptions,
  repetitionsOption,
} from "./options.ts";
import { publish, publishSoFar, type Report } from "./report.ts";

interface KernelResult {
  readonly kernel: string;
  readonly shape: string;
  /** The variant that was chosen: "matmul 32 × 4, 8 lanes". */
  readonly variant: string;
  readonly milliseconds: Spread;
  readonly gflopsPerSecond: number;
  readonly gbytesPerSecond: number;
  readonly share: number;
  /** The largest difference from the CPU engine or f64, relative to the largest element. */
  readonly difference: number;
}

/** A case without times. */
interface Unmeasured {
  readonly kernel: string;
  readonly shape: string;
  readonly why: string;
}

interface KernelsResult {
  readonly adapter: string;
  readonly ceiling: Ceiling;
  readonly repetitions: number;
  readonly kernels: readonly KernelResult[];
  /** Left out, as they would take too long. */
  readonly leftOut: readonly Unmeasured[];
  /** Wrong, or refused by the device: there is nothing worth timing. */
  readonly failures: readonly Unmeasured[];
}

interface KernelsOptions {
  readonly repetitions: number;
  /** Of the wasm engine. */
  readonly threads?: number;
  /** Seconds beyond which a case is left out. */
  readonly limit: number;
}

const TOLERANCE = 1e-4;
/** Of the device's peak, at least: a large product that stays below takes longer than estimated. */
const EXPECTED_SHARE = 0.3;
/** Elements of a large product that are computed anew. */
const SAMPLED = 2000;
/** Neighbours among the samples are so far from each other: a prime, which reaches all rows and columns. */
const SAMPLE_STEP = 1_000_003;
/** As many random numbers are drawn, at most, and repeated: a prime, so that rows differ. */
const DRAWN = 1_000_003;

interface KernelsFlags extends KernelsOptions, EngineFlags, OutputFlags {}

export function kernelsCommand(): Command {
  const command = benchmark(
    "kernels",
    "operations and bytes a second of each kernel, and their fraction of the device's peak",
  )
    .addOption(repetitionsOption(15, "number of runs of each kernel, after two for warm-up"))
    .addOption(
      new Option("--limit <seconds>", "products are left out that would take longer, by the device's peak")
        .argParser(wholeNumber(1, 3600))
        .default(5),
    )
    .action(async (flags: KernelsFlags) => {
      await using engine = await openMeasured(flags);
      const reportOf = (result: KernelsResult) => kernelsReport(result, endOf(engine));
      const tell = (soFar: KernelsResult) => publishSoFar(() => reportOf(soFar), flags);
      const result = await measureKernels(engine, flags, CASES, tell);
      await publish(reportOf(result), flags);
      if (result.failures.length > 0)
        throw new Error(`kernels: ${result.failures.map(failureLine).join("; ")}`);
    });
  for (const option of [...engineOptions(), ...outputOptions()]) command.addOption(option);
  return command;
}

/** Measures every case that computes what it should, and goes on behind one that does not. */
export async function measureKernels(
  engine: Engine,
  { repetitions, limit, threads }: KernelsOptions,
  cases: readonly KernelCase[] = CASES,
  onCase: (soFar: KernelsResult) => void = () => {},
): Promise<KernelsResult> {
  note("measuring what the device can do");
  const ceiling = await ceilingOf(engine, threads);
  note(formatCeiling(ceiling));
  const kernels: KernelResult[] = [];
  const leftOut: Unmeasured[] = [];
  const failures: Unmeasured[] = [];
  const result = { adapter: engine.info.adapter, ceiling, repetitions, kernels, leftOut, failures };
  const attempt = async (kernel: string, shape: string, measure: () => Promise<KernelResult>) => {
    try {
      kernels.push(await measure());
      note(`measured ${kernel}, ${shape}`);
    } catch (error) {
      // On a device that is gone, no other case would fare better.
      if (engine.kind === "gpu") (engine as GpuEngine).check();
      failures.push({ kernel, shape, why: error instanceof Error ? error.message : String(error) });
      note(failureLine(failures[failures.length - 1]));
    }
    onCase(result);
  };
  for (const one of cases) {
    const seconds = ((one.large?.flops ?? 0) * (WARM_UP + repetitions)) / (ceiling.flops * EXPECTED_SHARE);
    if (seconds <= limit) {
      await attempt(one.kernel, one.shape, () => measureCase(engine, ceiling, repetitions, one));
      continue;
    }
    const why = `about ${Math.round(seconds)} s`;
    leftOut.push({ kernel: one.kernel, shape: one.shape, why });
  }
  await attempt("adam", "1 M parameters", () => measureAdam(engine, ceiling, repetitions));
  return result;
}

async function measureCase(
  engine: Engine,
  ceiling: Ceiling,
  repetitions: number,
  one: KernelCase,
): Promise<KernelResult> {
  const values = Object.fromEntries(
    Object.entries(one.inputs).map(([name, shape], stream) => [name, randomNumbers(shape, stream)]),
  );
  const step = await compiled(engine, one);
  try {
    const { result } = await step.run(values);
    const difference = one.large
      ? differenceOfSample(one.large.element, values, result as Float32Array)
      : await differenceFromCpu(one, values, result as Float32Array);
    if (!(difference <= TOLERANCE)) {
      const reference = one.large ? "f64" : "the CPU engine";
      throw new Error(
        `differs from ${reference} by ${difference} of its largest element, more than ${TOLERANCE}; nothing was timed`,
      );
    }
    return { ...(await profiled(engine, step, one.kernel, one.shape, ceiling, repetitions)), difference };
  } finally {
    step.release();
  }
}

async function compiled(engine: Engine, { inputs, body }: KernelCase): Promise<CompiledStep> {
  const { step } = await compile(engine, inputs, (sources) => ({ result: body(sources) }), {
    name: "kernel",
  });
  return step;
}

/** Uniform between -1 and 1. */
function randomNumbers(shape: readonly number[], stream: number): Float32Array {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const drawn = init.uniform(-1, 1)([Math.min(length, DRAWN)], { seed: 1, stream });
  const values = new Float32Array(length);
  for (let at = 0; at < length; at += drawn.length) values.set(drawn.subarray(0, length - at), at);
  return values;
}

async function differenceFromCpu(one: KernelCase, values: Values, actual: Float32Array): Promise<number> {
  const { result: expected } = await (await compiled(cpu(), one)).run(values);
  return relativeToLargest(expected, actual);
}

/** As {@link differenceFromCpu}, at some elements of all over the result. */
function differenceOfSample(
  element: (values: Values, index: number) => number,
  values: Values,
  actual: Float32Array,
): number {
  const places = Array.from({ length: SAMPLED }, (_, i) => (i * SAMPLE_STEP) % actual.length);
  places.push(actual.length - 1);
  return relativeToLargest(
    places.map((place) => element(values, place)),
    places.map((place) => actual[place]),
  );
}

/** The largest difference, relative to the largest of `expected`. NaN anywhere gives NaN. */
function relativeToLargest(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  let scale = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]));
    const difference = Math.abs(actual[i] - expected[i]);
    if (Number.isNaN(difference)) return Number.NaN;
    largest = Math.max(largest, difference);
  }
  return largest / scale;
}

/** The optimizer over a million parameters, out of a training step. */
async function measureAdam(engine: Engine, ceiling: Ceiling, repetitions: number): Promise<KernelResult> {
  const trainer = createTrainer(engine, dense(1024, { bias: false }), {
    inputShape: [1024],
    optimizer: adam(),
    seed: 1,
  });
  const step = await trainer.compile(
    ({ x, y }, model) => ({ minimize: ops.crossEntropy(model(x), argmax(y)) }),
    {
      name: "train",
      inputs: { x: [16, 1024], y: [16, 1024] },
    },
  );
  step.write({
    x: init.uniform(0, 1)([16, 1024], { seed: 1, stream: 1 }),
    y: init.uniform(0, 1)([16, 1024], { seed: 1, stream: 2 }),
  });
  const measured = await profiled(engine, step, "elementwise4", "1 M parameters", ceiling, repetitions);
  step.release();
  trainer.release();
  return { ...measured, kernel: "adam", difference: Number.NaN };
}

const WARM_UP = 2;

async function profiled(
  { kind }: Engine,
  step: CompiledStep,
  kernel: string,
  shape: string,
  ceiling: Ceiling,
  repetitions: number,
): Promise<Omit<KernelResult, "difference">> {
  const runs: number[][] = [];
  for (let i = 0; i < WARM_UP + repetitions; i++) {
    const { milliseconds } = await step.profile(1);
    if (i >= WARM_UP) runs.push(milliseconds.map(([one]) => one));
  }
  const launches = runs[0].map((_, launch) => runs.map((run) => run[launch]));
  const profiles = launchProfiles(step.program, { milliseconds: launches, ceiling });
  const own = profiles.findIndex(({ dispatches }) => dispatches[0].kernel.startsWith(kernel));
  if (own < 0) throw new Error(`${kernel}, ${shape}: no launch of that kernel`);
  const { flops, bytes, milliseconds, share = Number.NaN, dispatches } = profiles[own];
  return {
    kernel,
    shape,
    // Blocks of shaders concern GPUs only.
    variant: kind === "gpu" ? variantOf(dispatches[0]) : dispatches[0].kernel,
    milliseconds: spreadOf(launches[own]),
    gflopsPerSecond: flops / milliseconds / 1e6,
    gbytesPerSecond: bytes / milliseconds / 1e6,
    share,
  };
}

function variantOf({
  kernel,
  constants,
}: ReturnType<typeof launchProfiles>[number]["dispatches"][number]): string {
  const { TILE_M, TILE_N, LANES, VECTOR_B } = constants;
  if (TILE_M === undefined) return kernel;
  return `${kernel} ${TILE_M}×${TILE_N}${(LANES ?? 1) > 1 ? `, ${LANES} lanes` : ""}${VECTOR_B ? ", vectors" : ""}`;
}

function kernelsReport(result: KernelsResult, end: string): Report {
  const { kernels, ceiling, leftOut, failures } = result;
  return {
    name: `kernels${end}`,
    lines: [
      `This device: ${formatCeiling(ceiling)}`,
      "",
      ...table([
        ["kernel", "shape", "variant", "ms", "GFLOP/s", "GB/s", "share"],
        ...kernels.map(
          ({ kernel, shape, variant, milliseconds, gflopsPerSecond, gbytesPerSecond, share }) => [
            kernel,
            shape,
            variant,
            formatSpread(milliseconds),
            gflopsPerSecond.toPrecision(3),
            gbytesPerSecond.toPrecision(3),
            `${Math.round(share * 100)} %`,
          ],
        ),
      ]),
      ...failures.map(failureLine),
      ...leftOut.map(({ kernel, shape, why }) => `Left out: ${kernel}, ${shape}, which would take ${why}`),
      "",
      "Share: of the time that the device would take at least, for the operations or for the bytes, whichever takes longer.",
      `Medians of ${result.repetitions}, by the device's own clock; results were held against the CPU engine's first, or f64 where that takes seconds.`,
    ],
    object: { benchmark: "kernels", ...result },
    chart: kernelsChart(result),
  };
}

function failureLine({ kernel, shape, why }: Unmeasured): string {
  return `FAILS ${kernel}, ${shape}: ${why}`;
}

function kernelsChart({ kernels }: KernelsResult): ChartSpec {
  return {
    kind: "bars",
    title: "Each kernel's share of what the device can do",
    categories: kernels.map(({ kernel, shape }) => `${kernel}, ${shape}`),
    value: { name: "share of the ceiling", unit: "%" },
    series: [{ name: "share", values: kernels.map(({ share }) => share * 100) }],
  };
}
