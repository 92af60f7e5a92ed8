/** Samples without targets: what they are for, and where targets are needed. */
import { describe, expect, it } from "vitest";
import {
  dataset,
  imageDataset,
  kFold,
  oneHotTargets,
  split,
  standardScaler,
  stratifiedKFold,
  stream,
  subset,
  take,
  timeSeriesSplit,
} from "../../src/data/index.ts";
import { cpu, createTrainer, dense, evaluate, fit, flatten, predict, sequential } from "../../src/index.ts";
import { linearRegression } from "../../src/linear/index.ts";

const inputs = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2] };
const samples = () => dataset({ name: "rows", inputs });
const labelled = () =>
  dataset({ name: "labelled", inputs, targets: { data: Uint8Array.of(0, 1, 0, 1) }, classes: 2 });
/** What callers in plain JavaScript may do. */
const wrongly = samples as unknown as typeof labelled;

describe("samples without targets", () => {
  it("are sets of inputs, in parts and folds, and scaled", () => {
    expect(samples()).toEqual({ name: "rows", count: 4, inputs: { ...inputs, scale: 1 } });
    expect([...subset(samples(), [3, 0]).inputs.data]).toEqual([7, 8, 1, 2]);
    expect(take(samples(), 1)).toEqual({
      name: "rows",
      count: 1,
      inputs: { ...inputs, data: inputs.data.slice(0, 2), scale: 1 },
    });
    expect(split(samples(), [0.5, 0.5]).map(({ count }) => count)).toEqual([2, 2]);
    expect(kFold(samples(), 2)).toHaveLength(2);
    expect(timeSeriesSplit(samples(), 3)).toHaveLength(3);
    const scaled = standardScaler().fit(samples()).transform(samples());
    expect("targets" in scaled).toBe(false);
    expect(scaled.inputs.data[0]).toBe(scaled.inputs.data[1]);
  });

  it("are what predict takes, as images, too", async () => {
    const engine = cpu();
    const trainer = createTrainer(engine, dense(3), { inputShape: [2] });
    const { shape, data } = await predict(trainer, samples());
    expect(shape).toEqual([4, 3]);
    expect((await predict(trainer, inputs.data)).data).toEqual(data);
    const images = [
      [0, 51, 102, 255],
      [1, 2, 3, 4],
    ];
    const picture = imageDataset({ images, width: 2, height: 2 });
    expect(picture).toEqual({
      name: "images",
      count: 2,
      inputs: { data: Uint8Array.from(images.flat()), shape: [1, 2, 2], scale: 1 / 255 },
    });
    const seer = createTrainer(engine, sequential(flatten(), dense(2)), { inputShape: [1, 2, 2] });
    const known = imageDataset({ images, width: 2, height: 2, labels: [0, 1], classes: 2 });
    expect((await predict(seer, picture)).data).toEqual((await predict(seer, known)).data);
  });

  it.each<[string, () => unknown, string]>([
    [
      "fit",
      () => fit(cpu(), dense(2), wrongly()),
      "fit: rows has no targets, only inputs; give dataset() targets, or predict from it",
    ],
    [
      "fit, to validate on",
      () => fit(cpu(), dense(2), labelled(), { validation: wrongly() }),
      "fit: validation: rows has no targets",
    ],
    ["linear regression", () => linearRegression(wrongly()), "linearRegression: rows has no targets"],
    ["one-hot targets", () => oneHotTargets(wrongly()), "oneHotTargets: rows has no targets"],
    [
      "a scaler of targets",
      () => standardScaler().fit(samples(), { of: "targets" }),
      "standardScaler: fit: rows has no targets; scale its inputs",
    ],
    [
      "a scaler of targets that are classes",
      () => standardScaler().fit(labelled(), { of: "targets" }),
      "labelled has classes for targets, which have no scale",
    ],
    [
      "a stratified split",
      () => split(samples(), [0.5, 0.5], { stratified: true }),
      "split: rows has no classes",
    ],
    ["stratified folds", () => stratifiedKFold(samples(), 2), "stratifiedKFold: rows has no classes"],
    [
      "a stream",
      () =>
        stream({ count: 1, inputs: { type: "f32" }, open: () => [] } as unknown as Parameters<
          typeof stream
        >[0]),
      "stream: stream has no targets",
    ],
    [
      "classes",
      () => dataset({ inputs, classes: 2 } as unknown as Parameters<typeof dataset>[0]),
      "dataset: classes without targets",
    ],
    [
      "classes of images",
      () =>
        imageDataset({ images: [[1]], width: 1, height: 1, classes: 2 } as unknown as Parameters<
          typeof imageDataset
        >[0]),
      "images: classes without labels",
    ],
  ])("are not enough for %s", (_what, use, message) => {
    expect(use).toThrow(message);
  });

  it("are not enough for evaluate", async () => {
    const trainer = createTrainer(cpu(), dense(2), { inputShape: [2] });
    await expect(evaluate(trainer, wrongly())).rejects.toThrow("evaluate: rows has no targets, only inputs");
  });
});

describe("few samples", () => {
  it("are trained in one batch of all by default, and refused where a larger one is asked for", async () => {
    const run = fit(cpu(), dense(2), labelled(), { epochs: 2 });
    const losses: number[] = [];
    for await (const { loss } of run) losses.push(loss);
    expect(losses).toHaveLength(2);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(run.trainer.steps).toBe(2);
    expect(() => fit(cpu(), dense(2), labelled(), { batchSize: 5 })).toThrow(
      "fit: labelled has 4 samples, fewer than one batch of 5; use a batchSize of at most 4",
    );
  });
});

describe("names of classes", () => {
  it("are kept with the data set, and each its own", () => {
    const named = dataset({ inputs, targets: { data: Uint8Array.of(0, 1, 0, 1) }, classes: ["cat", "dog"] });
    expect(named.classes).toBe(2);
    expect(named.schema).toEqual({ classes: ["cat", "dog"] });
    expect(subset(named, [1]).schema).toEqual({ classes: ["cat", "dog"] });
    const twice = { inputs, targets: { data: Uint8Array.of(0, 1, 0, 1) }, classes: ["cat", "cat"] };
    expect(() => dataset(twice)).toThrow('dataset: two classes are called "cat"');
  });
});
