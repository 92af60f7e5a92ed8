/** A run that was broken off and goes on from a checkpoint is the run that was never broken off. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  cosineDecay,
  dense,
  dropout,
  type Engine,
  type Epoch,
  type FitOptions,
  fit,
  type Layer,
  reduceOnPlateau,
  relu,
  sequential,
  sgd,
} from "wgrad";
import { augment, elastic, mixup, rotate, translate } from "wgrad/augment";
import { digits } from "wgrad/data";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const { train, test } = digits({ train: 150, test: 40 });
const model = (): Layer => sequential(dense(8), batchNorm(), relu(), dropout(0.3), dense(10));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgrad-resume-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options: FitOptions = {
  epochs: 5,
  batchSize: 32,
  seed: 11,
  validation: test,
  optimizer: adam({ learningRate: 0.01 }),
  schedule: cosineDecay(),
  augment: augment(rotate(10), translate(1), elastic({ alpha: 10, sigma: 3 }), mixup(0.4)),
};

/** What does not depend on the clock. */
const told = ({ epoch, loss, accuracy, validation }: Epoch) => ({ epoch, loss, accuracy, validation });

/** Trains, from the checkpoint or from the beginning; stops after `until` epochs. */
async function trained(engine: Engine, change: FitOptions = {}, until = Number.POSITIVE_INFINITY) {
  const run = fit(engine, model(), train, { ...options, ...change });
  const epochs: ReturnType<typeof told>[] = [];
  let checkpoint: Uint8Array = new Uint8Array();
  for await (const epoch of run) {
    epochs.push(told(epoch));
    if (epoch.epoch < until) continue;
    checkpoint = await run.checkpoint();
    break;
  }
  const weights = await run.trainer.weights();
  return { epochs, weights, checkpoint, history: run.history.map(told) };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it.each([
    ["Adam, a schedule, batch norm, dropout and augmentation", {}],
    [
      "momentum, a plateau and a streamed data set",
      {
        optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
        schedule: reduceOnPlateau({ patience: 1 }),
        dataMemory: 70_000,
      },
    ],
  ] as [string, FitOptions][])("with %s it is the same to the bit", async (_name, change) => {
    const whole = await trained(engines[kind], change);
    const begun = await trained(engines[kind], change, 2);
    const path = join(folder, `${kind}.safetensors`);
    await writeFile(path, begun.checkpoint);
    for (const resume of [begun.checkpoint, path]) {
      const resumed = await trained(engines[kind], { ...change, resume });
      expect(resumed.weights).toEqual(whole.weights);
      expect(resumed.epochs).toEqual(whole.epochs.slice(2));
      expect(resumed.history).toEqual(whole.epochs);
    }
  });
});

it("a run goes on where its caller left it, without a checkpoint", async () => {
  const whole = await trained(engines.cpu);
  const run = fit(engines.cpu, model(), train, options);
  const epochs: ReturnType<typeof told>[] = [];
  for await (const epoch of run) {
    epochs.push(told(epoch));
    if (epoch.epoch === 2) break;
  }
  for await (const epoch of run) epochs.push(told(epoch));
  expect(epochs).toEqual(whole.epochs);
  expect(await run.trainer.weights()).toEqual(whole.weights);
});

describe("a checkpoint that does not fit is refused", () => {
  let checkpoint: Uint8Array;
  beforeAll(async () => {
    ({ checkpoint } = await trained(engines.cpu, {}, 2));
  });

  it.each([
    ["resume: the checkpoint's seed is 11, this run's 12; resume with the same", { seed: 12 }],
    ["resume: the checkpoint's batchSize is 32, this run's 30", { batchSize: 30 }],
    [
      "the checkpoint's augment is rotate(10), translate(1), elastic(10, 3), mixup(0.4), this run's none",
      { augment: undefined },
    ],
    ["resume: the checkpoint's optimizer is adam, this run's sgd", { optimizer: sgd() }],
    [
      "fit: the checkpoint has 2 epochs behind it, and epochs is 1; epochs counts from the beginning: give more",
      { epochs: 1 },
    ],
  ] as [string, FitOptions][])("%s", async (message, change) => {
    await expect(trained(engines.cpu, { ...change, resume: checkpoint })).rejects.toThrow(message);
  });

  it("of another model", async () => {
    const other = fit(engines.cpu, sequential(dense(10)), train, { ...options, resume: checkpoint });
    await expect(other[Symbol.asyncIterator]().next()).rejects.toThrow(
      "resume: the checkpoint's model has 1.batchNorm, 2.relu, 3.dropout … where this run's has nothing",
    );
  });

  it("a file of weights", async () => {
    const run = fit(engines.cpu, model(), train, { ...options, epochs: 1 });
    for await (const _ of run);
    await expect(trained(engines.cpu, { resume: await run.toSafetensors() })).rejects.toThrow(
      "resume: a file of weights, not a checkpoint; use the result of run.checkpoint(), or load the weights with run.trainer.load",
    );
  });

  it("a file cut off", async () => {
    await expect(trained(engines.cpu, { resume: checkpoint.subarray(0, 900) })).rejects.toThrow("cut off");
  });
});
