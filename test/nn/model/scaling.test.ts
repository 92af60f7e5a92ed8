/** The layer `scaling`: where its numbers come from, that training leaves them alone, and what it refuses. */
import { describe, expect, it } from "vitest";
import { minMaxScaler, standardScaler } from "../../../src/data/index.ts";
import {
  batchNorm,
  createTrainer,
  dense,
  type Engine,
  mean,
  predict,
  type ScalingOptions,
  type Shape,
  scaling,
  sequential,
  sgd,
  square,
} from "../../../src/index.ts";
import { difference } from "../../helpers/compare.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();
const ROWS = [
  [1e6 + 1, -3],
  [1e6 + 2, 5],
  [1e6 + 5, 4],
  [1e6 + 8, -1],
];
const raw = Float32Array.from(ROWS.flat());

const open = (engine: Engine, scaler?: ScalingOptions, inputShape: Shape = [2]) =>
  createTrainer(engine, sequential(scaling(scaler), dense(1)), {
    inputShape,
    optimizer: sgd({ learningRate: 0.1 }),
  });

describe.each(ENGINES)("on the engine %s", (kind) => {
  it("scales as the scaler does, far from 0, too", async () => {
    const scaler = standardScaler().fit(ROWS);
    const model = createTrainer(engines[kind], scaling(scaler), { inputShape: [2] });
    const { data } = await predict(model, raw);
    expect(difference("scaled", data, scaler.transformRows(ROWS), { rtol: 3e-7, atol: 1e-7 })).toBe(
      undefined,
    );
    // Multiplied first, 1,000,000 would leave two decimals at most of the difference.
    const deviation = Math.sqrt(7.5);
    expect(difference("first", [data[0]], [-3 / deviation], { rtol: 3e-7, atol: 0 })).toBe(undefined);
  });
});

describe("its numbers", () => {
  const scaler = minMaxScaler().fit(ROWS);

  it("are statistics of the model, which training does not move", async () => {
    const model = sequential(scaling(scaler), batchNorm(), dense(1));
    const trainer = createTrainer(engines.cpu, model, {
      inputShape: [2],
      optimizer: sgd({ learningRate: 0.1 }),
    });
    expect(trainer.parameterCount).toBe(2 + 2 + 3);
    const step = await trainer.compile(({ x }, call) => ({ minimize: mean(square(call(x))) }), {
      inputs: { x: [4, 2] },
    });
    const before = await trainer.weights();
    await step.run({ x: raw });
    const after = await trainer.weights();
    expect(after["0.offset"]).toEqual({ shape: [2], data: Float32Array.from(scaler.offset) });
    expect(after["0.factor"]).toEqual({ shape: [2], data: Float32Array.from(scaler.factor) });
    // The running statistics beside them do move.
    expect(after["1.running_mean"]).not.toEqual(before["1.running_mean"]);
    expect(after["2.weight"]).not.toEqual(before["2.weight"]);
  });

  it("come with the weights, in place of a scaler or over one", async () => {
    const source = open(engines.cpu, scaler);
    const { data } = await predict(source, raw);
    const other = standardScaler().fit([
      [0, 1],
      [2, 4],
    ]);
    for (const target of [open(engines.cpu), open(engines.cpu, other)]) {
      await target.load(await source.weights());
      expect((await predict(target, raw)).data).toEqual(data);
      // And training goes on from there.
      const step = await target.compile(({ x }, call) => ({ minimize: mean(square(call(x))) }), {
        inputs: { x: [4, 2] },
      });
      const losses = [];
      for (let i = 0; i < 5; i++) losses.push((await step.run({ x: raw })).loss[0]);
      expect(losses[4]).toBeLessThan(losses[0]);
    }
  });

  it("are one for each channel of images, or as the shape given says", async () => {
    const shapes = async (options: ScalingOptions | undefined, inputShape: Shape) =>
      createTrainer(engines.cpu, scaling(options), { inputShape }).statistics.specs.map(({ shape }) => shape);
    expect(await shapes(undefined, [3, 4, 5])).toEqual([
      [3, 1, 1],
      [3, 1, 1],
    ]);
    expect(await shapes(undefined, [4, 5])).toEqual([
      [4, 5],
      [4, 5],
    ]);
    // One number for all is kept for each, so that scaling() loads it.
    expect(await shapes({ shape: [] }, [3, 4, 5])).toEqual([
      [3, 1, 1],
      [3, 1, 1],
    ]);
    expect(await shapes({ shape: [], offset: [1], factor: [2] }, [7])).toEqual([[7], [7]]);
    expect(await shapes({ shape: [3, 4, 5] }, [3, 4, 5])).toEqual([
      [3, 4, 5],
      [3, 4, 5],
    ]);
  });
});

describe("what makes no sense is refused", () => {
  it("a step before there are values, and saving none", async () => {
    const trainer = open(engines.cpu);
    const remedy =
      "0.offset has no values yet; fit a scaler and give it to scaling(…), or load a saved model first";
    await expect(predict(trainer, raw)).rejects.toThrow(`step predict: ${remedy}`);
    await expect(trainer.weights()).rejects.toThrow(`weights: ${remedy}`);
    const step = await trainer.compile(({ x }, call) => ({ minimize: mean(call(x)) }), {
      inputs: { x: [4, 2] },
    });
    await expect(step.run({ x: raw })).rejects.toThrow(remedy);
    // Nothing was loaded, so nothing has changed.
    await expect(trainer.load({})).rejects.toThrow("missing 0.offset [2]");
    await expect(predict(trainer, raw)).rejects.toThrow(remedy);
  });

  it("a scaler that was not fitted", () => {
    expect(() => scaling(standardScaler() as ScalingOptions)).toThrow(
      "scaling: the scaler is not fitted; give it what scaler.fit",
    );
    expect(() => scaling({ offset: [1] })).toThrow("the scaler is not fitted");
  });

  it.each<[string, ScalingOptions, Shape, string]>([
    ["features", standardScaler().fit(ROWS), [3], "the input is [1, 3], the scaler is for samples [2]"],
    ["one feature", standardScaler().fit([[1], [2]]), [3], "the scaler is for samples [1]"],
    [
      "channels",
      { shape: [1, 1, 1] },
      [3, 4, 4],
      "the input is [1, 3, 4, 4], the scaler is for samples [1, 1, 1]",
    ],
    ["axes", { shape: [3, 1, 1] }, [3], "the scaler is for samples [3, 1, 1]"],
    [
      "values",
      { offset: [1, 2, 3], factor: [1, 2, 3] },
      [2],
      "0.offset: its initializer gave 3 values for shape [2]",
    ],
    ["numbers", { offset: [1, Number.NaN], factor: [1, 1] }, [2], "0.offset: its initializer gave NaN at 1"],
  ])("other %s", (_what, scaler, inputShape, message) => {
    expect(() => open(engines.cpu, scaler, inputShape).memory).toThrow(message);
  });
});
