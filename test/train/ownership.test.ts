/** What a run takes of an engine, and when it gives it back: nothing is freed by hand. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  createTrainer,
  dense,
  type FitOptions,
  type FitRun,
  fit,
  ops,
  predict,
  relu,
  sequential,
  sum,
} from "wgrad";
import { digits } from "wgrad/data";
import { objective } from "wgrad/minimize";
import { heldByHost } from "../../scripts/heap.mjs";
import { connectInstrumented, type Instrumented } from "../helpers/instrumented.ts";

const { train, test } = digits({ train: 40, test: 10 });
const model = (outputs = 10) => sequential(dense(8), relu(), dense(outputs));

let gpu: Instrumented;
beforeAll(async () => {
  gpu = await connectInstrumented();
});
afterAll(() => gpu?.engine.destroy());

const live = () => gpu.books.liveBytes;

// A last batch of another size, and a validation set: all that a run can hold.
const open = (options: FitOptions = {}, outputs?: number) =>
  fit(gpu.engine, model(outputs), train, { batchSize: 16, epochs: 2, validation: test, ...options });

const failing = () => {
  throw new Error("no more");
};

/** What a run fails with. Without `expect(run)`, which holds on to it until the test's end. */
const failure = (run: FitRun) =>
  run.then(
    () => "",
    (error) => String(error),
  );

/** Ways to deal with a run. */
const ways: Readonly<Record<string, () => Promise<FitRun[]>>> = {
  "trained to its end": async () => {
    const run = open();
    await run;
    return [run];
  },
  "broken off": async () => {
    const run = open();
    for await (const _ of run) break;
    return [run];
  },
  "never begun": async () => [open()],
  "ended by an error in mid-epoch": async () => {
    const run = open({ onProgress: failing });
    expect(await failure(run)).toContain("no more");
    return [run];
  },
  "ended by a callback": async () => {
    const run = open({ callbacks: [{ name: "failing", onStart: failing }] });
    expect(await failure(run)).toContain("no more");
    return [run];
  },
  "refused for its labels, once its steps were compiled": async () => {
    const run = open({}, 7);
    expect(await failure(run)).toContain("outputs tell only classes 0 to 6 apart");
    return [run];
  },
  "left in the middle of an iteration": async () => {
    const run = open();
    await run[Symbol.asyncIterator]().next();
    return [run];
  },
  "predicted with": async () => {
    const run = open();
    await run;
    await predict(run.trainer, test);
    return [run];
  },
};

it("what is never used takes nothing of the engine", async () => {
  const before = live();
  for (let i = 0; i < 50; i++) {
    open();
    createTrainer(gpu.engine, model(), { inputShape: train.inputs.shape, optimizer: adam() });
  }
  expect(live()).toBe(before);
});

describe("a run", () => {
  it.each(Object.entries(ways))("%s gives all back when it is released", async (_way, deal) => {
    const before = live();
    const [run] = await deal();
    run.release();
    // Runs in flight end first.
    for (let i = 0; i < 100 && live() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(live()).toBe(before);
    if (run.history.length < 2)
      await expect(run).rejects.toThrow("fit: the run was released; begin anew with fit(…)");
    await expect(run.toSafetensors()).rejects.toThrow();
    run.release();
  });

  it("holds no more than its trainer once nobody iterates over it", async () => {
    const before = live();
    const run = open();
    await run;
    const held = live() - before;
    const trainer = createTrainer(gpu.engine, model(), { inputShape: train.inputs.shape, optimizer: adam() });
    await trainer.weights();
    expect(live() - before).toBe(2 * held);
    for (const owner of [run, trainer]) owner[Symbol.dispose]();
    expect(live()).toBe(before);
  });

  it("that is released while it goes on ends, and gives all back", async () => {
    const before = live();
    const run = open({ callbacks: [({ epoch }, run) => void (epoch === 1 && run.release())] });
    await expect(run).rejects.toThrow("fit: the run was released; begin anew with fit(…)");
    expect(live()).toBe(before);
  });

  it.each(Object.entries(ways))(
    "%s is freed by the garbage collector where nobody holds it",
    async (way, deal) => {
      const before = live();
      const dealt = async () => {
        for (let i = 0; i < 6; i++) await deal();
      };
      await dealt();
      // A run that is refused as it begins gives all back at once.
      const holds = way !== "never begun" && !way.startsWith("refused");
      if (holds) expect(live()).toBeGreaterThan(before);
      for (let i = 0; i < 50 && live() > before; i++) await heldByHost();
      expect(live()).toBe(before);
    },
  );
});

it("an objective that cannot be compiled leaves nothing behind", async () => {
  const trainer = createTrainer(gpu.engine, dense(1), { inputShape: [2] });
  await trainer.weights();
  const before = live();
  let traced = 0;
  const making = objective(
    trainer,
    { x: [2, 2], y: [2, 1] },
    ({ x, y }, model) => {
      if (traced++ > 0) throw new Error("no second time");
      return ops.meanSquaredError(model(x), y);
    },
    { x: new Float32Array(4), y: new Float32Array(2) },
  );
  await expect(making).rejects.toThrow("no second time");
  expect(live()).toBe(before);
  const step = await trainer.compile(({ x }, model) => ({ y: sum(model(x)) }), { inputs: { x: [1, 2] } });
  trainer.release();
  expect(() => trainer.memory).toThrow("this trainer was released");
  await expect(trainer.weights()).rejects.toThrow("this trainer was released");
  await expect(step.run({ x: new Float32Array(2) })).rejects.toThrow("released");
  step.release();
});
