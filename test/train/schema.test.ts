/** How rows are read and what classes are called: it goes with the model, and tells what was read otherwise. */
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../src/csv/index.ts";
import { dataset, imageDataset, split, standardScaler, stream, subset } from "../../src/data/index.ts";
import {
  adam,
  createTrainer,
  dense,
  evaluate,
  fit,
  flatten,
  type Model,
  meanSquaredError,
  predict,
  sequential,
  type Trainer,
} from "../../src/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/safetensors/index.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** Unix times in minutes, a colour that says nearly all, a gap in each, and three kinds. */
const START = 1_700_000_000;
const COLOURS = ["red", "green", "blue"];
const KINDS = ["stone", "leaf", "sky"];
const line = (i: number) => `${START + 60 * i};${COLOURS[i % 3]};${i % 7},5;${KINDS[i % 3]}`;
const text = `sep=;\ntime;colour;size;kind\n${Array.from({ length: 60 }, (_, i) => line(i)).join("\n")}\n#N/A;red;1,5;stone\n`;
const FORMAT = { decimal: ",", missing: ["", "#N/A"] };
const table = parseCsv(text, { name: "things", ...FORMAT });
const read = () =>
  table.dataset({
    target: "kind",
    classes: ["sky", "leaf", "stone"],
    categorical: ["colour"],
    fill: { time: "median", size: "mean", colour: "mostFrequent" },
  });
/** Rows as they come later: in another order of columns, without the target, with gaps. */
const later = parseCsv(
  `size;colour;time\n3,5;green;${START + 90}\n;blue;#N/A\n1,5;red;${START + 61}\n`,
  FORMAT,
);

async function trained() {
  const raw = read();
  const scaler = standardScaler().fit(raw);
  const train = scaler.transform(raw);
  const run = fit(engines.cpu, dense(3), train, {
    batchSize: 16,
    epochs: 40,
    optimizer: adam({ learningRate: 0.05 }),
  });
  for await (const _ of run);
  return { run, scaler, train, raw };
}

const opened = (model: Model = dense(3), inputShape: readonly number[] = [5]): Trainer =>
  createTrainer(engines.cpu, model, { inputShape });

describe("a model of a table", () => {
  it("predicts names of classes from rows as they stand, and so where it is loaded", async () => {
    const { run, scaler, train } = await trained();
    const options = { probabilities: "softmax", threshold: 0 } as const;
    const here = await predict(run.trainer, later, options);
    expect(here.classNames).toEqual(["leaf", "sky", "stone"]);
    const other = opened();
    await other.load(await run.toSafetensors());
    expect(other.schema).toEqual(JSON.parse(JSON.stringify(train.schema)));
    const there = await predict(other, later, options);
    expect(there).toEqual(here);
    // What was done to the rows, by hand: times are told apart by the minute, gaps have the training set's values.
    const median = START + 60 * 29.5;
    const sizes = table.dataset({ inputs: ["size"] });
    const mean = [...(sizes.inputs.exact ?? sizes.inputs.data)].reduce((a, b) => a + b) / 61;
    const rows = scaler.transformRows([
      [START + 90, 0, 1, 0, 3.5],
      [median, 1, 0, 0, mean],
      [START + 61, 0, 0, 1, 1.5],
    ]);
    expect((await predict(other, rows)).data).toEqual((await predict(other, later)).data);
    expect(new Set(rows.filter((_, i) => i % 5 === 0)).size).toBe(3);
    // A class that is not decided for has no name.
    expect((await predict(other, later, { ...options, threshold: 1 })).classNames).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect("classNames" in (await predict(other, later))).toBe(false);
  });

  it("keeps tensors and their names as they were, and the schema beside them", async () => {
    const { run } = await trained();
    const { tensors, metadata } = decodeSafetensors(await run.toSafetensors());
    expect([...tensors.keys()].sort()).toEqual(["bias", "weight"]);
    expect(metadata.format).toBe("pt");
    expect(JSON.parse(metadata["wgrad.schema"] as string).columns[1]).toEqual({
      name: "colour",
      categories: ["blue", "green", "red"],
      fill: "red",
    });
    // Data that says nothing of itself leaves nothing.
    const plain = dataset({
      inputs: { data: new Float32Array(8), shape: [2] },
      targets: { data: new Float32Array(4), shape: [1] },
    });
    const bare = fit(engines.cpu, dense(1), plain, { loss: meanSquaredError(), epochs: 1 });
    for await (const _ of bare);
    expect(decodeSafetensors(await bare.toSafetensors()).metadata).toEqual({ format: "pt" });
  });

  it("takes nothing over from a file of which a part is loaded, and refuses what it cannot read", async () => {
    const { run } = await trained();
    const bytes = await run.toSafetensors();
    const part = opened();
    await part.load(bytes, { only: "weight" });
    expect(part.schema).toBe(undefined);
    await expect(predict(part, later)).rejects.toThrow(
      "predict: the model does not know how rows of a table are read",
    );
    // A run on other rows and classes keeps its own, whatever it begins from.
    const own = dataset({
      inputs: { data: new Float32Array(10), shape: [5] },
      targets: { data: Uint8Array.of(0, 2) },
      classes: ["a", "b", "c"],
    });
    const begun = fit(engines.cpu, dense(3), own, { epochs: 1 });
    await begun.trainer.load(bytes);
    expect(begun.trainer.schema).toEqual({ classes: ["a", "b", "c"] });
    const { tensors } = decodeSafetensors(bytes);
    for (const schema of ["{", "3", '{"columns":3}', '{"columns":[null]}', '{"scale":"x"}']) {
      const broken = encodeSafetensors(tensors, { "wgrad.schema": schema });
      await expect(opened().load(broken)).rejects.toThrow(
        "the description of columns and classes cannot be read; was the file changed?",
      );
    }
  });

  it("is measured by what was read alike only", async () => {
    const { run, train, raw, scaler } = await trained();
    const loss = { batchSize: 20 };
    const [part] = split(train, [0.5, 0.5]) as [typeof train, typeof train];
    expect((await evaluate(run.trainer, part, loss)).accuracy).toBeGreaterThan(0.9);
    const same = table.dataset({ target: "kind", like: train });
    expect(await evaluate(run.trainer, same, loss)).toEqual(await evaluate(run.trainer, train, loss));
    await expect(predict(run.trainer, raw)).rejects.toThrow("predict: things was read otherwise");
    await expect(evaluate(run.trainer, raw, loss)).rejects.toThrow(
      "evaluate: things was read otherwise than the model's training data: its inputs were scaled otherwise, or one was not scaled",
    );
    const swapped = table.dataset({ target: "kind", classes: ["stone", "leaf", "sky"], like: train });
    await expect(evaluate(run.trainer, swapped, loss)).rejects.toThrow(
      'its classes are "stone", "leaf", "sky", the model\'s "sky", "leaf", "stone"',
    );
    const few = table.dataset({
      target: "kind",
      classes: ["sky", "leaf", "stone"],
      categorical: { colour: ["red", "green", "blue"] },
      fill: { time: 0 },
    });
    expect(() => fit(engines.cpu, dense(3), train, { validation: scaler.transform(few) })).toThrow(
      `fit: validation: things was read otherwise than the model's training data: its column "colour" has other categories, or another order`,
    );
    const fewer = table.dataset({ inputs: ["size"], target: "kind", classes: ["sky", "leaf", "stone"] });
    expect(() => fit(engines.cpu, dense(3), train, { validation: fewer })).toThrow(
      'its inputs are "size", the model\'s "time", "colour", "size"',
    );
  });
});

describe("a model of a stream", () => {
  it("knows what the stream says, and what a set made by hand does not say is not held against it", async () => {
    const { train, scaler, raw } = await trained();
    const { inputs, targets } = train;
    const given = stream({
      count: train.count,
      inputs: { type: "f32", shape: [5] },
      targets: { type: "i32" },
      classes: ["sky", "leaf", "stone"],
      schema: train.schema,
      open: () => [{ inputs: inputs.data, targets: targets.data }],
    });
    const run = fit(engines.cpu, dense(3), given, { epochs: 1, validation: train });
    expect(run.trainer.schema).toEqual(train.schema);
    expect(() => fit(engines.cpu, dense(3), given, { validation: raw })).toThrow(
      "its inputs were scaled otherwise",
    );
    const byHand = dataset({
      inputs: { data: scaler.transform(raw).inputs.data, shape: [5] },
      targets: { data: targets.data },
      classes: ["sky", "leaf", "stone"],
    });
    expect(() => fit(engines.cpu, dense(3), given, { validation: byHand })).not.toThrow();
  });
});

describe("a model of images", () => {
  const images = Array.from({ length: 8 }, (_, i) => new Uint8Array(4).fill(i % 2 ? 255 : 0));
  const labels = images.map((_, i) => i % 2);

  it("knows what its bytes are worth, and what its classes are called", async () => {
    const train = imageDataset({ images, width: 2, height: 2, labels, classes: ["dark", "light"] });
    const model = () => sequential(flatten(), dense(2));
    const run = fit(engines.cpu, model(), train, { epochs: 300 });
    for await (const _ of run);
    const other = opened(model(), [1, 2, 2]);
    await other.load(await run.toSafetensors());
    expect(other.schema).toEqual({ classes: ["dark", "light"], scale: 1 / 255 });
    const bytes = Uint8Array.from(images.slice(0, 2).flatMap((image) => [...image]));
    const options = { probabilities: "softmax", threshold: 0.5 } as const;
    const expected = await predict(other, subset(train, [0, 1]), options);
    expect(expected.classNames).toEqual(["dark", "light"]);
    expect(await predict(other, bytes, options)).toEqual(expected);
    const raw = dataset({ name: "raw", inputs: { data: bytes, shape: [1, 2, 2] } });
    await expect(predict(other, raw)).rejects.toThrow(
      "predict: raw has bytes with scale 1, the model was trained on such with 0.00392156862745098; give the same",
    );
    // As numbers between 0 and 1 they are what they are.
    const floats = Float32Array.from(bytes, (byte) => byte / 255);
    expect((await predict(other, floats, options)).classNames).toEqual(["dark", "light"]);
  });

  it("of one output has a name for no and one for yes", async () => {
    const set = dataset({
      inputs: { data: Float32Array.of(-1, 1), shape: [1] },
      targets: { data: Uint8Array.of(0, 1) },
      classes: ["no", "yes"],
    });
    const trainer = createTrainer(engines.cpu, (x) => x, { inputShape: [1], schema: set.schema });
    const { classNames } = await predict(trainer, set, { probabilities: "sigmoid", threshold: 0.5 });
    expect(classNames).toEqual(["no", "yes"]);
  });
});
