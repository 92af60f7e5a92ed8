/** The launches of a training step as a device would be given them, and folders of such launches. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { adam, cpu, crossEntropy, type Engine, type Program, session, writeFileWhole } from "wgrad";
import { dataset } from "wgrad/data";
import { type DeviceTraits, launchDetails, programFor } from "wgrad/inspect";
import { CONTEXT, transformer } from "../../presets/transformer.ts";
import { type NamedModel, namedModel } from "../options.ts";
import { Candidate, layersOf, samples } from "../workload.ts";
import { usefulShare } from "./useful.ts";

/** A launch to be compiled. */
export interface Launch {
  /** "05-matmulTiled": its place in the step, and its entry point. */
  readonly name: string;
  /** Its dispatches, for people: "matmul (2.dense)". */
  readonly title: string;
  readonly entryPoint: string;
  /** WGSL. */
  readonly code: string;
  /** [x, y, z] */
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
  readonly bytes: number;
  /** Whether it multiplies matrices or convolves; undefined where that is not told. */
  readonly products?: boolean;
  /** Share of its multiply-adds that are part of the result; undefined where that is not known. */
  readonly useful?: number;
}

export interface Step {
  /** "conv", as it was asked for, or the folder's name. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly launches: readonly Launch[];
}

/** A training step that can be asked for by name. */
export interface StepChoice {
  readonly name: string;
  readonly batch: number;
  readonly open: (batch: number) => Promise<{ readonly title: string; readonly program: Program }>;
}

/** Names of kernels that multiply matrices or convolve. */
const PRODUCTS = /^(matmul|conv|depthwise)/;
const CHARACTERS = 19;

/** Reads "mlp", "conv", "transformer", or the widths of hidden layers, such as "30". @throws InvalidArgumentError */
export function stepChoice(name: string): StepChoice {
  if (name === "transformer") return { name, batch: 16, open: (batch) => openTransformer(cpu(), batch) };
  const model = namedModel(name);
  // The smallest of the models that other benchmarks train goes with small batches.
  const batch = name === "30" ? 10 : model.batch;
  return { name, batch, open: (batch) => openClassifier(cpu(), model, batch) };
}

async function openClassifier(engine: Engine, model: NamedModel, batch: number) {
  const { step } = await Candidate.open(engine, { ...model, batch, seed: 1 }, samples(1));
  return {
    title: `One training step of ${layersOf(model).join("-")}, batch ${batch}`,
    program: step.program,
  };
}

async function openTransformer(engine: Engine, batchSize: number) {
  const characters = Int32Array.from({ length: batchSize * CONTEXT }, (_, i) => i % CHARACTERS);
  const windows = { data: characters, shape: [CONTEXT] };
  const { step } = await session(
    engine,
    transformer(CHARACTERS),
    dataset({ inputs: windows, targets: windows }),
    { loss: crossEntropy(), optimizer: adam(), batchSize, seed: 1 },
  );
  return {
    title: `One training step of two transformer blocks, ${batchSize} windows of ${CONTEXT} characters`,
    program: step.program,
  };
}

/** The launches of a step on a device of these traits, before it has measured any variants. */
export async function stepOn(traits: DeviceTraits, choice: StepChoice, batch = choice.batch): Promise<Step> {
  const { title, program } = await choice.open(batch);
  const launches = launchDetails(programFor(program, traits)).map((launch, i) => {
    const { name, entryPoint, code, grid, flops, bytes } = launch;
    return {
      name: `${String(i).padStart(2, "0")}-${entryPoint}`,
      title: name,
      entryPoint,
      code,
      workgroups: grid,
      flops,
      bytes,
      products: launch.dispatches.some(({ kernel }) => PRODUCTS.test(kernel)),
      useful: usefulShare(launch),
    };
  });
  return { name: choice.name, title, launches };
}

/** Writes each launch as NN-kernel.wgsl, and beside it NN-kernel.json. */
export async function writeFolder(folder: string, { launches }: Step): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { name, code, ...rest } of launches) {
    await writeFileWhole(join(folder, `${name}.wgsl`), code);
    await writeFileWhole(join(folder, `${name}.json`), `${JSON.stringify(rest, undefined, 2)}\n`);
  }
}

/**
 * Reads a folder of launches: each NN-kernel.wgsl with its NN-kernel.json, which has at least `entryPoint`, `workgroups`
 * and `flops`.
 * @throws Error where there are none, or where one is not complete
 */
export async function readFolder(folder: string): Promise<Step> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".wgsl")).sort();
  if (files.length === 0) throw new Error(`${folder} has no .wgsl files; give a folder that --wgsl wrote`);
  const launches = await Promise.all(
    files.map(async (file) => {
      const name = file.slice(0, -".wgsl".length);
      return readLaunch(name, await readFile(join(folder, file), "utf8"), join(folder, `${name}.json`));
    }),
  );
  return { name: basename(folder), title: `Launches in ${folder}`, launches };
}

async function readLaunch(name: string, code: string, path: string): Promise<Launch> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new Error(`${path} is missing: entryPoint, workgroups and flops of ${name}.wgsl`);
  });
  const { entryPoint, workgroups, flops, bytes = 0, title = name, products, useful } = parsed(text, path);
  const isCount = (value: unknown): value is number => typeof value === "number" && value >= 0;
  const isText = (value: unknown): value is string => typeof value === "string";
  if (!isText(entryPoint) || !isText(title) || !isCount(flops) || !isCount(bytes) || !isGrid(workgroups)) {
    throw new Error(`${path}: expected entryPoint, a name; workgroups, three numbers; flops, a number`);
  }
  const told = {
    ...(typeof products === "boolean" ? { products } : {}),
    ...(isCount(useful) ? { useful } : {}),
  };
  return { name, title, entryPoint, code, workgroups, flops, bytes, ...told };
}

function isGrid(value: unknown): value is Launch["workgroups"] {
  return (
    Array.isArray(value) && value.length === 3 && value.every((size) => Number.isInteger(size) && size > 0)
  );
}

function parsed(text: string, path: string): Readonly<Partial<Record<keyof Launch, unknown>>> {
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
