/** Batch normalisation's running statistics, as PyTorch keeps them, and models of it that train the same every time. */
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  conv2d,
  createTrainer,
  dense,
  dropout,
  type Engine,
  flatten,
  mean,
  ops,
  relu,
  type Shape,
  sequential,
  sgd,
  square,
} from "../../../src/index.ts";
import { difference } from "../../helpers/compare.ts";
import { DEVICES, ENGINES, useEngines } from "../../helpers/engines.ts";
import { channelSpreads } from "../../helpers/references.ts";
import { indices, uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };

/** A model of batch normalisation alone, the step that trains it (but learns nothing), and the one that evaluates it. */
async function open(engine: Engine, shape: Shape, momentum?: number) {
  const model = sequential(batchNorm({ momentum }));
  const trainer = createTrainer(engine, model, {
    inputShape: shape.slice(1),
    optimizer: sgd({ learningRate: 0 }),
  });
  const train = await trainer.compile(({ x }, call) => ({ minimize: mean(square(call(x))) }), {
    inputs: { x: shape },
  });
  const evaluate = await trainer.compile(({ x }, call) => ({ y: call(x) }), {
    inputs: { x: shape },
    training: false,
  });
  const statistics = async () => {
    const weights = await trainer.weights();
    return { mean: weights["0.running_mean"].data, variance: weights["0.running_var"].data };
  };
  return { trainer, train, evaluate, statistics };
}

describe.each(ENGINES)("running statistics on the %s", (kind) => {
  it.each([[[5, 3]], [[2, 3, 4, 2]]])("of %j follow PyTorch's rule", async (shape) => {
    const { train, statistics } = await open(engines[kind], shape);
    const running = Array.from({ length: 3 }, () => ({ mean: 0, variance: 1 }));
    for (let i = 0; i < 4; i++) {
      const x = uniform(shape, i - 2, i + 1);
      await train.run({ x: x.data });
      channelSpreads(x).forEach((batch, channel) => {
        const unbiased = (batch.variance * batch.count) / (batch.count - 1);
        const old = running[channel];
        running[channel] = {
          mean: 0.9 * old.mean + 0.1 * batch.mean,
          variance: 0.9 * old.variance + 0.1 * unbiased,
        };
      });
    }
    const got = await statistics();
    expect(
      difference(
        "running mean",
        got.mean,
        running.map((r) => r.mean),
        TOLERANCE,
      ),
    ).toBe(undefined);
    expect(
      difference(
        "running variance",
        got.variance,
        running.map((r) => r.variance),
        TOLERANCE,
      ),
    ).toBe(undefined);
  });

  it("stand still at momentum 0, and are the last batch's at momentum 1", async () => {
    const x = uniform([4, 2], 1, 5);
    const still = await open(engines[kind], x.shape, 0);
    await still.train.run({ x: x.data });
    expect(await still.statistics()).toEqual({
      mean: Float32Array.of(0, 0),
      variance: Float32Array.of(1, 1),
    });
    const last = await open(engines[kind], x.shape, 1);
    await last.train.run({ x: uniform(x.shape).data });
    await last.train.run({ x: x.data });
    const { mean } = await last.statistics();
    expect(
      difference(
        "running mean",
        mean,
        channelSpreads(x).map((s) => s.mean),
        TOLERANCE,
      ),
    ).toBe(undefined);
  });

  it("are used in evaluation, and not changed by it", async () => {
    const x = uniform([4, 2], 1, 5);
    const { trainer, evaluate, statistics } = await open(engines[kind], x.shape);
    const given = { mean: Float32Array.of(1, -2), variance: Float32Array.of(4, 0.25) };
    await trainer.load({
      "0.weight": { shape: [2], data: [3, 1] },
      "0.bias": { shape: [2], data: [0, 10] },
      "0.running_mean": { shape: [2], data: given.mean },
      "0.running_var": { shape: [2], data: given.variance },
    });
    const { y } = await evaluate.run({ x: x.data });
    const want = x.data.map((value, i) =>
      i % 2 === 0 ? (3 * (value - 1)) / Math.sqrt(4 + 1e-5) : (value + 2) / Math.sqrt(0.25 + 1e-5) + 10,
    );
    expect(difference("y", y, want, TOLERANCE)).toBe(undefined);
    expect(await statistics()).toEqual(given);
  });
});

describe("batchNorm of one value a channel", () => {
  it("is refused in training, where it has no variance", async () => {
    const trainer = createTrainer(engines.cpu, sequential(dense(3), batchNorm()), {
      inputShape: [2],
      optimizer: sgd(),
    });
    const compile = (training: boolean) =>
      trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [1, 2] }, training });
    await expect(compile(true)).rejects.toThrow(
      "batchNorm (in 1.batchNorm): one value a channel, in [1, 3], has no variance; train on batches of 2 or more",
    );
    const { y } = await (await compile(false)).run({ x: Float32Array.of(1, 2) });
    expect(y.every(Number.isFinite)).toBe(true);
  });

  it("is no question of samples where images have pixels", async () => {
    const { train, statistics } = await open(engines.cpu, [1, 2, 2, 2]);
    await train.run({ x: uniform([1, 2, 2, 2]).data });
    expect([...(await statistics()).variance].every((value) => value > 0 && value < 1)).toBe(true);
  });
});

describe("a small model with batch normalisation and dropout", () => {
  const STEPS = 20;

  async function trained(engine: Engine, seed: number) {
    const model = sequential(
      conv2d(4, 3, { padding: "same" }),
      batchNorm(),
      relu(),
      flatten(),
      dropout(0.3),
      dense(8),
      batchNorm(),
      relu(),
      dense(3),
    );
    const trainer = createTrainer(engine, model, {
      inputShape: [1, 5, 5],
      optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
      seed,
    });
    const step = await trainer.compile(({ x, y }, call) => ({ minimize: ops.crossEntropy(call(x), y) }), {
      inputs: { x: [6, 1, 5, 5], y: { shape: [6], dtype: "i32" } },
      maxSteps: STEPS,
    });
    step.write({ x: images.data, y: labels.data });
    const { loss } = await step.runMany(STEPS, () => ({}));
    const weights = await trainer.weights();
    trainer.release();
    step.release();
    const values = Object.entries(weights).flatMap(([, { data }]) => [...data]);
    return { loss: loss as Float32Array, values: Float32Array.from(values) };
  }

  const images = uniform([6, 1, 5, 5]);
  const labels = indices([6], 3);

  it.each(DEVICES)(
    "trains to the same bits twice on the %s, and to others with another seed",
    async (kind) => {
      const [first, second] = [await trained(engines[kind], 1), await trained(engines[kind], 1)];
      expect(bits(second.values)).toEqual(bits(first.values));
      expect(bits(second.loss)).toEqual(bits(first.loss));
      expect(first.loss[STEPS - 1]).toBeLessThan(first.loss[0]);
      expect(bits((await trained(engines[kind], 2)).loss)).not.toEqual(bits(first.loss));
    },
  );

  it.each(DEVICES)("trains to the same values on the %s as on the CPU", async (kind) => {
    const [got, want] = [await trained(engines[kind], 1), await trained(engines.cpu, 1)];
    const tolerance = { rtol: 1e-3, atol: 1e-4 };
    expect(difference("losses", got.loss, want.loss, tolerance)).toBe(undefined);
    expect(difference("parameters and statistics", got.values, want.values, tolerance)).toBe(undefined);
  });
});

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
