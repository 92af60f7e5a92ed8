/** Training loops of one's own: data opened as `fit` opens it, and what to do about a device that is lost. */
import { describe, expect, it } from "vitest";
import {
  adam,
  connect,
  createTrainer,
  DeviceLostError,
  dense,
  dropout,
  type Engine,
  fit,
  type Optimizer,
  openData,
  ops,
  relu,
  sequential,
  sgd,
  type Trainer,
} from "wgrad";
import { digits } from "wgrad/data";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const BATCH = 16;
const EPOCHS = 2;
const SEED = 5;

const engines = useEngines();
const { train } = digits({ train: 96, test: 1 });
const model = () => sequential(dense(12), relu(), dropout(0.2), dense(10));

async function openLoop(engine: Engine) {
  const optimizer = adam({ learningRate: 0.01 });
  const trainer = createTrainer(engine, model(), { inputShape: train.inputs.shape, optimizer, seed: SEED });
  const source = await openData(engine, train, { batchSize: BATCH });
  const step = await trainer.compile(
    (_inputs, predict) => {
      const { x, y } = source.batch(BATCH);
      return { minimize: ops.crossEntropy(predict(x), y) };
    },
    { data: source.data },
  );
  return { trainer, source, step };
}

type Loop = Awaited<ReturnType<typeof openLoop>>;

/** The losses of an epoch's steps; from the step `first` on. */
async function epochLosses({ source, step }: Loop, epoch: number, first = 0, most = Infinity) {
  const losses: number[] = [];
  for await (const [full] of source.read({ epoch, seed: SEED, shuffle: true })) {
    for (const start of full.starts.slice(first, first + most)) {
      losses.push((await step.run({}, { batchStart: start, epoch })).loss[0]);
    }
  }
  return losses;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value) / values.length;

describe.each(ENGINES)("a loop on %s", (kind) => {
  it("takes the steps that fit takes", async () => {
    const engine = engines[kind];
    const options = { optimizer: adam({ learningRate: 0.01 }), batchSize: BATCH, epochs: EPOCHS, seed: SEED };
    const run = fit(engine, model(), train, options);
    for await (const _epoch of run);
    const loop = await openLoop(engine);
    const losses = [];
    for (let epoch = 1; epoch <= EPOCHS; epoch++) losses.push(mean(await epochLosses(loop, epoch)));
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(run.history[i].loss, 6);
    });
    expect(await loop.trainer.weights()).toEqual(await run.trainer.weights());
  });

  it("a snapshot holds all that the next steps depend on", async () => {
    const loop = await openLoop(engines[kind]);
    await epochLosses(loop, 1);
    const snapshot = structuredClone(await loop.trainer.snapshot());
    expect(snapshot.steps).toBe(train.count / BATCH);
    expect(Object.keys(snapshot.arenas)).toEqual(["parameters", "first", "second"]);
    const gone = await epochLosses(loop, 2);
    const other = await openLoop(engines[kind]);
    other.trainer.restore(snapshot);
    expect(other.trainer.steps).toBe(snapshot.steps);
    expect(await epochLosses(other, 2)).toEqual(gone);
  });
});

it("a lost device is named, and a new one goes on with the same losses", async () => {
  const whole = await openLoop(engines.gpu);
  const expected = [...(await epochLosses(whole, 1)), ...(await epochLosses(whole, 2))];

  const gpu = await connect();
  const loop = await openLoop(gpu);
  const losses = await epochLosses(loop, 1);
  const snapshot = await loop.trainer.snapshot();
  await epochLosses(loop, 2, 0, 2);
  // As a driver's reset does, but for the reason given.
  gpu.device.destroy();
  await expect(epochLosses(loop, 2, 2)).rejects.toThrow(DeviceLostError);
  await expect(loop.trainer.snapshot()).rejects.toThrow("connect() again");
  await gpu.destroy();

  const again = await connect();
  try {
    const next = await openLoop(again);
    next.trainer.restore(snapshot);
    losses.push(...(await epochLosses(next, 2)));
  } finally {
    await again.destroy();
  }
  expect(losses).toEqual(expected);
});

describe("a state of another trainer", () => {
  const opened = (hidden: number, optimizer: Optimizer = sgd()): Trainer =>
    createTrainer(engines.cpu, sequential(dense(hidden), dense(2)), { inputShape: [3], optimizer });

  it.each([
    ["another model", () => opened(4), "the state's model is 0.weight [3, 3]"],
    ["another optimizer", () => opened(3, adam()), "the state's optimizer is sgd, this one's adam"],
  ])("is refused, and nothing is changed: %s", async (_what, make, message) => {
    const state = await opened(3, sgd()).snapshot();
    const trainer = make();
    const before = await trainer.snapshot();
    expect(() => trainer.restore(state)).toThrow(message);
    expect(await trainer.snapshot()).toEqual(before);
  });
});
