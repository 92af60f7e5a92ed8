/**
 * The same training step in PyTorch, on its best device, and in wgrad, in turn.
 *
 * Both train the same model from the same weights on the same batches: nothing is timed unless the losses agree. On
 * either side the data lies on the device, and a batch is gathered by index.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { compile, connect, dataSource, type Engine, init, matmul, max } from "wgrad";
import type { ChartSpec } from "../charts/spec.ts";
import { wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatSpread, inTurn, type Spread, significant, spreadOf } from "./measure.ts";
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
import { type Python, type Question, startFirst } from "./python.ts";
import { publish, type Report } from "./report.ts";
import {
  agreement,
  Candidate,
  CLASSES,
  COMPARED_STEPS,
  convolutionsOf,
  IMAGE,
  LEARNING_RATE,
  layersOf,
  relativeDifference,
  SAMPLES,
  samples,
} from "./workload.ts";

interface TorchFlags extends OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly matmul?: number;
  readonly steps: number;
  readonly repetitions: number;
  readonly seed: number;
  readonly python?: string;
}

/** The first message of pytorch.py. */
interface Greeting {
  readonly torch: string;
  readonly python: string;
  readonly device: "cuda" | "mps" | "cpu";
  readonly deviceName: string;
  readonly threads: number;
  readonly modes: readonly Mode[];
}
type Mode = "eager" | "graph";

interface TorchRow {
  readonly name: string;
  readonly milliseconds: Spread;
  /** Time relative to wgrad's. */
  readonly ratio: number;
  readonly gflops?: number;
}

interface TorchResult {
  readonly what: string;
  readonly adapter: string;
  readonly pytorch: Greeting;
  readonly difference: number;
  readonly count: number;
  readonly repetitions: number;
  /** wgrad's first. */
  readonly rows: readonly TorchRow[];
}

const SCRIPT = fileURLToPath(new URL("pytorch.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3"];
/** Products in one submit. */
const PRODUCTS_PER_RUN = 16;
/** Tolerance of sums of products in another order. */
const MATMUL_TOLERANCE = 1e-4;

export function torchCommand(): Command {
  const command = benchmark("torch", "the training step, or a matrix product, in PyTorch and in wgrad")
    .addOption(modelOption())
    .addOption(batchOption())
    .addOption(
      new Option(
        "--matmul <n>",
        "instead of a step: the product of two n×n matrices in f32, TF32 off",
      ).argParser(wholeNumber(1, 16_384)),
    )
    .addOption(
      new Option("--steps <n>", "steps, or products, of one measurement")
        .argParser(wholeNumber(1, 100_000))
        .default(100),
    )
    .addOption(repetitionsOption())
    .addOption(seedOption())
    .option(
      "--python <path>",
      `a Python with PyTorch (default: the first of ${PYTHONS.join(", ")} that has it)`,
    )
    .action(torch);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

async function torch(flags: TorchFlags): Promise<void> {
  const { python, greeting } = await findTorch(flags.python ? [flags.python] : PYTHONS);
  const folder = await mkdtemp(join(tmpdir(), "wgrad-bench-"));
  let engine: Engine | undefined;
  try {
    note(`PyTorch ${greeting.torch} on ${greeting.deviceName}`);
    engine = await connect();
    const setting = { engine, python, greeting, folder, note };
    await publish(
      await (flags.matmul ? matmulReport(setting, flags.matmul, flags) : stepReport(setting, flags)),
      flags,
    );
  } finally {
    python.close();
    await rm(folder, { recursive: true, force: true });
    // A process with a GPU device does not end by itself.
    await engine?.destroy();
  }
}

async function findTorch(paths: readonly string[]): Promise<{ python: Python; greeting: Greeting }> {
  try {
    const { python, greeting } = await startFirst(paths, SCRIPT);
    return { python, greeting: greeting as Greeting };
  } catch (cause) {
    const reasons = (cause as Error).message;
    throw new Error(
      `no Python with PyTorch here (${reasons}); install PyTorch, or name a Python that has it with --python`,
      { cause },
    );
  }
}

interface Setting {
  readonly engine: Engine;
  readonly python: Python;
  readonly greeting: Greeting;
  /** Seed of the data and weights that both sides start from. */
  readonly folder: string;
  readonly note: (line: string) => void;
}

async function stepReport(setting: Setting, flags: TorchFlags): Promise<Report> {
  const { model, batch = model.batch } = flags;
  const result = await measureSteps(setting, { ...flags, batch });
  const rows = table([
    ["", "ms a step", "times wgrad's"],
    ...result.rows.map(({ name, milliseconds, ratio }) => [
      name,
      formatSpread(milliseconds),
      significant(ratio),
    ]),
  ]);
  const lines = [
    `${result.what}, softmax cross-entropy, Adam, f32`,
    `Losses of the first ${COMPARED_STEPS} steps, from the same weights, agree to ${result.difference.toExponential(1)} relative`,
    "",
    ...rows,
    "",
    `Medians, and from the lowest to the highest of ${result.repetitions} measurements of ${result.count} steps; all took turns.`,
    originOf(result.pytorch),
  ];
  const object = { benchmark: "torch", layers: layersOf(model), batch, ...result };
  return { name: `torch-${model.name}-${batch}`, lines, object, chart: chartOf(result, "a step") };
}

async function measureSteps(
  { engine, python, greeting, folder, note }: Setting,
  { model, batch, seed, steps, repetitions }: TorchFlags & { readonly batch: number },
): Promise<TorchResult> {
  const data = samples(seed);
  const wgrad = await Candidate.open(engine, { ...model, batch, seed }, data);
  const weights = Object.values(await wgrad.trainer.weights());
  const files = { ...data, weights: joined(weights.map((weight) => weight.data)) };
  await writeFiles(folder, files);
  await python.request({
    op: "load",
    folder,
    samples: SAMPLES,
    batch,
    learningRate: LEARNING_RATE,
    image: IMAGE,
    convolutions: convolutionsOf(model),
    hidden: model.hidden,
    classes: CLASSES,
    shapes: weights.map(({ shape }) => shape),
  });

  const actual = { adapter: engine.info.adapter, losses: (await wgrad.compared(COMPARED_STEPS)).losses };
  const differences: number[] = [];
  for (const mode of greeting.modes) {
    const { losses } = (await python.request({ op: "losses", mode, steps: COMPARED_STEPS })) as {
      losses: number[];
    };
    differences.push(agreement(actual, { adapter: `PyTorch (${mode})`, losses }).lossDifference);
  }
  const difference = Math.max(...differences);
  note(`losses of ${COMPARED_STEPS} steps agree to ${difference.toExponential(1)}`);

  const times = await inTurn(
    repetitions,
    {
      wgrad: async () => (await wgrad.run(steps)).milliseconds / steps,
      ...Object.fromEntries(
        greeting.modes.map((mode) => [mode, () => torchTime(python, { op: "steps", mode, count: steps })]),
      ),
    },
    note,
  );
  return {
    what: `One training step of ${layersOf(model).join("-")}, batch ${batch}`,
    adapter: engine.info.adapter,
    pytorch: greeting,
    difference,
    count: steps,
    repetitions,
    rows: rowsOf(times, greeting),
  };
}

async function matmulReport(setting: Setting, size: number, flags: TorchFlags): Promise<Report> {
  const result = await measureProducts(setting, size, flags);
  const lines = [
    `${result.what}; wgrad's is followed by the maxima of its rows`,
    `The maxima agree to ${result.difference.toExponential(1)} relative`,
    "",
    ...table([
      ["", "ms", "GFLOP/s", "times wgrad's"],
      ...result.rows.map(({ name, milliseconds, ratio, gflops = 0 }) => [
        name,
        formatSpread(milliseconds),
        significant(gflops),
        significant(ratio),
      ]),
    ]),
    "",
    `Medians, and from the lowest to the highest of ${result.repetitions} measurements of ${result.count} products; all took turns.`,
    originOf(result.pytorch),
  ];
  const object = { benchmark: "torch", size, ...result };
  return { name: `torch-matmul-${size}`, lines, object, chart: chartOf(result, "a product") };
}

async function measureProducts(
  { engine, python, greeting, folder, note }: Setting,
  size: number,
  { seed, steps, repetitions }: TorchFlags,
): Promise<TorchResult> {
  const matrix = (stream: number) => init.uniform(-1, 1)([size, size], { seed, stream });
  const files = { a: matrix(1), b: matrix(2) };
  await writeFiles(folder, files);
  const product = await compileProduct(engine, size, files);
  const { maxima } = (await python.request({ op: "matrices", folder, size })) as { maxima: number[] };
  const actual = [...(await product(1))];
  const difference = relativeDifference(actual, maxima);
  if (!(difference <= MATMUL_TOLERANCE)) {
    throw new Error(
      `the products disagree by ${difference} in the maxima of their rows, more than ${MATMUL_TOLERANCE}; nothing was timed`,
    );
  }
  const wgrad = async () => {
    const began = performance.now();
    await product(steps);
    return (performance.now() - began) / steps;
  };
  const eager = () => torchTime(python, { op: "matmul", count: steps });
  const rows = rowsOf(await inTurn(repetitions, { wgrad, eager }, note), greeting);
  return {
    what: `The product of two ${size}×${size} matrices in f32`,
    adapter: engine.info.adapter,
    pytorch: greeting,
    difference,
    count: steps,
    repetitions,
    rows: rows.map((row) => ({ ...row, gflops: (2 * size ** 3) / row.milliseconds.median / 1e6 })),
  };
}

/** The product, `count` times over; only the maxima of its rows come back, as reading it whole would be most of the time. */
async function compileProduct(
  engine: Engine,
  size: number,
  { a, b }: Readonly<Record<"a" | "b", Float32Array>>,
): Promise<(count: number) => Promise<Float32Array>> {
  const source = (name: string) => dataSource(name, [size, size], "f32");
  const { step } = await compile(engine, {}, () => ({ maxima: max(matmul(source("a"), source("b")), 1) }), {
    name: "product",
    data: { a: engine.buffer("a", "f32", a.length, a), b: engine.buffer("b", "f32", b.length, b) },
    maxSteps: PRODUCTS_PER_RUN,
  });
  return async (count) => {
    const runs: ReturnType<typeof step.runMany>[] = [];
    for (let left = count; left > 0; left -= PRODUCTS_PER_RUN) {
      runs.push(step.runMany(Math.min(left, PRODUCTS_PER_RUN), () => ({})));
    }
    const [{ maxima }] = await Promise.all(runs);
    return (maxima as Float32Array).subarray(0, size);
  };
}

async function torchTime(python: Python, question: Question & { count: number }): Promise<number> {
  const { seconds } = (await python.request(question)) as { seconds: number };
  return (seconds * 1000) / question.count;
}

async function writeFiles(folder: string, files: Readonly<Record<string, ArrayBufferView>>): Promise<void> {
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data as Uint8Array);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const NAMES: Readonly<Record<string, string>> = { eager: "PyTorch", graph: "PyTorch, CUDA graph" };

function rowsOf(
  times: Readonly<Record<string, readonly number[]>>,
  { device, deviceName }: Greeting,
): TorchRow[] {
  const spreads = Object.entries(times).map(([name, values]) => ({ name, milliseconds: spreadOf(values) }));
  const wgrad = spreads[0].milliseconds.median;
  return spreads.map(({ name, milliseconds }) => ({
    name: name in NAMES ? `${NAMES[name]}, ${device === "cuda" ? deviceName : device}` : name,
    milliseconds,
    ratio: milliseconds.median / wgrad,
  }));
}

function originOf({ torch, python, device, deviceName, threads }: Greeting): string {
  const place =
    device === "cpu" ? `${deviceName} processor, ${threads} thread${threads === 1 ? "" : "s"}` : deviceName;
  return `PyTorch ${torch}, Python ${python}, ${device} (${place}), TF32 off`;
}

function chartOf({ what, rows, pytorch }: TorchResult, unit: string): ChartSpec {
  return {
    kind: "bars",
    title: `${what}: wgrad and PyTorch ${pytorch.torch}`,
    categories: rows.map(({ name }) => name),
    value: { name: `time ${unit}`, unit: "ms" },
    series: [{ name: unit, values: rows.map(({ milliseconds }) => milliseconds) }],
  };
}
