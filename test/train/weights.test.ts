/** Weights on their way to files and back: PyTorch's names and layouts, the same predictions, nothing by halves. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import {
  batchNorm,
  conv2d,
  cpu,
  createTrainer,
  dense,
  type Engine,
  fit,
  flatten,
  predict,
  relu,
  sequential,
  type Trainer,
} from "../../src/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/safetensors/index.ts";
import { difference } from "../helpers/compare.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";
import { convolution, linear, normalised } from "../helpers/references.ts";
import { indices, uniform } from "../helpers/samples.ts";

const engines = useEngines();
const folder = useTemporaryFolder();
const inputShape = [2, 4, 3];
const images = uniform([5, ...inputShape]);
const model = () => sequential(conv2d(3, [2, 3]), batchNorm(), relu(), flatten(), dense(4));
const SHAPES = {
  "0.weight": [3, 2, 2, 3],
  "0.bias": [3],
  "1.weight": [3],
  "1.bias": [3],
  "1.running_mean": [3],
  "1.running_var": [3],
  "4.weight": [4, 9],
  "4.bias": [4],
};

/** A model, trained for an epoch so that nothing is as it began. */
async function trained(engine: Engine) {
  const data = dataset({
    inputs: { data: uniform([12, ...inputShape]).data, shape: inputShape },
    targets: { data: indices([12], 4).data },
    classes: 4,
  });
  const run = fit(engine, model(), data, { batchSize: 4, epochs: 1, seed: 3 });
  await run;
  // Not the run itself: an async function that returned it would await it.
  return { run };
}

const open = (engine: Engine, seed = 8) => createTrainer(engine, model(), { inputShape, seed });
const predictions = async (trainer: Trainer) => (await predict(trainer, images.data)).data;

describe.each(ENGINES)("weights of a model on the %s", (kind) => {
  it("saved and loaded, give the same predictions bit for bit", async () => {
    const engine = engines[kind];
    const { run } = await trained(engine);
    const path = join(folder.path, `${kind}.safetensors`);
    await run.save(path);
    const bytes = await readFile(path);
    expect(new Uint8Array(bytes)).toEqual(await run.toSafetensors());
    const want = await predictions(run.trainer);
    const other = open(engine);
    expect(await predictions(other)).not.toEqual(want);
    for (const source of [path, new Uint8Array(bytes), await run.trainer.weights()]) {
      const trainer = open(engine);
      await trainer.load(source);
      expect(await predictions(trainer)).toEqual(want);
    }
    expect((await readdir(folder.path)).filter((name) => name.includes("part"))).toEqual([]);
  });
});

describe("a file of weights", () => {
  it("has PyTorch's names and layouts", async () => {
    const { run } = await trained(cpu());
    const { tensors, metadata } = decodeSafetensors(await run.toSafetensors());
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(SHAPES);
    expect(metadata).toEqual({ format: "pt" });
    // Read as PyTorch would read it: cross-correlation, running statistics, x · Wᵀ + b.
    const of = (name: string) => tensors.get(name)!;
    const convolved = convolution(images, of("0.weight"), of("0.bias"), {});
    const running = Array.from(of("1.running_mean").data, (mean, i) => ({
      mean,
      variance: of("1.running_var").data[i],
    }));
    const normal = normalised(convolved, running, of("1.weight"), of("1.bias"));
    const hidden = Array.from(normal.data, (value) => Math.max(value, 0));
    const want = linear({ shape: [5, 9], data: hidden }, of("4.weight"), of("4.bias"));
    const got = await predictions(run.trainer);
    expect(difference("predictions", got, want.data, { rtol: 1e-5, atol: 1e-6 })).toBe(undefined);
  });

  it("may hold what PyTorch adds: the number of batches seen", async () => {
    const trainer = open(cpu());
    const weights = await open(cpu(), 1).weights();
    const counter = { shape: [], data: Int32Array.of(7) };
    await trainer.load(encodeSafetensors({ ...weights, "1.num_batches_tracked": counter }));
    expect(await trainer.weights()).toEqual(weights);
  });
});

describe("what does not fit is refused, and nothing is changed", () => {
  type Weights = Record<string, { shape: readonly number[]; data: Float32Array }>;
  const without = ({ "0.bias": _bias, ...others }: Weights) => others;
  const zeros = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  });
  const encoded = (weights: Weights) => encodeSafetensors(weights);

  it.each<[string, (weights: Weights) => Weights | Uint8Array | string, RegExp]>([
    [
      "a missing tensor",
      without,
      /^weights does not fit the model: missing 0\.bias \[3\]\. Nothing was loaded/,
    ],
    ["an extra one", (w) => ({ ...w, extra: zeros(2) }), /unknown extra \[2\]/],
    ["a wrong shape", (w) => ({ ...w, "4.bias": zeros(5) }), /4\.bias is \[5\], the model has \[4\]/],
    [
      "as many elements in another shape",
      (w) => ({ ...w, "4.weight": zeros(9, 4) }),
      /4\.weight is \[9, 4\], the model has \[4, 9\]/,
    ],
    [
      "too few elements",
      (w) => ({ ...w, "4.bias": { shape: [4], data: new Float32Array(3) } }),
      /4\.bias is \[4\]/,
    ],
    [
      "all of it at once",
      (w) => encoded({ ...without(w), "4.bias": zeros(5), extra: zeros(1) }),
      /missing 0\.bias \[3\]; 4\.bias is \[5\], the model has \[4\]; unknown extra \[1\]/,
    ],
    ["a truncated file", (w) => encoded(w).slice(0, -5), /is the file cut off\?/],
    ["a file cut off in its header", (w) => encoded(w).slice(0, 40), /the file is cut off/],
    ["a header that is no JSON", (w) => encoded(w).fill(0x20, 8, 12), /the header is no/],
    ["an empty file", () => new Uint8Array(0), /the file is cut off: 0 bytes/],
    [
      "a file that is not there",
      () => join(folder.path, "nowhere"),
      /^load: .*nowhere cannot be read: ENOENT/,
    ],
  ])("%s", async (_name, change, message) => {
    const trainer = open(cpu());
    const before = await trainer.weights();
    // Each with other numbers, so that half a load would show.
    const source = change((await open(cpu(), 77).weights()) as Weights);
    await expect(trainer.load(source)).rejects.toThrow(message);
    expect(await trainer.weights()).toEqual(before);
  });
});

describe("a file that cannot be written", () => {
  it("in a folder that does not exist leaves nothing behind", async () => {
    const run = fit(
      cpu(),
      dense(2),
      dataset({
        inputs: { data: new Float32Array(6), shape: [3] },
        targets: { data: new Uint8Array(2) },
        classes: 2,
      }),
      { batchSize: 2 },
    );
    await run;
    const before = await readdir(folder.path, { recursive: true });
    const path = join(folder.path, "missing", "model.safetensors");
    await expect(run.save(path)).rejects.toThrow(
      `save: ${path} cannot be written: its folder does not exist (ENOENT)`,
    );
    expect(await readdir(folder.path, { recursive: true })).toEqual(before);
  });

  it("leaves what was there before", async () => {
    const { run } = await trained(cpu());
    const path = join(folder.path, "a folder");
    await mkdir(path);
    await writeFile(join(path, "inside"), "kept");
    const before = await readdir(folder.path, { recursive: true });
    await expect(run.save(path)).rejects.toThrow(`save: ${path} cannot be written`);
    expect(await readdir(folder.path, { recursive: true })).toEqual(before);
    expect(await readFile(join(path, "inside"), "utf8")).toBe("kept");
  });
});
