/** The CPU engine gives its turn in the midst of a run, and what others do then counts from the next run on, as on a GPU. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { conv2d } from "../../src/nn/model/layers/conv2d.ts";
import { dense } from "../../src/nn/model/layers/dense.ts";
import { maxPool2d } from "../../src/nn/model/layers/pool2d.ts";
import { flatten } from "../../src/nn/model/layers/reshape.ts";
import { sequential } from "../../src/nn/model/model.ts";
import { adam } from "../../src/nn/training/optimizers.ts";
import * as ops from "../../src/ops.ts";
import { STEP_SLOTS } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { InOrder } from "../../src/turns.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { bound, descent, openDescent, SIZE } from "../helpers/descent.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** A clock by which the host's turn is due whenever someone looks. */
function hurry(): void {
  clock = Math.max(clock, performance.now());
  vi.spyOn(performance, "now").mockImplementation(() => {
    clock += 20;
    return clock;
  });
}
/** It never goes back, from test to test. */
let clock = 0;
afterEach(() => vi.restoreAllMocks());

/** Counts the turns that the host gets until `work` is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let open = true;
  const count = () => {
    turns++;
    if (open) setImmediate(count);
  };
  setImmediate(count);
  await work;
  open = false;
  return turns;
}

const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));

describe("the CPU engine", () => {
  it("gives its turn between dispatches, and within those that take long", async () => {
    const engine = cpu();
    const model = sequential(dense(300), dense(300));
    const trainer = createTrainer(engine, model, { inputShape: [300] });
    const step = await trainer.compile(({ x }, net) => ({ y: net(x) }), { inputs: { x: [300, 300] } });
    step.write({ x: numbers(300 * 300) });
    hurry();
    // 54 million products in two dispatches, and a pause after some ten thousand.
    expect(await turnsDuring(step.executable.run(1))).toBeGreaterThan(100);
  });

  it("computes the same to the bit, however many turns it gives", async () => {
    const losses = async () => {
      const engine = cpu();
      const model = sequential(conv2d(4, 3), maxPool2d(2), flatten(), dense(10));
      const optimizer = adam({ learningRate: 0.01 });
      const trainer = createTrainer(engine, model, { inputShape: [1, 28, 28], optimizer, seed: 1 });
      const step = await trainer.compile(({ x, y }, net) => ({ minimize: ops.crossEntropy(net(x), y) }), {
        inputs: { x: [8, 1, 28, 28], y: { shape: [8], dtype: "i32" } },
        maxSteps: 3,
      });
      const { inputs } = digits({ train: 8, test: 1 }).train;
      step.write({ x: Float32Array.from(inputs.data), y: Int32Array.from({ length: 8 }, (_, i) => i) });
      const { loss } = await step.runMany(3, () => ({}));
      return { loss, weights: await trainer.weights() };
    };
    const once = await losses();
    hurry();
    expect(await losses()).toEqual(once);
  });

  it("leaves the host's turns out of the times of a profile", async () => {
    const { executable } = await openDescent(cpu());
    hurry();
    const { milliseconds } = await executable.profile(2);
    // By this clock, each look at it takes 20 ms, and a turn has two of them.
    for (const times of milliseconds) for (const time of times) expect(time).toBeLessThanOrEqual(200);
  });
});

describe.each(ENGINES)("in the midst of a run on the %s", (kind) => {
  it("inputs, memory and the step table can be written: for the next run", async () => {
    if (kind !== "gpu") hurry();
    const { executable, memory, release } = await openDescent(engines[kind]);
    const { table } = executable;
    const rates = (rate: number) => {
      for (let step = 0; step < 3; step++) table.f32[step * STEP_SLOTS] = rate;
    };
    const x = new Float32Array(SIZE).fill(1);
    executable.write("x", x);
    rates(1);
    const first = executable.run(3);
    await new Promise((resolve) => setImmediate(resolve));
    executable.write("x", x.fill(10));
    rates(2);
    memory.p.write(new Float32Array(SIZE).fill(100));
    memory.p.write(Float32Array.of(1000), SIZE - 1);
    const between = memory.p.read();
    const second = executable.run(2);
    // What was handed over is copied at once.
    x.fill(Number.NaN);
    rates(Number.NaN);
    const after = memory.p.read();
    const ends = ({ y }: Readonly<Record<string, ArrayLike<number>>>, step: number) => [
      y[step * SIZE],
      y[step * SIZE + SIZE - 1],
    ];
    const [one, two] = [await first, await second];
    expect([0, 1, 2].map((step) => ends(one, step))).toEqual([
      [-1, -1],
      [-2, -2],
      [-3, -3],
    ]);
    expect([0, 1].map((step) => ends(two, step))).toEqual([
      [80, 980],
      [60, 960],
    ]);
    expect((await between)[0]).toBe(100);
    expect((await after)[0]).toBe(60);
    release();
  });

  it("others can be enqueued: they follow in order, whatever they are", async () => {
    if (kind !== "gpu") hurry();
    const engine = engines[kind];
    const one = await openDescent(engine);
    const other = await engine.compile(descent, { ...bound(one.memory), maxSteps: 4 });
    other.write("x", new Float32Array(SIZE).fill(1));
    other.table.f32[0] = 100;
    const work = [one.run(1, 2), other.run(1), one.memory.p.read(), one.run(1)] as const;
    const [first, second, read, last] = await Promise.all(work);
    expect(first).toEqual([-1, -2]);
    expect(second.y[0]).toBe(-102);
    expect(read[0]).toBe(-102);
    expect(last).toEqual([-103]);
    other.release();
    one.release();
  });
});

/** Steps after which the wasm engine has looked at the clock several times. */
const MANY = 400;

describe("the wasm engine in the midst of a run of many steps", () => {
  it("keeps the inputs and the memory that the run began with", async () => {
    const { executable, memory, run, release } = await openDescent(engines.wasm, MANY);
    hurry();
    const running = run(1, MANY);
    const turns = turnsDuring(running);
    await new Promise((resolve) => setImmediate(resolve));
    executable.write("x", new Float32Array(SIZE).fill(10));
    memory.p.write(new Float32Array(SIZE).fill(100));
    expect(await running).toEqual(Array.from({ length: MANY }, (_, step) => -1 - step));
    // Each gives another turn: those writes came in between.
    expect(await turns).toBeGreaterThan(2);
    expect((await memory.p.read())[0]).toBe(100);
    release();
  });
});

describe.each([
  ["CPU", cpu, 4],
  ["wasm", () => openWasm(2), MANY],
] as const)("the %s engine in the midst of a run", (name, open, steps) => {
  it("is destroyed: the run fails, saying so, and what follows it, and destroy waits for them", async () => {
    const engine = open();
    const one = await openDescent(engine, steps);
    hurry();
    const runs = [one.run(1, steps), one.run(1, steps), one.memory.p.read()];
    let settled = 0;
    for (const run of runs) run.catch(() => settled++);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(0);
    await engine.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(3);
    for (const run of runs)
      await expect(run).rejects.toThrow(new RegExp(`^this ${name} engine was destroyed`));
  });
});

describe("work in order", () => {
  it("goes on after what failed, and begins at once where nothing is under way", async () => {
    const order = new InOrder();
    const done: string[] = [];
    const failing = order.do(async () => {
      done.push("failing");
      throw new Error("failed");
    });
    expect(done).toEqual(["failing"]);
    expect(order.busy).toBe(true);
    const next = order.do(async () => done.push("next"));
    await expect(failing).rejects.toThrow("failed");
    await next;
    await order.idle();
    expect(done).toEqual(["failing", "next"]);
    expect(order.busy).toBe(false);
  });
});
