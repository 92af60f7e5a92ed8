/**
 * Each kernel by itself: operations and bytes a second on shapes that training has, and which share that is of what the
 * device can do. A case is a function of traced tensors; of the launches that it becomes, those of the kernel in question
 * are timed. Before that, its results are held against the CPU engine's.
 */
import type { Command } from "commander";
import {
  adam,
  add,
  argmax,
  type Ceiling,
  type CompiledStep,
  compile,
  connect,
  cpu,
  createTrainer,
  dense,
  type Engine,
  type GpuEngine,
  gradients,
  init,
  launchProfiles,
  matmul,
  mul,
  ops,
  sum,
  type Tensor,
  transpose,
} from "wgrad";
import { measureCeiling } from "wgrad/inspect";
import type { ChartSpec } from "../charts/spec.ts";
import { table } from "../src/text.ts";
import { formatCeiling } from "./ceiling.ts";
import { formatSpread, type Spread, spreadOf } from "./measure.ts";
import { benchmark, note, type OutputFlags, outputOptions, repetitionsOption } from "./options.ts";
import { publish, type Report } from "./report.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;
type Traced = Readonly<Record<string, Tensor>>;

interface KernelCase {
  /** The kernel and its variants are known by the beginning of their names. */
  readonly kernel: string;
  readonly shape: string;
  readonly inputs: Shapes;
  readonly body: (inputs: Traced) => Tensor;
  /** Operations beyond which the case is left out on devices that would take seconds. */
  readonly large?: boolean;
}

interface KernelResult {
  readonly kernel: string;
  readonly shape: string;
  /** The variant that was chosen: "matmul 32 × 4, 8 lanes". */
  readonly variant: string;
  readonly milliseconds: Spread;
  readonly gflopsPerSecond: number;
  readonly gbytesPerSecond: number;
  readonly share: number;
  /** The largest difference from the CPU engine, relative to the largest element. */
  readonly difference: number;
}

interface KernelsResult {
  readonly adapter: string;
  readonly ceiling: Ceiling;
  readonly repetitions: number;
  readonly kernels: readonly KernelResult[];
}

const TOLERANCE = 1e-4;
/** Above this, only devices that do it within a second measure a case. */
const LARGE_FLOPS = 4e9;

const product = (m: number, n: number, k: number, layout: "NN" | "NT" | "TN", large = false): KernelCase => ({
  kernel: "matmul",
  shape: `${layout} ${m} × ${k} · ${k} × ${n}`,
  inputs: { a: layout === "TN" ? [k, m] : [m, k], b: layout === "NT" ? [n, k] : [k, n] },
  body: ({ a, b }) => matmul(layout === "TN" ? transpose(a) : a, layout === "NT" ? transpose(b) : b),
  large,
});

/** A convolution of the `conv` model at batch 64, forward and backward. */
function convolution(x: readonly number[], w: readonly number[]): KernelCase[] {
  const y = [x[0], w[0], x[2] - w[2] + 1, x[3] - w[3] + 1];
  const shape = `${x.join("×")} by ${w.join("×")}`;
  const conv = ({ x, w }: Traced) => ops.conv2d(x, w);
  return [
    { kernel: "convForward", shape, inputs: { x, w }, body: conv },
    {
      kernel: "convInputGradient",
      shape,
      inputs: { x, w, y },
      body: (inputs) => gradients(conv(inputs), [inputs.x], inputs.y)[0],
    },
    {
      kernel: "convWeightGradient",
      shape,
      inputs: { x, w, y },
      body: (inputs) => gradients(conv(inputs), [inputs.w], inputs.y)[0],
    },
  ];
}

const image = [64, 24, 24, 24];
const CASES: readonly KernelCase[] = [
  product(256, 256, 256, "NN"),
  product(1024, 1024, 1024, "NN"),
  product(1024, 1024, 1024, "NT"),
  product(1024, 1024, 1024, "TN"),
  product(4096, 4096, 4096, "NN", true),
  product(128, 256, 784, "NT"),
  product(256, 784, 128, "TN"),
  product(1, 4096, 1024, "NT"),
  product(10, 30, 784, "NT"),
  {
    kernel: "matmul",
    shape: "64 of 128 × 64 · 64 × 128",
    inputs: { a: [64, 128, 64], b: [64, 64, 128] },
    body: ({ a, b }) => matmul(a, b),
  },
  ...convolution([64, 1, 28, 28], [24, 1, 5, 5]),
  ...convolution([64, 24, 12, 12], [32, 24, 3, 3]),
  { kernel: "maxSelect", shape: image.join("×"), inputs: { x: image }, body: ({ x }) => ops.maxPool2d(x, 2) },
  {
    kernel: "maxScatter",
    shape: image.join("×"),
    inputs: { x: image, y: [64, 24, 12, 12] },
    body: ({ x, y }) => gradients(ops.maxPool2d(x, 2), [x], y)[0],
  },
  {
    kernel: "elementwise",
    shape: "a + b, 4 M",
    inputs: { a: [4 * 2 ** 20], b: [4 * 2 ** 20] },
    body: ({ a, b }) => ops.relu(add(a, mul(b, 2))),
  },
  { kernel: "reduce", shape: "sum of all of 4 M", inputs: { x: [2048, 2048] }, body: ({ x }) => sum(x) },
  { kernel: "reduce", shape: "sum of rows, 2048²", inputs: { x: [2048, 2048] }, body: ({ x }) => sum(x, 1) },
  {
    kernel: "reduce",
    shape: "sum of columns, 2048²",
    inputs: { x: [2048, 2048] },
    body: ({ x }) => sum(x, 0),
  },
  { kernel: "softmax", shape: "4096 × 512", inputs: { x: [4096, 512] }, body: ({ x }) => ops.softmax(x) },
  {
    kernel: "crossEntropy",
    shape: "4096 × 10",
    inputs: { x: [4096, 10], y: [4096, 10] },
    body: ({ x, y }) => ops.crossEntropy(x, argmax(y)),
  },
];

export function kernelsCommand(): Command {
  const command = benchmark(
    "kernels",
    "operations and bytes a second of each kernel, and their fraction of the device's peak",
  )
    .addOption(repetitionsOption(15, "number of runs of each kernel, after two for warm-up"))
    .action(async ({ repetitions, ...flags }: OutputFlags & { repetitions: number }) => {
      await using engine = await connect();
      await publish(kernelsReport(await measureKernels(engine, repetitions)), flags);
    });
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

/** @throws Error when a kernel's results differ from the CPU engine's: then there is nothing worth timing */
export async function measureKernels(
  engine: GpuEngine,
  repetitions: number,
  cases: readonly KernelCase[] = CASES,
): Promise<KernelsResult> {
  note("measuring what the device can do");
  const ceiling = await measureCeiling(engine);
  note(formatCeiling(ceiling));
  const kernels: KernelResult[] = [];
  for (const one of cases) {
    if (one.large && ceiling.flops < 2 * LARGE_FLOPS * 100) continue;
    kernels.push(await measureCase(engine, ceiling, repetitions, one));
    note(`measured ${one.kernel}, ${one.shape}`);
  }
  kernels.push(await measureAdam(engine, ceiling, repetitions));
  return { adapter: engine.info.adapter, ceiling, repetitions, kernels };
}

async function measureCase(
  engine: GpuEngine,
  ceiling: Ceiling,
  repetitions: number,
  one: KernelCase,
): Promise<KernelResult> {
  const values = Object.fromEntries(
    Object.entries(one.inputs).map(([name, shape], stream) => [
      name,
      init.uniform(-1, 1)(shape, { seed: 1, stream }),
    ]),
  );
  const step = await compiled(engine, one);
  const { result } = await step.run(values);
  const difference = one.large ? Number.NaN : await differenceFromCpu(one, values, result as Float32Array);
  if (!one.large && !(difference <= TOLERANCE)) {
    throw new Error(
      `${one.kernel}, ${one.shape}: differs from the CPU engine by ${difference} of its largest element, more than ${TOLERANCE}; nothing was timed`,
    );
  }
  const measured = await profiled(step, one.kernel, one.shape, ceiling, repetitions);
  step.release();
  return { ...measured, difference };
}

async function compiled(engine: Engine, { inputs, body }: KernelCase): Promise<CompiledStep> {
  const { step } = await compile(engine, inputs, (sources) => ({ result: body(sources) }), {
    name: "kernel",
  });
  return step;
}

async function differenceFromCpu(
  one: KernelCase,
  values: Readonly<Record<string, Float32Array>>,
  actual: Float32Array,
): Promise<number> {
  const { result: expected } = await (await compiled(cpu(), one)).run(values);
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
async function measureAdam(engine: GpuEngine, ceiling: Ceiling, repetitions: number): Promise<KernelResult> {
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
  const measured = await profiled(step, "elementwise4", "1 M parameters", ceiling, repetitions);
  step.release();
  trainer.release();
  return { ...measured, kernel: "adam", difference: Number.NaN };
}

const WARM_UP = 2;

async function profiled(
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
    variant: variantOf(dispatches[0]),
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

function kernelsReport(result: KernelsResult): Report {
  const { kernels, ceiling } = result;
  return {
    name: "kernels",
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
      "",
      "Share: of the time that the device would take at least, for the operations or for the bytes, whichever takes longer.",
      `Medians of ${result.repetitions}, by the device's own clock; results were held against the CPU engine's first.`,
    ],
    object: { benchmark: "kernels", ...result },
    chart: kernelsChart(result),
  };
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
