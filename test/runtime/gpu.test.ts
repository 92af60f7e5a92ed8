/** What the GPU engine asks of its device: nothing new in the steady state, few submits, names on everything. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { kernels } from "../../src/kernels/index.ts";
import type { Kernel } from "../../src/kernels/kernel.ts";
import { launchesOf, type Program, type View } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { EngineError } from "../../src/runtime/engine.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import * as training from "../../src/train/fit.ts";
import { connectInstrumented, type Instrumented } from "../helpers/instrumented.ts";
import { mlp, openMlp } from "../helpers/mlp.ts";

const data = digits({ train: 640, test: 100 });

describe("the GPU engine", () => {
  let gpu: Instrumented;
  beforeAll(async () => {
    gpu = await connectInstrumented();
  });
  afterAll(() => gpu?.engine.destroy());

  it("creates nothing in the steady state but the encoder of each submit", async () => {
    const { engine, books } = gpu;
    const training = await openMlp(engine, data.train, { batchSize: 32 });
    await training.run(1);
    await training.run(10);
    books.clear();
    const runs = 6;
    for (let i = 0; i < runs; i += 2) await Promise.all([training.run(10), training.run(10)]);
    // One for each run, unless the machine is so slow that a run would take longer than a submit may.
    const submits = books.count("submit");
    expect(submits).toBeGreaterThanOrEqual(runs);
    expect(submits).toBeLessThan(runs * 10);
    expect(books.creations).toEqual({ createCommandEncoder: submits });
    expect(books.count("dispatchWorkgroups")).toBe(runs * 10 * launchesOf(training.step.program).length);
    // Step scalars, and nothing else, come from the host: as immediates, here, and without them as a run's step table.
    expect(books.count("writeBuffer")).toBe(0);
    expect(training.step.program.immediates).toBe(true);
    training.release();
  });

  it("writes nothing but the step table of a run where step scalars are no immediates", async () => {
    const { engine, books } = await connectInstrumented({ immediates: false });
    const training = await openMlp(engine, data.train, { batchSize: 32 });
    await training.run(10);
    books.clear();
    const runs = 4;
    for (let i = 0; i < runs; i++) await training.run(10);
    expect(books.creations).toEqual({ createCommandEncoder: books.count("submit") });
    expect(books.count("writeBuffer")).toBe(runs);
    training.release();
    await engine.destroy();
  });

  it("creates nothing in later epochs of fit, either, evaluation included", async () => {
    const { engine, books } = gpu;
    // Snapshots, which come now and then, are read through memory of their own.
    const recover = { every: 1e6 };
    const options = { batchSize: 32, epochs: 3, validation: data.test, recover };
    const run = training.fit(engine, mlp(), data.train, options);
    for await (const { epoch } of run) {
      if (epoch === 1) books.clear();
    }
    const submits = books.count("submit");
    expect(submits).toBeGreaterThan(0);
    expect(books.creations).toEqual({ createCommandEncoder: submits });
    run.trainer.release();
  });

  it.each([1, 32, 128])("takes an MLP's step on %i samples in at most 12 dispatches", async (batchSize) => {
    const training = await openMlp(gpu.engine, data.train, { batchSize });
    expect(training.step.program.dispatches.length).toBeLessThanOrEqual(12);
    expect(training.step.program.dispatches.length).toBeGreaterThan(4);
    training.release();
  });

  it("resolves many runs in flight in order, each with its own outputs", async () => {
    const one = await openMlp(gpu.engine, data.train, { batchSize: 32 });
    const apart: number[] = [];
    for (let i = 0; i < 24; i++) apart.push(...(await one.run(1 + (i % 3))));
    one.release();

    const other = await openMlp(gpu.engine, data.train, { batchSize: 32 });
    const finished: number[] = [];
    const inFlight = Array.from({ length: 24 }, async (_, i) => {
      const losses = await other.run(1 + (i % 3));
      finished.push(i);
      return [...losses];
    });
    expect((await Promise.all(inFlight)).flat()).toEqual(apart);
    expect(finished).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(new Set(apart).size).toBeGreaterThan(40);
    other.release();
  });

  it("puts a label on every object", async () => {
    const { engine, books } = gpu;
    const training = await openMlp(engine, data.train, { batchSize: 32 });
    await training.run(2);
    await training.trainer.weights();
    expect(books.unlabelled).toEqual([]);
    training.release();
  });
});

describe("what WebGPU refuses becomes an exception", () => {
  let gpu: Instrumented;
  const table = kernels as Record<string, Kernel>;
  beforeAll(async () => {
    gpu = await connectInstrumented();
    table.counting = kernel("counting", "y[0] = 1.0;");
    table.misspelt = kernel("misspelt", "y[0] = onee;");
  });
  afterAll(async () => {
    delete table.counting;
    delete table.misspelt;
    await gpu?.engine.destroy();
  });

  /** The engine still works, and what did not compile left no memory behind. */
  async function expectUnharmed(liveBytes: number): Promise<void> {
    expect(gpu.books.liveBytes).toBe(liveBytes);
    const good = await gpu.engine.compile(program("good", "counting", { buffer: 0, offset: 0, shape: [4] }));
    expect(await good.run(1)).toEqual({ y: Float32Array.of(1, 0, 0, 0) });
    good.release();
  }

  it("names the kernel that does not compile, with WebGPU's words and the numbered source", async () => {
    const before = gpu.books.liveBytes;
    const view = { buffer: 0, offset: 0, shape: [4] };
    const error = await gpu.engine.compile(program("bad", "misspelt", view)).catch((error) => error);
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^kernel misspelt \(somewhere\) does not compile: .*onee/s);
    expect(error.message).toMatch(/^ +\d+ .*y\[0\] = onee;/m);
    await expectUnharmed(before);
  });

  it.each<[string, View]>([
    ["ends behind its buffer", { buffer: 0, offset: 64, shape: [1000] }],
    ["begins between two aligned places", { buffer: 0, offset: 1, shape: [2] }],
  ])("names the program and the kernel whose binding %s", async (_what, view) => {
    const before = gpu.books.liveBytes;
    const error = await gpu.engine.compile(program("crooked", "counting", view)).catch((error) => error);
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^program crooked: .*counting \(somewhere\)/s);
    await expectUnharmed(before);
  });

  it("names the kernel that has a binding which the dispatch leaves out", async () => {
    const before = gpu.books.liveBytes;
    const whole = program("partial", "counting", { buffer: 0, offset: 0, shape: [4] });
    const partial = { ...whole, dispatches: [{ ...whole.dispatches[0], bindings: {} }] };
    const error = await gpu.engine.compile(partial).catch((error) => error);
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^kernel counting \(somewhere\) does not compile: /);
    await expectUnharmed(before);
  });

  it("tells apart programs that compile at the same time", async () => {
    const good = { buffer: 0, offset: 0, shape: [4] };
    const crooked = { ...good, offset: 1 };
    const views = [crooked, good, good, crooked, good];
    const compiling = views.map((view, i) => gpu.engine.compile(program(`p${i}`, "counting", view)));
    const results = await Promise.allSettled(compiling);
    expect(results.map(({ status }) => status)).toEqual(
      views.map((view) => (view === good ? "fulfilled" : "rejected")),
    );
    for (const [i, result] of results.entries()) {
      if (result.status === "fulfilled") result.value.release();
      else expect(result.reason.message).toMatch(new RegExp(`^program p${i}: `));
    }
  });
});

/** A kernel with one buffer, `y`, that no one else has. */
function kernel(name: string, body: string): Kernel {
  return {
    name,
    shader: `
      @group(1) @binding(0) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(1)
      fn ${name}() {
        ${body}
      }`,
    entryPoint: name,
    bindings: { y: { binding: 0, access: "read_write" } },
    constants: {},
    hooks: {},
    grid: () => [1, 1, 1],
    workgroup: () => [1, 1],
    flops: () => 0,
    twin: () => {},
  };
}

/** A program of one dispatch; the kernel writes the output, through a view of it. */
function program(name: string, kernel: string, view: View): Program {
  return {
    name,
    buffers: [{ name: "y", kind: "output", dtype: "f32", length: 4 }],
    dispatches: [{ label: "somewhere", kernel, constants: {}, hooks: {}, bindings: { y: view } }],
    scalars: [],
    outputs: { y: { buffer: 0, offset: 0, shape: [4] } },
  };
}

describe.each([
  ["GPU", () => connect(), /^this GPU engine was destroyed; connect\(\) again$/],
  ["CPU", async () => cpu(), /^this CPU engine was destroyed; make a new one with cpu\(\)$/],
])("a destroyed %s engine", (_kind, open, message) => {
  it("refuses all work, and says so", async () => {
    const engine = await open();
    const mlp = await openMlp(engine, data.train, { batchSize: 32 });
    await mlp.run(2);
    await engine.destroy();
    await engine.destroy();
    const { executable, program } = mlp.step;
    expect(() => engine.buffer("late", "f32", 4)).toThrow(message);
    expect(() => mlp.trainer.memory.parameters.write(new Float32Array(1))).toThrow(message);
    expect(() => executable.write("x", new Float32Array(1))).toThrow(message);
    await expect(engine.compile(program)).rejects.toThrow(message);
    await expect(mlp.run(1)).rejects.toThrow(message);
    await expect(mlp.trainer.weights()).rejects.toThrow(message);
  });
});

describe("a GPU engine whose work is cut short", () => {
  it("by its destruction has runs in flight fail, saying so", async () => {
    const engine = await connect();
    const mlp = await openMlp(engine, data.train, { batchSize: 32 });
    const runs = Promise.allSettled([mlp.run(10), mlp.run(10), mlp.trainer.weights()]);
    await engine.destroy();
    for (const result of await runs) {
      expect(result).toMatchObject({ status: "rejected", reason: { name: "EngineError" } });
      expect(String((result as PromiseRejectedResult).reason)).toMatch(/this GPU engine was destroyed/);
    }
  });

  it("by the loss of its device fails, and refuses all work from then on", async () => {
    const engine = await connect();
    const mlp = await openMlp(engine, data.train, { batchSize: 32 });
    const runs = Promise.allSettled([mlp.run(10), mlp.trainer.weights()]);
    engine.device.destroy();
    const lost = /^the GPU device was lost: .*; connect\(\) again$/s;
    for (const result of await runs) {
      expect(result).toMatchObject({ status: "rejected", reason: { name: "DeviceLostError" } });
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(EngineError);
      expect((result as PromiseRejectedResult).reason.message).toMatch(lost);
    }
    expect(() => engine.buffer("late", "f32", 4)).toThrow(lost);
    await expect(engine.compile(mlp.step.program)).rejects.toThrow(lost);
    await expect(mlp.run(1)).rejects.toThrow(lost);
    await expect(mlp.trainer.weights()).rejects.toThrow(lost);
    await engine.destroy();
    await expect(mlp.run(1)).rejects.toThrow(/destroyed/);
  });
});
