/** Targets in a small unit, such as prices: learned scaled, predicted and measured in their own unit. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { dataset, minMaxScaler, standardScaler } from "../../src/data/index.ts";
import {
  createTrainer,
  dense,
  evaluate,
  fit,
  huber,
  meanSquaredError,
  predict,
  relu,
  scaledLoss,
  scaling,
  sequential,
  sgd,
  unscaling,
} from "../../src/index.ts";
import { meanAbsolute, rSquared } from "../../src/metrics/index.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** Areas, and prices around 300,000. */
const AREAS = Array.from({ length: 96 }, (_, i) => 40 + ((i * 37) % 161));
const houses = () =>
  dataset({
    name: "houses",
    inputs: { data: Float32Array.from(AREAS), shape: [1] },
    targets: { data: Float32Array.from(AREAS, (area) => 100_000 + 2_000 * area), shape: [1] },
  });

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(ENGINES)("on the engine %s", (kind) => {
  it("prices are learned, predicted and measured in their own unit, and so after loading", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const engine = engines[kind];
    const train = houses();
    const scaler = standardScaler().fit(train);
    const targets = standardScaler().fit(train, { of: "targets" });
    const loss = scaledLoss(targets, meanSquaredError());
    const model = sequential(scaling(scaler), dense(8), relu(), dense(1), unscaling(targets));
    // Plain descent would be thrown far off by gradients of squares of prices.
    const run = fit(engine, model, train, {
      loss,
      optimizer: sgd({ learningRate: 0.05 }),
      batchSize: 16,
      epochs: 30,
    });
    let last = Number.NaN;
    for await (const epoch of run) last = epoch.loss;
    // In deviations, squared.
    expect(last).toBeLessThan(0.01);
    const { metrics } = await evaluate(run.trainer, train, { loss, metrics: [rSquared(), meanAbsolute()] });
    expect(metrics.rSquared).toBeGreaterThan(0.99);
    expect(metrics.meanAbsolute).toBeGreaterThan(10);
    expect(metrics.meanAbsolute).toBeLessThan(10_000);
    const { data } = await predict(run.trainer, Float32Array.of(100));
    expect(Math.abs((data[0] as number) - 300_000)).toBeLessThan(15_000);
    const bytes = await run.toSafetensors();
    const empty = sequential(scaling(), dense(8), relu(), dense(1), unscaling());
    const other = createTrainer(engine, empty, { inputShape: [1] });
    await other.load(bytes);
    expect((await predict(other, Float32Array.of(100))).data).toEqual(data);
    expect(warned).not.toHaveBeenCalled();
    run.trainer.release();
    other.release();
  });
});

it.each([
  ["targets of shape []", standardScaler(), [] as number[]],
  ["one number for all targets", standardScaler({ per: "all" }), [1]],
])("a file with %s is loaded by a model whose layers were given none", async (_, kind, shape) => {
  const { inputs, targets } = houses();
  const train = dataset({ name: "houses", inputs, targets: { ...targets, shape } });
  const [rows, prices] = [standardScaler({ per: "all" }).fit(train), kind.fit(train, { of: "targets" })];
  const run = fit(engines.cpu, sequential(scaling(rows), dense(1), unscaling(prices)), train, {
    loss: scaledLoss(prices, meanSquaredError()),
    epochs: 1,
  });
  await run;
  const other = createTrainer(engines.cpu, sequential(scaling(), dense(1), unscaling()), { inputShape: [1] });
  await other.load(await run.toSafetensors());
  const { data } = await predict(run.trainer, Float32Array.of(100));
  expect((await predict(other, Float32Array.of(100))).data).toEqual(data);
  expect(data[0]).toBeGreaterThan(1000);
});

describe("targets as they are", () => {
  it("are warned of where they are far from 0, with what to do", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const run = fit(engines.cpu, dense(1), houses(), { loss: meanSquaredError(), epochs: 1 });
    expect(warned).toHaveBeenCalledTimes(1);
    expect(warned.mock.calls[0]?.[0]).toMatch(
      /^fit: the targets of houses are about 350000 in size, where a model begins near 0.*unscaling\(targets\) as the last layer/,
    );
    run.trainer.release();
    warned.mockClear();
    const small = dataset({
      inputs: { data: Float32Array.of(1, 2), shape: [1] },
      targets: { data: Float32Array.of(90, -90), shape: [1] },
    });
    fit(engines.cpu, dense(1), small, { loss: meanSquaredError() });
    const classes = {
      inputs: { data: new Uint8Array(300) },
      targets: { data: new Int32Array(300).fill(299) },
      classes: 300,
    };
    fit(engines.cpu, dense(300), dataset({ ...classes, inputs: { ...classes.inputs, shape: [1] } }));
    expect(warned).not.toHaveBeenCalled();
  });
});

describe("a scaled loss", () => {
  const targets = minMaxScaler().fit([
    [0, -5],
    [10, 5],
  ]);
  const run = async (loss: ReturnType<typeof scaledLoss>, shape: readonly number[], values: number[]) => {
    const trainer = createTrainer(engines.cpu, (x) => x, { inputShape: shape.slice(1) });
    const step = await trainer.compile(({ x, y }) => ({ loss: loss.apply(x, y) }), {
      inputs: { x: shape, y: shape },
    });
    const { loss: value } = await step.run({
      x: Float32Array.from(values),
      y: new Float32Array(values.length),
    });
    return value?.[0];
  };

  it("is the loss of what is scaled", async () => {
    // 5 / 10 and 2 / 10 from the targets.
    expect(await run(scaledLoss(targets, meanSquaredError()), [1, 2], [5, 2])).toBeCloseTo(
      (0.25 + 0.04) / 2,
      6,
    );
    expect(await run(scaledLoss(targets, huber({ delta: 0.1 })), [1, 2], [5, 0])).toBeCloseTo(
      (0.1 * 0.45) / 2,
      6,
    );
    expect(
      await run(
        scaledLoss(minMaxScaler({ per: "all" }).fit([[0], [10]]), meanSquaredError()),
        [1, 2],
        [5, 2],
      ),
    ).toBeCloseTo((0.25 + 0.04) / 2, 6);
    expect(scaledLoss(targets, meanSquaredError()).name).toBe("scaled meanSquaredError");
  });

  it("refuses what makes no sense, and so does unscaling", async () => {
    expect(() => scaledLoss(standardScaler() as never, meanSquaredError())).toThrow(
      "scaledLoss: the scaler is not fitted",
    );
    expect(() => scaledLoss(targets, "mse" as never)).toThrow("scaledLoss: loss is");
    await expect(run(scaledLoss(targets, meanSquaredError()), [1, 3], [1, 2, 3])).rejects.toThrow(
      "outputs and targets are [1, 3], the scaler is for [2]; fit it on such targets",
    );
    expect(() => unscaling(standardScaler() as never)).toThrow("unscaling: the scaler is not fitted");
    expect(() => createTrainer(engines.cpu, unscaling(targets), { inputShape: [3] })).toThrow(
      "the outputs are [1, 3], the scaler is for targets [2]",
    );
    const unset = createTrainer(engines.cpu, sequential(dense(1), unscaling()), { inputShape: [1] });
    await expect(predict(unset, Float32Array.of(1))).rejects.toThrow("1.target_factor has no values yet");
  });
});
