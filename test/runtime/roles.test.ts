/** `engine.memory()`: what is allocated now, by role, on every engine; on a GPU exactly what the device was asked for. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { adam, batchNorm, dense, evaluate, fit, relu, sequential, session } from "../../src/index.ts";
import { memoryLayout } from "../../src/inspect/memory.ts";
import type { EngineMemory } from "../../src/runtime/ledger.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { connectInstrumented, type Instrumented } from "../helpers/instrumented.ts";

const engines = useEngines();
const data = digits({ train: 64, test: 32 });
const model = () => sequential(dense(16), batchNorm(), relu(), dense(10));

const nothing = (memory: EngineMemory) => Object.values(memory).every((bytes) => bytes === 0);

describe.each(ENGINES)("the memory of the %s engine", (kind) => {
  it("is told by role, and is nothing before and after", async () => {
    const engine = engines[kind];
    expect(nothing(engine.memory()), JSON.stringify(engine.memory())).toBe(true);
    const training = await session(engine, model(), data.train, { batchSize: 16, optimizer: adam() });
    await training.advance(1);
    const memory = engine.memory();
    const { total, ...roles } = memory;
    expect(Object.values(roles).reduce((sum, bytes) => sum + bytes)).toBe(total);
    const parameters = training.trainer.layout.length * 4;
    expect(parameters).toBeGreaterThanOrEqual(4 * (784 * 16 + 10 * 16));
    // A piece of the wasm engine's memory is a multiple of 64 bytes, with a gap behind it.
    const near = (bytes: number) => (kind === "wasm" ? Math.ceil(bytes / 64) * 64 + 64 : bytes);
    expect(memory.parameters).toBe(near(parameters));
    expect(memory.gradients).toBe(near(parameters));
    // Two moments, and the numbers of each block.
    expect(memory.optimizer).toBeGreaterThanOrEqual(2 * parameters);
    expect(memory.optimizer).toBeLessThan(2.2 * parameters);
    expect(memory.statistics).toBeGreaterThan(0);
    // Bytes of the images, of the classes, and the order of the samples.
    expect(memory.data).toBeGreaterThanOrEqual(64 * (784 + 1 + 4));
    expect(memory.data).toBeLessThan(64 * (784 + 8 + 4));
    const { slots } = memoryLayout(training.program);
    expect(memory.activations).toBeGreaterThanOrEqual(slots.reduce((sum, bytes) => sum + bytes));
    expect(memory.outputs).toBeGreaterThan(0);
    expect(memory.other).toBe(0);
    const own = engine.buffer("own", "f32", 100);
    expect(engine.memory()).toEqual({ ...memory, other: near(400), total: total + near(400) });
    own.release();
    training.release();
    expect(nothing(engine.memory()), JSON.stringify(engine.memory())).toBe(true);
  });
});

describe("on a device that keeps books", () => {
  let gpu: Instrumented;
  beforeAll(async () => {
    gpu = await connectInstrumented();
  });
  afterAll(() => gpu?.engine.destroy());

  it("is at every moment what the device holds", async () => {
    const { engine, books } = gpu;
    const same = () => expect(engine.memory().total).toBe(books.liveBytes);
    const run = fit(engine, model(), data.train, { batchSize: 20, epochs: 2, validation: data.test });
    for await (const _ of run) {
      same();
      expect(engine.memory().total).toBeGreaterThan(0);
      await evaluate(run.trainer, data.test);
      same();
    }
    const state = await run.trainer.snapshot();
    same();
    run.trainer.restore(state);
    const step = await run.trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [3, 784] } });
    step.write({ x: new Float32Array(3 * 784) });
    const profiling = step.profile(1);
    await profiling;
    same();
    step.release();
    run.release();
    same();
    expect(books.liveBytes).toBe(0);
  });

  it("is nothing once the engine is destroyed", async () => {
    const { engine } = await connectInstrumented();
    engine.buffer("b", "f32", 4);
    expect(engine.memory().other).toBe(16);
    await engine.destroy();
    expect(nothing(engine.memory())).toBe(true);
  });
});
