/** Predictions that are asked for again and again: what is compiled, kept and freed, and what each sample sees. */
import { describe, expect, it, vi } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import {
  createTrainer,
  dense,
  type Engine,
  mean,
  type Program,
  predict,
  predictor,
  relu,
  sequential,
  sub,
} from "../../src/index.ts";
import { normals } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { limited } from "../helpers/limited.ts";

const engines = useEngines();
const [INPUTS, OUTPUTS] = [5, 3];
const rows = (count: number, stream = 0) => normals(count * INPUTS, 6, stream);
const network = (engine: Engine) =>
  createTrainer(engine, sequential(dense(7), relu(), dense(OUTPUTS)), { inputShape: [INPUTS], seed: 2 });

/** An engine that tells of the programs it compiles, and of those that are released. */
function watched(engine: Engine) {
  const compiled: Program[] = [];
  let held = 0;
  const watching: Engine = Object.create(engine, {
    buffer: { value: engine.buffer.bind(engine) },
    compile: {
      async value(...args: Parameters<Engine["compile"]>) {
        const executable = await engine.compile(...args);
        compiled.push(args[0]);
        held++;
        const release = executable.release.bind(executable);
        vi.spyOn(executable, "release").mockImplementation(() => {
          held--;
          release();
        });
        return executable;
      },
    },
  });
  return { engine: watching, compiled, held: () => held };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("a sample's outputs are the same to the bit in a batch of any size", async () => {
    const trainer = network(engines[kind]);
    const all = rows(9);
    const { data: whole } = await predict(trainer, all);
    for (const count of [1, 2, 3, 5, 8]) {
      const { data, shape } = await predict(trainer, all.slice(0, count * INPUTS));
      expect(shape).toEqual([count, OUTPUTS]);
      expect([...data]).toEqual([...whole.slice(0, count * OUTPUTS)]);
    }
    const { data: byFour } = await predict(trainer, all, { batchSize: 4 });
    expect([...byFour]).toEqual([...whole]);
    trainer.release();
  });

  it("calls at once, of one size, do not see each other's samples", async () => {
    const trainer = network(engines[kind]);
    const parts = [0, 1, 2, 3].map((stream) => rows(3, stream));
    const alone = [];
    for (const part of parts) alone.push([...(await predict(trainer, part)).data]);
    const together = await Promise.all(parts.map((part) => predict(trainer, part)));
    expect(together.map(({ data }) => [...data])).toEqual(alone);
    expect(new Set(alone.map(String)).size).toBe(4);
    trainer.release();
  });

  it("sees the parameters as they are now", async () => {
    const trainer = network(engines[kind]);
    const other = createTrainer(engines[kind], trainer.model, { inputShape: [INPUTS], seed: 3 });
    const before = await predict(trainer, rows(2));
    await trainer.load(await other.weights());
    const after = await predict(trainer, rows(2));
    expect([...after.data]).toEqual([...(await predict(other, rows(2))).data]);
    expect([...after.data]).not.toEqual([...before.data]);
    for (const one of [trainer, other]) one.release();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%d among the inputs is refused, by sample, unless told",
    async (bad) => {
      const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [INPUTS] });
      const inputs = rows(3);
      inputs[2 * INPUTS + 1] = bad;
      const message = `predict: sample 2 holds ${bad} at element 1; drop the sample or fill the gap, or give nonFinite: "allow"`;
      await expect(predict(trainer, inputs)).rejects.toThrow(message);
      await expect(predictor(trainer)(inputs)).rejects.toThrow(message);
      const { data } = await predict(trainer, inputs, { nonFinite: "allow" });
      expect([...data]).toEqual([...inputs]);
      trainer.release();
    },
  );

  it("a step refuses numbers that are not finite, unless told", async () => {
    const trainer = createTrainer(engines[kind], (x) => x, { inputShape: [2] });
    const compiled = (nonFinite?: "allow") =>
      trainer.compile(({ x }) => ({ mean: mean(x) }), { name: "half", inputs: { x: [2, 2] }, nonFinite });
    const x = Float32Array.of(1, 2, Number.NaN, 4);
    const step = await compiled();
    const message = 'step half: input "x" holds NaN at element 2; give finite numbers, or compile the step';
    await expect(step.run({ x })).rejects.toThrow(message);
    expect(() => step.write({ x })).toThrow(message);
    expect((await step.run({ x: Float32Array.of(1, 2, 3, 4) })).mean[0]).toBe(2.5);
    expect((await (await compiled("allow")).run({ x })).mean[0]).toBeNaN();
    trainer.release();
  });
});

describe("steps of predictions", () => {
  it("are one for each power of two, whatever counts are asked for, and are freed with the trainer", async () => {
    const { engine, compiled, held } = watched(engines.cpu);
    const trainer = network(engine);
    for (let pass = 0; pass < 2; pass++)
      for (let count = 1; count <= 60; count++) await predict(trainer, rows(count));
    const sizes = compiled.map(({ outputs }) => outputs.outputs.shape[0]);
    expect(sizes).toEqual([1, 2, 4, 8, 16, 32, 64]);
    await predict(trainer, rows(60), { probabilities: "softmax" });
    await predict(trainer, rows(1000), { batchSize: 100 });
    expect(compiled.length).toBe(9);
    trainer.release();
    await vi.waitFor(() => expect(held()).toBe(0));
  });

  it("are compiled once for calls at once", async () => {
    const { engine, compiled } = watched(engines.cpu);
    const trainer = network(engine);
    await Promise.all([1, 2, 3].map((stream) => predict(trainer, rows(4, stream))));
    expect(compiled.length).toBe(1);
    trainer.release();
  });

  it("are bounded: those go that were not used for longest", async () => {
    const { engine, compiled, held } = watched(engines.cpu);
    const trainer = network(engine);
    // Batches of sizes of one's own are kept, too.
    for (let batchSize = 1; batchSize <= 40; batchSize++) {
      await predict(trainer, rows(40), { batchSize });
      await predict(trainer, rows(1));
    }
    expect(held()).toBe(24);
    expect(compiled.length).toBe(40);
    await predict(trainer, rows(40), { batchSize: 2 });
    expect(compiled.length).toBe(41);
    await predict(trainer, rows(1));
    expect(compiled.length).toBe(41);
    trainer.release();
    await vi.waitFor(() => expect(held()).toBe(0));
  });

  it("of a predictor are its own, and freed by it", async () => {
    const { engine, compiled, held } = watched(engines.cpu);
    const trainer = network(engine);
    const ask = predictor(trainer, { probabilities: "softmax", threshold: 0.2 });
    const inputs = rows(3);
    const { classes, data } = await ask(inputs);
    const same = await predict(trainer, inputs, { probabilities: "softmax", threshold: 0.2 });
    expect([...classes]).toEqual([...same.classes]);
    expect([...data]).toEqual([...same.data]);
    await ask(rows(4));
    expect(compiled.length).toBe(2);
    ask.release();
    await vi.waitFor(() => expect(held()).toBe(1));
    expect((await ask(inputs)).shape).toEqual([3, OUTPUTS]);
    expect(compiled.length).toBe(3);
    ask.release();
    trainer.release();
    await vi.waitFor(() => expect(held()).toBe(0));
  });

  it("that could not be compiled are tried again", async () => {
    const trainer = network(engines.cpu);
    const compile = vi.spyOn(engines.cpu, "compile").mockRejectedValueOnce(new Error("no room"));
    await expect(predict(trainer, rows(2))).rejects.toThrow("no room");
    expect((await predict(trainer, rows(2))).shape).toEqual([2, OUTPUTS]);
    compile.mockRestore();
    trainer.release();
  });

  it("are filled up with samples of the call, for layers that mix those of a batch", async () => {
    // The mean over the batch is that of three samples and the first again, of no zeros.
    const trainer = createTrainer(engines.cpu, (x) => sub(x, mean(x, 0, { keepDims: true })), {
      inputShape: [1],
    });
    const { data } = await predict(trainer, Float32Array.of(8, 16, 32));
    expect([...data]).toEqual([-8, 0, 16]);
    const bytes = dataset({
      inputs: { data: Uint8Array.of(8, 16, 32), shape: [1], scale: 0.5 },
      targets: { data: new Float32Array(3) },
    });
    expect([...(await predict(trainer, bytes)).data]).toEqual([-4, 0, 8]);
    trainer.release();
  });

  it("take as many samples as the device can hold, unless told how many", async () => {
    // Of 7 numbers a sample in the hidden layer, 64 samples fit.
    const { engine, compiled } = watched(limited(engines.cpu, 64 * 7 * 4));
    const [trainer, whole] = [network(engine), network(engines.cpu)];
    const want = await predict(whole, rows(150));
    expect([...(await predict(trainer, rows(150))).data]).toEqual([...want.data]);
    expect([...(await predict(trainer, rows(140))).data]).toEqual([...want.data.slice(0, 140 * OUTPUTS)]);
    expect(compiled.map(({ outputs }) => outputs.outputs.shape[0])).toEqual([64]);
    await expect(predict(trainer, rows(150), { batchSize: 65 })).rejects.toThrow(
      /^program predict: .* takes 1820 bytes, and this device holds at most 1792 in one piece; use a smaller batch/,
    );
    for (const one of [trainer, whole]) one.release();
  });

  it("refuses options that make no sense, when it is made", () => {
    const trainer = network(engines.cpu);
    expect(() => predictor(trainer, { batchSize: 0 })).toThrow(
      "predictor: batchSize is 0; give a whole number from 1",
    );
    expect(() => predictor(trainer, { nonFinite: "yes" as "allow" })).toThrow(
      'predictor: nonFinite is "yes"; give "refuse" or "allow", or leave it out',
    );
    expect(() => predictor(trainer, { threshold: 0.5 })).toThrow("predictor: threshold is 0.5");
    trainer.release();
  });
});
