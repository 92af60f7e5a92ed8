/**
 * The same training step in PyTorch, on its best device, and in wgrad, in turn: on the GPU, or where PyTorch computes on the
 * processor, on the wasm engine with as many threads.
 *
 * Both train the same model from the same weights on the same batches: nothing is timed unless the losses agree. On
 * either side the data lies on the device, and a batch is gathered by index.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect, type Engine, programCost } from "wgrad";
import { openWasm, wholeNumber } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { TOLERANCE } from "./agreement.ts";
import { formatSpread, inTurn, significant } from "./measure.ts";
import {
  batchOption,
  benchmark,
  type EngineFlags,
  modelOption,
  type NamedModel,
  NotHereError,
  note,
  type OutputFlags,
  outputOptions,
  repetitionsOption,
  seedOption,
  threadsOption,
} from "./options.ts";
import { type Python, startFirst } from "./python.ts";
import { publish, publishSoFar, type Report } from "./report.ts";
import {
  ceilingLines,
  chartOf,
  type Greeting,
  MODES,
  type Mode,
  nameOf,
  originOf,
  rowsOf,
  type Setting,
  sharedCeiling,
  speedCells,
  speedHeadings,
  type TorchResult,
  torchTime,
  writeFiles,
} from "./torch/contest.ts";
import { matmulReport } from "./torch/products.ts";
import {
  agreement,
  Candidate,
  CLASSES,
  COMPARED_STEPS,
  convolutionsOf,
  IMAGE,
  LEARNING_RATE,
  layersOf,
  SAMPLES,
  samples,
} from "./workload.ts";

interface TorchFlags extends EngineFlags, OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly matmul?: number;
  readonly steps: number;
  readonly repetitions: number;
  readonly seed: number;
  readonly modes: readonly Mode[];
  readonly python?: string;
}

const SCRIPT = fileURLToPath(new URL("pytorch.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3"];
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
    .addOption(
      new Option("--modes <names>", `of PyTorch's steps, those that it has here: ${MODES.join(",")}`)
        .argParser(modes)
        .default(["eager", "graph"], "eager,graph"),
    )
    .addOption(
      new Option(
        "--engine <name>",
        "wgrad's engine (default: wasm where PyTorch computes on the processor, and gpu elsewhere); with wasm, PyTorch computes on the processor",
      ).choices(["gpu", "wasm"]),
    )
    .addOption(
      threadsOption("threads of both on the processor (default: as many as PyTorch takes by itself)"),
    )
    .option(
      "--python <path>",
      `a Python with PyTorch (default: the first of ${PYTHONS.join(", ")} that has it)`,
    )
    .action(torch);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

/** Reads "eager,compile". */
function modes(text: string): Mode[] {
  const wanted = text.split(",");
  if (!wanted.every((name) => (MODES as readonly string[]).includes(name)))
    throw new InvalidArgumentError(`Expected names out of ${MODES.join(", ")} with commas between them.`);
  return MODES.filter((name) => wanted.includes(name));
}

async function torch(flags: TorchFlags): Promise<void> {
  const { engine: wanted, threads } = flags;
  const { python, greeting } = await findTorch(flags.python ? [flags.python] : PYTHONS, [
    ...(wanted === "wasm" ? ["--device", "cpu"] : []),
    ...(threads === undefined ? [] : ["--threads", `${threads}`]),
  ]);
  const folder = await mkdtemp(join(tmpdir(), "wgrad-bench-"));
  let engine: Engine | undefined;
  try {
    note(`PyTorch ${greeting.torch} on ${greeting.deviceName}`);
    const onProcessor = (wanted ?? (greeting.device === "cpu" ? "wasm" : "gpu")) === "wasm";
    engine = onProcessor ? await openWasm(greeting.threads) : await connect();
    const ceiling = await sharedCeiling(engine, greeting);
    const setting = { engine, ceiling, python, greeting, folder, note };
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

async function findTorch(
  paths: readonly string[],
  args: readonly string[],
): Promise<{ python: Python; greeting: Greeting }> {
  try {
    const { python, greeting } = await startFirst(paths, SCRIPT, args);
    return { python, greeting: greeting as Greeting };
  } catch (cause) {
    const reasons = (cause as Error).message;
    throw new NotHereError(
      `no Python with PyTorch here (${reasons}); install PyTorch, or name a Python that has it with --python`,
      { cause },
    );
  }
}

async function stepReport(setting: Setting, flags: TorchFlags): Promise<Report> {
  const { model, batch = model.batch } = flags;
  const reportOf = (result: TorchResult) => stepReportOf(result, model, batch);
  const tell = (soFar: TorchResult) => publishSoFar(() => reportOf(soFar), flags);
  return reportOf(await measureSteps(setting, { ...flags, batch }, tell));
}

function stepReportOf(result: TorchResult, model: NamedModel, batch: number): Report {
  const rows = table([
    ["", "ms a step", "times wgrad's", ...speedHeadings(result)],
    ...result.rows.map((row) => [
      row.name,
      formatSpread(row.milliseconds),
      significant(row.ratio),
      ...speedCells(row),
    ]),
  ]);
  const lines = [
    `${result.what}, softmax cross-entropy, Adam, f32`,
    `Losses of the first ${COMPARED_STEPS} steps, from the same weights, agree to ${result.difference.toExponential(1)} relative`,
    "",
    ...rows,
    ...result.failures.map(({ name, why }) => `${name} fails: ${why}`),
    "",
    ...ceilingLines(result),
    `Medians, and from the lowest to the highest of ${result.repetitions} measurements of ${result.count} steps; all took turns.`,
    originOf(result.pytorch),
  ];
  const object = { benchmark: "torch", layers: layersOf(model), batch, ...result };
  return { name: `torch-${model.name}-${batch}`, lines, object, chart: chartOf(result, "a step") };
}

async function measureSteps(
  setting: Setting,
  { model, batch, seed, steps, repetitions, modes }: TorchFlags & { readonly batch: number },
  onTurn: (soFar: TorchResult) => void,
): Promise<TorchResult> {
  const { engine, python, greeting, folder, note } = setting;
  const available = modes.filter((mode) => greeting.modes.includes(mode));
  if (available.length === 0) {
    const all = greeting.modes.join(", ");
    throw new NotHereError(`PyTorch ${greeting.torch} has no ${modes.join(", ")} here, but ${all}`);
  }
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
  const running: Mode[] = [];
  const failures: TorchResult["failures"][number][] = [];
  for (const mode of available) {
    note(`${mode}: getting ready`);
    const losses = await lossesOf(python, mode).catch(({ message }: Error) => {
      failures.push({ name: nameOf(mode, greeting), why: message });
    });
    if (!losses) continue;
    // In a CUDA graph, Adam's bias correction is computed in f32.
    const tolerance = mode.endsWith("graph") ? TOLERANCE.systems : TOLERANCE.engines;
    const expected = { adapter: `PyTorch (${mode})`, losses };
    differences.push(agreement(actual, expected, tolerance).lossDifference);
    running.push(mode);
  }
  if (running.length === 0) throw new Error(failures.map(({ why }) => why).join("; "));
  const difference = Math.max(...differences);
  note(`losses of ${COMPARED_STEPS} steps agree to ${difference.toExponential(1)}`);

  const { flops } = programCost(wgrad.step.program);
  const resultOf = (times: Readonly<Record<string, readonly number[]>>): TorchResult => ({
    what: `One training step of ${layersOf(model).join("-")}, batch ${batch}`,
    adapter: engine.info.adapter,
    pytorch: greeting,
    difference,
    count: steps,
    repetitions: times.wgrad.length,
    ceiling: setting.ceiling,
    rows: rowsOf(times, setting, flops),
    failures,
  });
  const measurements: Record<string, () => Promise<number>> = {
    wgrad: async () => (await wgrad.run(steps)).milliseconds / steps,
  };
  for (const mode of running)
    measurements[mode] = () => torchTime(python, { op: "steps", mode, count: steps });
  return resultOf(await inTurn(repetitions, measurements, note, (times) => onTurn(resultOf(times))));
}

async function lossesOf(python: Python, mode: Mode): Promise<readonly number[]> {
  const answer = await python.request({ op: "losses", mode, steps: COMPARED_STEPS });
  return (answer as { readonly losses: readonly number[] }).losses;
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
