/** A checkpoint is taken as a whole or not at all: whatever is wrong with it is said, and nothing was changed. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { csvHistory } from "wgrad/callbacks";
import { dataset } from "wgrad/data";
import {
  adam,
  batchNorm,
  cpu,
  createTrainer,
  dense,
  type Epoch,
  type FitOptions,
  fit,
  relu,
  sequential,
  type Trainer,
  type TrainerState,
} from "../../src/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/safetensors/index.ts";
import { decodeEpochs, encodeEpochs } from "../../src/train/epochs.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const folder = useTemporaryFolder();
const data = dataset({
  inputs: { data: Float32Array.from({ length: 36 }, (_, i) => Math.sin(i)), shape: [3] },
  targets: { data: Uint8Array.from({ length: 12 }, (_, i) => i % 2) },
  classes: 2,
});
const opened = (options: FitOptions = {}) =>
  fit(cpu(), sequential(dense(4), batchNorm(), relu(), dense(2)), data, {
    batchSize: 4,
    epochs: 4,
    validation: data,
    optimizer: adam(),
    ...options,
  });

const KEY = "wgrad.checkpoint";
type Tensors = Record<string, { shape: readonly number[]; data: Float32Array | Uint8Array | Int32Array }>;
let good: Uint8Array;
beforeAll(async () => {
  const run = opened();
  for await (const { epoch } of run) if (epoch === 2) break;
  good = await run.checkpoint();
});

/** CRC-32 by its definition, bit by bit. */
function crc32(bytes: Uint8Array): string {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (~sum >>> 0).toString(16).padStart(8, "0");
}

/** A checkpoint, with the checksums of what it holds. */
function written(tensors: Tensors, text: string): Uint8Array {
  const sums = Object.entries(tensors).map(([name, { data }]) => [
    name,
    crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
  return encodeSafetensors(tensors, {
    [KEY]: text,
    [`${KEY}.crc32`]: JSON.stringify({
      [KEY]: crc32(new TextEncoder().encode(text)),
      ...Object.fromEntries(sums),
    }),
  });
}

/** The checkpoint with other contents, as one writes it who knows the format. */
function changed({
  contents = {},
  tensors = (same) => same,
  text,
}: {
  contents?: object;
  tensors?: (tensors: Tensors) => Tensors;
  text?: string;
}): Uint8Array {
  const file = decodeSafetensors(good);
  const told = { ...JSON.parse(file.metadata[KEY]), ...contents };
  return written(tensors(Object.fromEntries(file.tensors)), text ?? JSON.stringify(told));
}

const history = (change: (epochs: Record<string, unknown>[]) => unknown[]) =>
  changed({
    tensors: (tensors) => {
      const lines = new TextDecoder()
        .decode(tensors.history.data as Uint8Array)
        .trimEnd()
        .split("\n");
      const epochs = change(lines.map((line) => JSON.parse(line)));
      const bytes = new TextEncoder().encode(epochs.map((epoch) => `${JSON.stringify(epoch)}\n`).join(""));
      return { ...tensors, history: { shape: [bytes.length], data: bytes } };
    },
  });

const spoilt = (name: string, value: number) =>
  changed({
    tensors: (tensors) => {
      const values = (tensors[name].data as Float32Array).slice();
      values[1] = value;
      return { ...tensors, [name]: { ...tensors[name], data: values } };
    },
  });

const without = (name: string) => changed({ tensors: ({ [name]: _gone, ...tensors }) => tensors });
const replaced = (name: string, tensor: Tensors[string]) =>
  changed({ tensors: (tensors) => ({ ...tensors, [name]: tensor }) });

/** One tensor of the file in half precision, which the library reads but does not write. */
function halved(name: string): Uint8Array {
  const length = Number(new DataView(good.buffer, good.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(good.subarray(8, 8 + length)));
  header[name] = { ...header[name], dtype: "F16", shape: [header[name].shape[0] * 2] };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + good.length - 8 - length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(good.subarray(8 + length), 8 + text.length);
  return file;
}

describe("a damaged checkpoint is refused, and trainer, history and files stay as they were", () => {
  it.each<[string, () => Uint8Array, string | RegExp]>([
    [
      "negative steps",
      () => changed({ contents: { steps: -3 } }),
      "resume: the checkpoint is damaged: 2 epochs in -3 steps",
    ],
    [
      "steps in words",
      () => changed({ contents: { steps: "x" } }),
      'the checkpoint\'s steps are "x"; expected a whole number',
    ],
    ["half a step", () => changed({ contents: { steps: 6.5 } }), "the checkpoint's steps are 6.5; expected"],
    [
      "steps beyond 2^53",
      () => changed({ contents: { steps: 2 ** 60 } }),
      "steps are 1152921504606847000; expected",
    ],
    ["no steps", () => changed({ contents: { steps: undefined } }), "steps are undefined; expected"],
    ["fewer steps than epochs", () => changed({ contents: { steps: 1 } }), "2 epochs in 1 steps"],
    ["no history", () => without("history"), "resume: the checkpoint has no history; was it changed?"],
    ["a null history", () => history(() => [null]), "damaged: the history's epoch 1 is null"],
    ["history as text", () => history(() => ["x"]), `damaged: the history's epoch 1 is "x"`],
    [
      "history of numbers",
      () => replaced("history", { shape: [1], data: Float32Array.of(1) }),
      "has no history",
    ],
    [
      "history cut off",
      () => replaced("history", { shape: [1], data: Uint8Array.of(123) }),
      "damaged: the history is cut off",
    ],
    [
      "history that is no JSON",
      () => replaced("history", { shape: [2], data: Uint8Array.of(123, 10) }),
      /damaged: .*JSON/,
    ],
    [
      "epochs in another order",
      () => history((epochs) => [...epochs].reverse()),
      "the history's epoch 1 is called 2",
    ],
    ["epochs twice", () => history(([first]) => [first, first]), "the history's epoch 2 is called 1"],
    ["no loss", () => history(([first]) => [{ ...first, loss: undefined }]), "epoch 1 has undefined as loss"],
    ["a null loss", () => history(([first]) => [{ ...first, loss: null }]), "epoch 1 has null as loss"],
    [
      "a loss of NaN",
      () => history(([first]) => [{ ...first, loss: { $: "number", is: "NaN" } }]),
      "epoch 1 has NaN as loss",
    ],
    ["time in words", () => history(([first]) => [{ ...first, seconds: "1" }]), 'epoch 1 has "1" as seconds'],
    [
      "a null validation",
      () => history(([first]) => [{ ...first, validation: null }]),
      "epoch 1 has null as validation",
    ],
    [
      "accuracy in words",
      () => history(([first]) => [{ ...first, accuracy: "all" }]),
      'epoch 1 has "all" as accuracy',
    ],
    [
      "a list of too many",
      () => history(([first]) => [{ ...first, x: { $: "Array", length: 1e12, at: [], are: [] } }]),
      "the history holds a list of 1000000000000, more than its run explains",
    ],
    [
      "a place outside of its list",
      () => history(([first]) => [{ ...first, x: { $: "Array", length: 2, at: [2], are: [1] } }]),
      "has no place 2",
    ],
    [
      "a list of functions",
      () => history(([first]) => [{ ...first, x: { $: "Function", all: [1] } }]),
      "no list of numbers",
    ],
    [
      "NaN among the weights",
      () => spoilt("parameters", Number.NaN),
      "the checkpoint's parameters hold NaN at element 1; take a state from before",
    ],
    [
      "an infinite moment",
      () => spoilt("second", Number.POSITIVE_INFINITY),
      "the checkpoint's second hold Infinity at element 1",
    ],
    [
      "NaN among the statistics",
      () => spoilt("statistics", Number.NaN),
      "the checkpoint's statistics hold NaN",
    ],
    ["no weights", () => without("parameters"), "the checkpoint's parameters are missing"],
    ["no moments", () => without("first"), "the checkpoint's first are missing"],
    [
      "an arena too many",
      () => replaced("third", { shape: [1], data: Float32Array.of(1) }),
      "the checkpoint holds third, which",
    ],
    [
      "too few weights",
      () => replaced("parameters", { shape: [2], data: Float32Array.of(1, 2) }),
      "the checkpoint's parameters are 2 numbers, the model has",
    ],
    [
      "weights in bytes",
      () => replaced("parameters", { shape: [2], data: Uint8Array.of(1, 2) }),
      "the checkpoint's parameters are U8; expected F32",
    ],
    [
      "moments in integers",
      () => replaced("first", { shape: [2], data: Int32Array.of(1, 2) }),
      "the checkpoint's first are I32; expected F32",
    ],
    [
      "weights in half precision",
      () => halved("parameters"),
      "the checkpoint's parameters are F16; expected F32",
    ],
    [
      "another model by name",
      () => changed({ contents: { model: "0.weight [9, 9]" } }),
      "the checkpoint's model is 0.weight [9, 9], this one's",
    ],
    ["a model that is no text", () => changed({ contents: { model: {} } }), "the checkpoint's model is {}"],
    [
      "contents that are no JSON",
      () => changed({ text: "{" }),
      "resume: the checkpoint is damaged: its description is no valid JSON:",
    ],
    [
      "null contents",
      () => changed({ text: "null" }),
      "resume: the checkpoint's contents are null; expected an object",
    ],
    ["no run", () => changed({ contents: { run: null } }), "the checkpoint does not describe its run"],
    [
      "a run that is a number",
      () => changed({ contents: { run: 5 } }),
      "the checkpoint does not describe its run",
    ],
    [
      "an empty run",
      () => changed({ contents: { run: {} } }),
      "the checkpoint's seed is not given, this run's 0;",
    ],
    [
      "a later version",
      () => changed({ contents: { format: 4 } }),
      "resume: the checkpoint is of a later version of wgrad; use that version",
    ],
    [
      "the first version",
      () => changed({ text: JSON.stringify({ settings: { seed: 0 }, steps: 6, history: [] }) }),
      "resume: the checkpoint is of an earlier version of wgrad; go on with that version, or train anew",
    ],
    ["half a file", () => good.subarray(0, good.length / 2), "cut off"],
    ["a file without its last byte", () => good.subarray(0, -1), "cut off"],
    ["a file with a byte more", () => Uint8Array.of(...good, 0), "1 bytes follow the last tensor"],
    ["nothing", () => new Uint8Array(), "cut off: 0 bytes"],
  ])("%s", async (_what, make, message) => {
    const path = join(folder.path, "history.csv");
    await writeFile(path, "kept");
    const run = opened({ resume: make(), callbacks: [csvHistory(path)] });
    const before = await run.trainer.snapshot();
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(message);
    expect(await run.trainer.snapshot()).toEqual(before);
    expect(run.history).toEqual([]);
    expect(await readFile(path, "utf8")).toBe("kept");
  });

  it("any bit that is turned over is told, with the tensor's name where it is in one, and nothing is changed", async () => {
    const { arenas } = await opened().trainer.snapshot();
    const length = Number(new DataView(good.buffer, good.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(good.subarray(8, 8 + length)));
    const names = new Set<string>();
    for (let at = 0; at < good.length; at += 23) {
      const bytes = good.slice();
      bytes[at] ^= 1 << (at % 8);
      const run = opened({ epochs: 3, resume: bytes });
      const error = await run[Symbol.asyncIterator]()
        .next()
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      expect(error, `bit ${at % 8} of byte ${at}`).toBeInstanceOf(Error);
      const { message } = error as Error;
      expect(message).toMatch(/^resume: /);
      const place = at - 8 - length;
      const tensor = Object.keys(header).find((name) => {
        const [begin, end] = header[name].data_offsets ?? [0, 0];
        return begin <= place && place < end;
      });
      if (tensor !== undefined) {
        names.add(tensor);
        expect(message).toContain(`the checkpoint is damaged: its tensor "${tensor}" has the checksum`);
      }
      expect((await run.trainer.snapshot()).arenas).toEqual(arenas);
    }
    expect([...names].sort()).toEqual(["first", "history", "parameters", "second", "statistics"]);
  });

  it("NaN is taken where that is asked for", async () => {
    const run = opened({ resume: { from: spoilt("statistics", Number.NaN), nonFinite: "allow" } });
    await run[Symbol.asyncIterator]()
      .next()
      .catch(() => {});
    expect(run.history.length).toBeGreaterThanOrEqual(2);
    const wrong = opened({ resume: { from: good, nonFinite: "yes" as "allow" } });
    await expect(wrong[Symbol.asyncIterator]().next()).rejects.toThrow(
      'nonFinite is "yes"; give "refuse" or "allow"',
    );
  });

  it.each([
    [{ from: [1, 2] }, "fit: resume's from is an array of 2; give a checkpoint"],
    [{ from: "x", allowed: [] }, 'fit: resume: there is no option "allowed"; did you mean allow?'],
    [{ from: "x", allow: "seed" }, "fit: resume: allow is"],
  ])("%j is no checkpoint", async (resume, message) => {
    await expect(
      opened({ resume: resume as never })
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toThrow(message);
  });
});

it.each([
  [5, "5"],
  [true, "true"],
  [{}, "{}"],
  [{ form: "x" }, "an object with form"],
  [[1, 2], "an array of 2"],
  [() => "x", "a function"],
  [Promise.resolve("x"), "a Promise (put await in front of it)"],
])("fit refuses %j at once, which can be no checkpoint", (resume, words) => {
  expect(() => opened({ resume: resume as never })).toThrow(
    `fit: resume is ${words}; give a checkpoint: bytes`,
  );
});

describe("a checkpoint comes from wherever bytes lie", () => {
  it("a path, an ArrayBuffer, a view of one, a Blob, a Response, a URL", async () => {
    const path = join(folder.path, "checkpoint.safetensors");
    await writeFile(path, good);
    const { pathToFileURL } = await import("node:url");
    const copy = good.slice();
    const sources = [
      path,
      pathToFileURL(path),
      copy.buffer,
      new DataView(copy.buffer),
      new Blob([copy]),
      new Response(copy),
    ];
    for (const resume of sources) {
      const run = opened({ resume });
      expect((await run[Symbol.asyncIterator]().next()).value?.epoch).toBe(3);
    }
  });
});

describe("a trainer's state is held against the trainer", () => {
  const trainer = (): Trainer => createTrainer(cpu(), dense(2), { inputShape: [3], optimizer: adam() });
  it.each<[string, (state: TrainerState) => unknown, string]>([
    ["null", () => null, "restore: the state is null; give the result of snapshot()"],
    ["a number", () => 5, "restore: the state is 5"],
    [
      "no arenas",
      ({ arenas: _, ...state }) => state,
      "restore: the state is an object with steps, model, optimizer",
    ],
    [
      "negative steps",
      (state) => ({ ...state, steps: -1 }),
      "the state's steps are -1; expected a whole number",
    ],
    ["NaN steps", (state) => ({ ...state, steps: Number.NaN }), "the state's steps are NaN"],
    [
      "lists",
      (state) => ({ ...state, arenas: { ...state.arenas, first: [1] } }),
      "the state's first are an array of 1; expected a Float32Array",
    ],
    [
      "64 bits",
      (state) => ({ ...state, arenas: { ...state.arenas, first: Float64Array.from(state.arenas.first) } }),
      "the state's first are a Float64Array",
    ],
    [
      "too few",
      (state) => ({ ...state, arenas: { ...state.arenas, first: new Float32Array(1) } }),
      "first are 1 numbers, the model has 128",
    ],
    [
      "more arenas",
      (state) => ({ ...state, arenas: { ...state.arenas, third: new Float32Array(1) } }),
      "the state holds third, which",
    ],
    [
      "NaN",
      (state) => ({
        ...state,
        arenas: { ...state.arenas, second: state.arenas.second.map(() => Number.NaN) },
      }),
      "second hold NaN at element 0",
    ],
  ])("%s", async (_what, change, message) => {
    const one = trainer();
    const before = await one.snapshot();
    expect(() => one.restore(change(before) as TrainerState)).toThrow(message);
    expect(await one.snapshot()).toEqual(before);
  });

  it("NaN is taken where that is asked for", async () => {
    const one = trainer();
    const state = await one.snapshot();
    state.arenas.second.fill(Number.NaN);
    one.restore(state, { nonFinite: "allow" });
    expect((await one.snapshot()).arenas.second.every(Number.isNaN)).toBe(true);
    expect(() => one.restore(state, { nonfinite: "allow" } as never)).toThrow("did you mean nonFinite?");
  });
});

describe("the history in a checkpoint", () => {
  const epoch = (number: number, more: object): Epoch => ({
    epoch: number,
    loss: 0.5,
    seconds: 1,
    validationSeconds: 0,
    samplesPerSecond: 10,
    ...more,
  });

  it("comes back as it was: NaN, infinities, typed arrays, matrices", () => {
    const epochs = [
      epoch(1, {
        accuracy: Number.NaN,
        validation: {
          loss: Number.POSITIVE_INFINITY,
          confusion: [
            [5, 0],
            [0, 7],
          ],
          metrics: {
            odd: [Number.NaN, -0, Number.NEGATIVE_INFINITY, null, "text", true],
            sparse: Float64Array.from({ length: 50 }, (_, i) => (i === 40 ? Number.NaN : 0)),
            bytes: Uint8Array.of(1, 2),
            empty: [],
            $: { $$: 1 },
          },
        },
      }),
      epoch(2, {}),
    ];
    expect(decodeEpochs(encodeEpochs(epochs, 2), 2)).toEqual(epochs);
  });

  it("leaves out what is no data", () => {
    const odd = { f: () => 1, big: 5n, nothing: undefined, kept: 1 };
    expect(decodeEpochs(encodeEpochs([epoch(1, { validation: { loss: 1, metrics: odd } })], 0), 0)).toEqual([
      epoch(1, { validation: { loss: 1, metrics: { kept: 1 } } }),
    ]);
  });

  it("of 1,000 classes and 60 epochs is a few megabytes, and can be read back", () => {
    const confusion = Array.from({ length: 1000 }, (_, row) => {
      const counts = new Array<number>(1000).fill(0);
      for (let k = 0; k < 5; k++) counts[(row * 7 + k * 131) % 1000] += 10 - k;
      return counts;
    });
    const epochs = Array.from({ length: 60 }, (_, i) => epoch(i + 1, { validation: { loss: 1, confusion } }));
    const bytes = encodeEpochs(epochs, 1000);
    expect(bytes.length).toBeLessThan(8 * 2 ** 20);
    const read = decodeEpochs(bytes, 1000);
    expect(read.length).toBe(60);
    expect(read[59].validation?.confusion?.[999]).toEqual(confusion[999]);
  });
});
