/** What is monitored, and which way is better: told by metrics, or to be told. */
import { describe, expect, it } from "vitest";
import { bestCheckpoint, earlyStopping } from "../../src/callbacks/index.ts";
import { dataset } from "../../src/data/dataset.ts";
import {
  type Callback,
  cpu,
  dense,
  type FitOptions,
  fit,
  meanSquaredError,
  reduceOnPlateau,
  sum,
  warmUp,
} from "../../src/index.ts";
import {
  type Metric,
  meanAbsolute,
  precisionRecall,
  rocAuc,
  rSquared,
  topK,
} from "../../src/metrics/index.ts";
import { crossValidate, gridSearch } from "../../src/search/index.ts";
import { type Mode, modeOf } from "../../src/train/monitor.ts";

/** y = 3x, whose weight is found ever better by small steps: every epoch improves. */
const numbers = dataset({
  name: "numbers",
  inputs: { data: Float32Array.from({ length: 8 }, (_, i) => i / 4 - 1), shape: [1] },
  targets: { data: Float32Array.from({ length: 8 }, (_, i) => 3 * (i / 4 - 1)), shape: [1] },
});
const classes = dataset({
  name: "halves",
  inputs: numbers.inputs,
  targets: { data: Uint8Array.from({ length: 8 }, (_, i) => Number(i > 3)) },
  classes: 2,
});

const OPTIONS: FitOptions = { loss: meanSquaredError(), batchSize: 8, epochs: 6, seed: 1 };

function running(options: FitOptions, data = numbers) {
  return fit(cpu(), dense(data.classes ?? 1), data, { ...OPTIONS, ...options });
}

/** A metric of one's own, which says nothing of which way is better. */
const size: Metric<"size", number> = {
  name: "size",
  trace: ({ outputs }) => ({ total: sum(outputs) }),
  finish: ({ total: [total] }) => total,
};

describe("callbacks", () => {
  it.each<[string, Metric, Mode]>([
    ["meanAbsolute", meanAbsolute(), "min"],
    ["rSquared", rSquared(), "max"],
  ])("go by %s the way that the metric says", async (monitor, metric, mode) => {
    const stopping = earlyStopping({ monitor, patience: 2 });
    const values: number[] = [];
    const run = running({ validation: numbers, metrics: [metric], callbacks: [stopping] });
    for await (const { validation } of run) values.push(validation?.metrics?.[monitor] as number);
    // An error that falls is no reason to stop, and the last epoch is the best.
    expect(values.length).toBe(6);
    expect(stopping.best).toEqual({
      epoch: 6,
      value: mode === "min" ? Math.min(...values) : Math.max(...values),
    });
  });

  it("know the way of every metric of the library", () => {
    const there = {
      data: { name: "halves", classes: 2 },
      metrics: [topK(1), rocAuc(), precisionRecall(), meanAbsolute(), rSquared()],
      remedy: "",
    };
    const found = ["loss", "accuracy", "top1", "meanAbsolute", "rSquared", "rocAuc.auc", "rocAuc.error"].map(
      (monitor) => modeOf("test", monitor, undefined, there),
    );
    expect(found).toEqual(["min", "max", "max", "min", "max", "max", "min"]);
    for (const part of ["precision", "recall", "f1"])
      expect(modeOf("test", `precisionRecall.${part}`, undefined, there)).toBe("max");
    expect(modeOf("test", "rocAuc.perClass.0.auc", "max", there)).toBe("max");
    expect(modeOf("test", "meanAbsolute", "max", there)).toBe("max");
  });

  it("go by a metric whose name has a dot, and by numbers inside of it", async () => {
    const quantile: Metric<"p.90", { value: number }> = {
      ...size,
      name: "p.90",
      mode: { value: "max" },
      finish: ({ total: [total] }) => ({ value: total }),
    };
    const stopping = earlyStopping({ monitor: "p.90.value" });
    const run = running({ validation: numbers, metrics: [quantile], callbacks: [stopping], epochs: 1 });
    await run;
    expect(run.history[0].validation?.metrics).toEqual({ "p.90": { value: stopping.best?.value } });
    expect(stopping.best?.value).toBeTypeOf("number");
  });

  it.each<[string, (monitor: never) => Callback]>([
    ["earlyStopping", (options) => earlyStopping(options)],
    ["bestCheckpoint", (options) => bestCheckpoint("nowhere/else.safetensors", options)],
  ])("%s refuses what it cannot go by, before anything is trained", async (name, make) => {
    const refused = async (options: object, message: string, fitting: FitOptions = {}, data = numbers) => {
      const run = running({ ...fitting, callbacks: [make(options as never)] }, data);
      await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(`${name}: ${message}`);
      expect(run.trainer.steps).toBe(0);
      run.release();
    };
    expect(() => make({ monitor: () => 1 } as never)).toThrow(
      `${name}: monitor is a function, and whether more is better is not known; give mode: "max", or mode: "min"`,
    );
    const validation = numbers;
    const metrics = [size, rocAuc(), topK(1)];
    await refused({ monitor: "accuracy" }, 'monitor is "accuracy", and numbers has no classes');
    await refused(
      { monitor: "los" },
      'monitor is "los"; did you mean "loss"? There is "loss"; metrics are counted on',
    );
    await refused(
      { monitor: "meanAbsolute" },
      'monitor is "meanAbsolute"; there is "loss"; metrics are counted on the option validation of fit',
      { metrics: [meanAbsolute()] },
    );
    await refused(
      { monitor: "size" },
      'whether more of "size" is better is not known; give mode: "max", or mode: "min"',
      { validation, metrics: [size] },
    );
    await refused(
      { monitor: "rocAuc", mode: "max" },
      'monitor is "rocAuc", which is several numbers; give one of "rocAuc.auc", "rocAuc.error"',
      { validation: classes, metrics },
      classes,
    );
    await refused(
      { monitor: "rocAuc.area" },
      'whether more of "rocAuc.area" is better is not known; give mode: "max", or mode: "min", or monitor one of',
      { validation: classes, metrics },
      classes,
    );
  });

  it("say in which epoch there is no number", async () => {
    const run = running({
      validation: numbers,
      metrics: [{ ...size, finish: () => Number.NaN }],
      callbacks: [earlyStopping({ monitor: "size", mode: "min" })],
    });
    await expect(run).rejects.toThrow(
      'earlyStopping: "size" is NaN in epoch 1; expected a number in every epoch',
    );
    const own = running({ callbacks: [earlyStopping({ monitor: () => Number.NaN, mode: "max" })] });
    await expect(own).rejects.toThrow("earlyStopping: its monitor is NaN in epoch 1");
  });
});

describe("reduceOnPlateau", () => {
  const metrics = [meanAbsolute(), rSquared(), size];

  it.each(["meanAbsolute", "rSquared"])("goes by %s the way that the metric says", async (monitor) => {
    const schedule = reduceOnPlateau({ monitor, patience: 0, factor: 0.5 });
    const kept = running({ validation: numbers, metrics, schedule });
    const constant = running({ validation: numbers, metrics });
    await Promise.all([kept, constant]);
    // What improves in every epoch keeps its rate, and so the run is that without a schedule.
    expect(kept.history.map(({ loss }) => loss)).toEqual(constant.history.map(({ loss }) => loss));
    const wrong = running({
      validation: numbers,
      metrics,
      schedule: warmUp({
        steps: 1,
        schedule: reduceOnPlateau({
          monitor,
          patience: 0,
          factor: 0.5,
          mode: monitor === "rSquared" ? "min" : "max",
        }),
      }),
    });
    await wrong;
    expect(wrong.history[5].loss).toBeGreaterThan(kept.history[5].loss);
  });

  it("is refused by fit at once where there is nothing to go by", () => {
    const fitting = (monitor: string, options: FitOptions = {}) =>
      running({ schedule: reduceOnPlateau({ monitor }), ...options });
    expect(() => fitting("accuracy")).toThrow(
      'fit: the schedule plateau of accuracy: monitor is "accuracy", and numbers has no classes',
    );
    expect(() => fitting("size", { validation: numbers, metrics })).toThrow(
      'fit: the schedule plateau of size: whether more of "size" is better is not known; give mode',
    );
    expect(() => reduceOnPlateau({ mode: "best" as "max" })).toThrow(
      'reduceOnPlateau: mode is "best"; give "max" or "min"',
    );
  });

  it("takes negative numbers for better the further they fall", () => {
    const { factor } = reduceOnPlateau({ patience: 0, threshold: 0.1 });
    const at = (...history: number[]) => factor({ step: 0, total: 1, stepsPerEpoch: 1, history });
    expect([at(-10, -12), at(-10, -10.5), at(-10, -9.5)]).toEqual([1, 0.1, 0.1]);
  });
});

describe("searches", () => {
  const search = (options: object) =>
    gridSearch(cpu(), {
      data: numbers,
      validation: numbers,
      model: () => dense(1),
      space: { epochs: [1, 4] },
      fit: { loss: meanSquaredError(), batchSize: 8, metrics: [meanAbsolute(), size] },
      ...options,
    });

  it("put the smallest error first", async () => {
    const { best, trials } = await search({ monitor: "meanAbsolute" });
    expect(best.epochs).toBe(4);
    expect(best.score).toBeLessThan(trials[1].score as number);
  });

  it("refuse, before a trial, what nobody says is better", async () => {
    await expect(search({ monitor: "size" })).rejects.toThrow(
      'gridSearch: whether more of "size" is better is not known; give mode: "max", or mode: "min"',
    );
    await expect(search({ monitor: () => 1 })).rejects.toThrow("gridSearch: monitor is a function");
  });

  it("and cross-validation refuses a callback's monitor in the first fold, before training", async () => {
    const validating = crossValidate(cpu(), dense(1), numbers, {
      folds: 2,
      loss: meanSquaredError(),
      batchSize: 4,
      callbacks: [earlyStopping({ monitor: "meanAbsolut" })],
      metrics: [meanAbsolute()],
    });
    await expect(validating).rejects.toThrow(
      'earlyStopping: monitor is "meanAbsolut"; did you mean "meanAbsolute"?',
    );
  });
});
