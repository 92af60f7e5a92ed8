/** Weights that an epoch's last step ruins, of which no loss tells: they are found before anybody gets or writes them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  batchNorm,
  DivergenceError,
  dense,
  type Engine,
  type FitOptions,
  fit,
  type Model,
  mean,
  meanSquaredError,
  sequential,
  sgd,
  square,
} from "wgrad";
import { bestCheckpoint, type Callback, checkpoints, earlyStopping } from "wgrad/callbacks";
import { type Dataset, dataset } from "wgrad/data";
import { decodeSafetensors } from "wgrad/safetensors";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { uniform } from "../helpers/samples.ts";

const engines = useEngines();
const STEPS_PER_EPOCH = 2;

/** The same at each call: random numbers go on. */
const [narrow, wide] = [2, 512].map((features) =>
  dataset({
    name: "samples",
    inputs: { data: uniform([8, features], 50, 60).data, shape: [features] },
    targets: { data: uniform([8]).data },
  }),
);

/** Trains well, but for the last step of the second epoch, whose rate no weight outlives. */
function ruined(engine: Engine, change: FitOptions = {}, model: Model = dense(1), data = narrow) {
  return fit(engine, model, data, {
    loss: meanSquaredError(),
    optimizer: sgd({ learningRate: 1 }),
    schedule: (step) => (step === 2 * STEPS_PER_EPOCH - 1 ? 3e38 : 1e-7),
    batchSize: 4,
    epochs: 4,
    ...change,
  });
}

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgrad-divergence-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each(ENGINES)("on the %s", (kind) => {
  it.each<[string, Model, Dataset, RegExp]>([
    [
      "a small model",
      dense(1),
      narrow,
      /^fit: gradients or weights became not finite in step 4 \(epoch 2\): .*; use a lower/,
    ],
    [
      "a model with statistics",
      sequential(dense(3), batchNorm(), dense(1)),
      narrow,
      /^fit: .* in step 4 \(epoch 2\): .*; use/,
    ],
    ["a large model", dense(520), wide, /^fit: .* in step 4 \(epoch 2\): .*; use/],
  ])("%s is found out before the epoch is told of", async (_what, model, data, message) => {
    const run = ruined(
      engines[kind],
      { loss: { name: "size", apply: (outputs) => mean(square(outputs)) } },
      model,
      data,
    );
    const told: number[] = [];
    const failure = await (async () => {
      for await (const { epoch } of run) told.push(epoch);
    })().catch((error) => error);
    expect(failure).toBeInstanceOf(DivergenceError);
    expect(failure.message).toMatch(message);
    expect(failure.report).toMatchObject({ step: 4, epoch: 2 });
    expect(told).toEqual([1]);
    expect(run.history.map(({ epoch }) => epoch)).toEqual([1]);
    // The model is put back to what it was before the step.
    expect(run.trainer.steps).toBe(3);
    await run.trainer.weights();
    run.release();
  });
});

/** The weights after the first epoch, and what came of the run. */
async function failed(change: FitOptions, callbacks: readonly Callback[] = []) {
  let first: Record<string, unknown> | undefined;
  const errors: unknown[] = [];
  const watch: Callback = {
    name: "watch",
    async onEpoch(_epoch, { trainer }) {
      first ??= await trainer.weights();
    },
    onError: (error) => void errors.push(error),
    onEnd: () => void errors.push("ended"),
  };
  const run = ruined(engines.cpu, { ...change, callbacks: [watch, ...callbacks] });
  const failure = await run.then(
    () => undefined,
    (error) => error,
  );
  expect(failure).toBeInstanceOf(DivergenceError);
  expect(errors).toEqual([failure]);
  return { run, first };
}

it("checkpoints and bestCheckpoint keep the file of the last good epoch", async () => {
  const [last, best] = [join(folder, "last.safetensors"), join(folder, "best.safetensors")];
  const { first } = await failed({}, [checkpoints(last), bestCheckpoint(best)]);
  const weights = decodeSafetensors(await readFile(best)).tensors;
  expect(Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, { shape, data }]))).toEqual(
    first,
  );
  // The run goes on from there, with a rate that it survives.
  const again = ruined(engines.cpu, {
    schedule: () => 1e-7,
    resume: { from: last, allow: ["schedule"] },
    callbacks: [{ name: "start", onStart: ({ history }) => void expect(history.length).toBe(1) }],
  });
  expect((await again).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
});

it("early stopping puts the best weights back, and they can be saved", async () => {
  const { run, first } = await failed({}, [earlyStopping({ patience: 3 })]);
  expect(await run.trainer.weights()).toEqual(first);
  await run.save(join(folder, "model.safetensors"));
});

it("the weights of before the step are there, and can be saved", async () => {
  const path = join(folder, "model.safetensors");
  const { run, first } = await failed({});
  const weights = await run.trainer.weights();
  expect(weights).not.toEqual(first);
  const same = ruined(engines.cpu, { schedule: (step) => (step < 3 ? 1e-7 : 0), epochs: 2 });
  await same;
  expect(await same.trainer.weights()).toEqual(weights);
  await run.save(path);
  expect(new Uint8Array(await readFile(path))).toEqual(await same.toSafetensors());
});

it("what is ruined is not written, unless that is said", async () => {
  const path = join(folder, "model.safetensors");
  const run = ruined(engines.cpu, { epochs: 1 });
  await run;
  const bad = { weight: { shape: [1, 2], data: [Number.NaN, 1] }, bias: { shape: [1], data: [0] } };
  await run.trainer.load(bad, { nonFinite: "allow" });
  const message = /^weights: weight holds NaN at element 0: the training diverged; .* nonFinite: "allow"/;
  await expect(run.save(path)).rejects.toThrow(message);
  await expect(run.toSafetensors()).rejects.toThrow(message);
  await expect(run.trainer.weights()).rejects.toThrow(message);
  await expect(readFile(path)).rejects.toThrow("ENOENT");
  await run.save(path, { nonFinite: "allow" });
  const bytes = new Uint8Array(await readFile(path));
  expect(bytes).toEqual(await run.toSafetensors({ nonFinite: "allow" }));
  const { weight } = await run.trainer.weights({ nonFinite: "allow" });
  expect([...weight.data]).toEqual([Number.NaN, 1]);
  await expect(run.trainer.weights({ nonFinite: "no" as never })).rejects.toThrow('give "refuse" or "allow"');
});

it("a checkpoint of weights that somebody ruined between epochs is refused, unless that is said", async () => {
  const run = ruined(engines.cpu, { epochs: 1 });
  await run;
  const bad = { weight: { shape: [1, 2], data: [1, Number.NaN] }, bias: { shape: [1], data: [0] } };
  await run.trainer.load(bad, { nonFinite: "allow" });
  await expect(run.checkpoint()).rejects.toThrow("checkpoint: parameters holds NaN at element 1");
  expect((await run.checkpoint({ nonFinite: "allow" })).length).toBeGreaterThan(100);
});

it("what a callback throws while it is told of a failure does not hide it", async () => {
  const worse: Callback = {
    name: "worse",
    onError() {
      throw new Error("worse");
    },
  };
  await failed({}, [worse]);
});
