/** Data sets larger than the memory they may take, and data that comes from somewhere else. */
import { describe, expect, it, vi } from "vitest";
import {
  adam,
  cpu,
  createTrainer,
  dense,
  dropout,
  type Engine,
  evaluate,
  type FitOptions,
  fit,
  meanSquaredError,
  relu,
  sequential,
} from "wgrad";
import { augment, noise } from "wgrad/augment";
import { type Chunk, type Dataset, digits, type Stream, stream } from "wgrad/data";
import { DEVICES, ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const { train } = digits({ train: 530, test: 1 });
/** Bytes of a sample: its image, its label, its place and its number. */
const SAMPLE = 784 + 1 + 8;
const model = () => sequential(dense(12), relu(), dropout(0.2), dense(10));

/** Runs `during`, and gives the most bytes of the data set that were on the engine at once. */
async function mostBytes(engine: Engine, during: () => Promise<void>): Promise<number> {
  const open = new Map<object, number>();
  let most = 0;
  const make = engine.buffer.bind(engine);
  const spy = vi.spyOn(engine, "buffer").mockImplementation((label, dtype, length, data) => {
    const buffer = make(label, dtype, length, data);
    if (!label.startsWith(train.name)) return buffer;
    open.set(buffer, length * (dtype === "u8" ? 1 : 4));
    most = Math.max(
      most,
      [...open.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
    const release = buffer.release.bind(buffer);
    buffer.release = () => {
      open.delete(buffer);
      release();
    };
    return buffer;
  });
  try {
    await during();
  } finally {
    spy.mockRestore();
  }
  return most;
}

async function trained(engine: Engine, data: Dataset | Stream, options: FitOptions = {}) {
  const run = fit(engine, model(), data, { epochs: 2, batchSize: 16, seed: 5, ...options });
  const losses: number[] = [];
  for await (const { loss } of run) losses.push(loss);
  const weights = await run.trainer.weights();
  run.trainer.release();
  return { losses, weights };
}

/** As a reader of files would give them: in chunks that fit nothing. */
function streamed(data: Dataset, change: Partial<Stream> = {}): Stream {
  const { name, count, inputs, targets, classes } = data;
  return stream({
    name,
    count,
    classes,
    inputs: { type: "u8", shape: inputs.shape, scale: inputs.scale },
    targets: { type: "u8" },
    async *open() {
      for (let first = 0, size = 1; first < count; first += size, size = (size * 7) % 43 || 5) {
        await new Promise((resolve) => setTimeout(resolve));
        const end = Math.min(count, first + size);
        yield {
          inputs: inputs.data.subarray(first * 784, end * 784),
          targets: targets.data.subarray(first, end),
        };
      }
    },
    ...change,
  });
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("a data set four times as large as its memory trains as if it were resident, bit for bit", async () => {
    const dataMemory = Math.floor((train.count * SAMPLE) / 4);
    const changes = augment(noise(0.1));
    const whole = await trained(engines[kind], train, { augment: changes });
    const most = await mostBytes(engines[kind], async () => {
      expect(await trained(engines[kind], train, { dataMemory, augment: changes })).toEqual(whole);
    });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(dataMemory);
  });

  it("validation streams, too, and counts every sample once", async () => {
    const trainer = createTrainer(engines[kind], model(), { inputShape: [1, 28, 28], seed: 2 });
    const whole = await evaluate(trainer, train, { batchSize: 50 });
    const slots = await evaluate(trainer, train, { batchSize: 50, dataMemory: 210 * SAMPLE });
    const other = await evaluate(trainer, streamed(train), { batchSize: 50, dataMemory: 210 * SAMPLE });
    expect(slots).toEqual(whole);
    expect(other).toEqual(whole);
    expect(whole.confusion?.flat().reduce((sum, count) => sum + count, 0)).toBe(530);
  });

  it("a stream's chunks of any size become batches in the stream's order", async () => {
    const unshuffled = { shuffle: false, dataMemory: 110 * SAMPLE };
    const whole = await trained(engines[kind], train, { shuffle: false });
    expect(await trained(engines[kind], streamed(train), unshuffled)).toEqual(whole);
  });

  it("a stream is shuffled within what is in memory, by the seed", async () => {
    const some = { dataMemory: 110 * SAMPLE };
    const once = await trained(engines[kind], streamed(train), some);
    expect(await trained(engines[kind], streamed(train), some)).toEqual(once);
    const unshuffled = await trained(engines[kind], streamed(train), { ...some, shuffle: false });
    expect(once.losses).not.toEqual(unshuffled.losses);
    expect(once.losses[1]).toBeLessThan(once.losses[0]);
  });
});

it.each(DEVICES)("the %s and the CPU agree on a streamed run", async (kind) => {
  const options = { dataMemory: 110 * SAMPLE, augment: augment(noise(0.1)) };
  const [found, reference] = [
    await trained(engines[kind], train, options),
    await trained(engines.cpu, train, options),
  ];
  found.losses.forEach((loss, i) => {
    expect(Math.abs(loss - reference.losses[i])).toBeLessThan(1e-4);
  });
});

it("a stream without classes, in floats, is fitted", async () => {
  const inputs = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i));
  const targets = Float32Array.from({ length: 100 }, (_, i) => inputs[3 * i] - 2 * inputs[3 * i + 1]);
  const data = stream({
    count: 100,
    inputs: { type: "f32", shape: [3] },
    targets: { type: "f32" },
    *open() {
      yield { inputs: inputs.subarray(0, 150), targets: targets.subarray(0, 50) };
      yield { inputs: inputs.subarray(150), targets: targets.subarray(50) };
    },
  });
  const run = fit(cpu(), dense(1), data, {
    loss: meanSquaredError(),
    optimizer: adam({ learningRate: 0.1 }),
    batchSize: 10,
    epochs: 30,
    dataMemory: 2000,
  });
  let last = Number.NaN;
  for await (const { loss } of run) last = loss;
  expect(last).toBeLessThan(1e-3);
});

it("a stream's source is closed where a run ends before it does", async () => {
  let [opened, closed] = [0, 0];
  const endless = stream({
    count: 1000,
    inputs: { type: "f32", shape: [1] },
    targets: { type: "f32" },
    async *open() {
      opened++;
      try {
        for (;;) yield { inputs: new Float32Array(10), targets: new Float32Array(10) };
      } finally {
        closed++;
      }
    },
  });
  const run = fit(cpu(), dense(1), endless, {
    loss: meanSquaredError(),
    batchSize: 10,
    dataMemory: 800,
    onProgress: () => {
      throw new Error("no more");
    },
  });
  await expect(run).rejects.toThrow("no more");
  for (let i = 0; i < 100 && closed < opened; i++) await new Promise((resolve) => setTimeout(resolve));
  expect([opened, closed]).toEqual([1, 1]);
});

describe("what is wrong with a stream is said where it is met", () => {
  const run = async (data: Stream | Dataset, options: FitOptions = {}) => {
    for await (const _ of fit(cpu(), sequential(dense(10)), data, { batchSize: 16, epochs: 1, ...options }));
  };
  const chunks = (...given: Chunk[]) => streamed(train, { open: () => given });
  const images = train.inputs.data;

  it.each([
    [
      "digits train: it ended after 2 samples, but count is 530",
      chunks({ inputs: images.subarray(0, 1568), targets: new Uint8Array(2) }),
    ],
    [
      "digits train: more than the declared 530 samples",
      streamed(train, {
        open: () => [
          { inputs: images, targets: train.targets.data },
          { inputs: images, targets: train.targets.data },
        ],
      }),
    ],
    [
      "digits train: the chunk after sample 0 has 784 elements of inputs [1, 28, 28] and 2 of targets []",
      chunks({ inputs: images.subarray(0, 784), targets: new Uint8Array(2) }),
    ],
    [
      "digits train: inputs: a chunk holds a Float32Array; the stream says u8: expected a Uint8Array",
      chunks({ inputs: new Float32Array(784), targets: new Uint8Array(1) }),
    ],
    [
      "digits train: targets: sample 3 has class 11; expected 0 to 9",
      chunks({
        inputs: images,
        targets: Uint8Array.from(train.targets.data, (label, i) => (i === 3 ? 11 : label)),
      }),
    ],
  ])("%s", async (message, data) => {
    await expect(run(data)).rejects.toThrow(message);
  });

  it("a number that is not finite, with its sample", async () => {
    const inputs = new Float32Array(60);
    inputs[41] = Number.NaN;
    const data = stream({
      count: 20,
      inputs: { type: "f32", shape: [3] },
      targets: { type: "u8" },
      classes: 10,
      open: () => [{ inputs, targets: new Uint8Array(20) }],
    });
    await expect(run(data)).rejects.toThrow("stream: inputs: sample 13 holds NaN; expected finite numbers");
  });

  it("an error of the source itself", async () => {
    const broken = streamed(train, {
      open() {
        throw new Error("the disk is gone");
      },
    });
    await expect(run(broken)).rejects.toThrow("the disk is gone");
  });

  it("memory for less than two batches", async () => {
    await expect(run(train, { dataMemory: 20_000 })).rejects.toThrow(
      "digits train: dataMemory is 20000 bytes, too little for two batches of 16 samples of 793 bytes each",
    );
    await expect(run(train, { dataMemory: Number.NaN })).rejects.toThrow("dataMemory is NaN");
  });

  it.each([
    ["stream: count is 0", { count: 0 }],
    ["stream: open is undefined", { open: undefined }],
    ["stream: classes is 1.5", { classes: 1.5 }],
    ["stream: inputs: type is f16", { inputs: { type: "f16" } }],
    ["stream: targets: shape is [0]", { targets: { type: "u8", shape: [0] } }],
    ["stream: with classes given, targets are class indices", { targets: { type: "f32" }, classes: 3 }],
  ])("%s", (message, change) => {
    const plain = { count: 3, inputs: { type: "u8" }, targets: { type: "u8" }, open: () => [] };
    expect(() => stream({ ...plain, ...change } as never)).toThrow(message);
  });
});
