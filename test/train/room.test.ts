/** What a run needs is added up before any of it is taken; what does not fit is refused with numbers that hold. */
import { afterEach, describe, expect, it } from "vitest";
import { type Dataset, dataset } from "../../src/data/index.ts";
import {
  compile,
  createTrainer,
  dense,
  type Engine,
  evaluate,
  type FitOptions,
  fit,
  MemoryLimitError,
  meanSquaredError,
  mul,
  predict,
  relu,
  sequential,
  session,
} from "../../src/index.ts";
import { memoryLayout } from "../../src/inspect/index.ts";
import { WasmEngine } from "../../src/wasm/engine.ts";
import { probeFeatures } from "../../src/wasm/features.ts";
import { WasmMemory } from "../../src/wasm/memory.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { ThreadPool } from "../../src/wasm/threads/pool.ts";

const COUNT = 600;
const data: Dataset = dataset({
  inputs: { data: Float32Array.from({ length: COUNT * 8 }, (_, i) => Math.sin(i)), shape: [8] },
  targets: { data: Float32Array.from({ length: COUNT * 2 }, (_, i) => Math.cos(i)), shape: [2] },
});
const model = () => sequential(dense(64), relu, dense(64), relu, dense(2));
const settings = { loss: meanSquaredError, epochs: 1 } as const;
const KIB = 1024;

const engines: WasmEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.destroy();
});

/** An engine with so many bytes that are free: others are in use. */
function withFree(bytes: number): Engine {
  const memory = new WasmMemory(false, 32);
  const engine = new WasmEngine(memory, new ThreadPool(memory, 1), probeFeatures());
  engines.push(engine);
  const rest = Math.floor((engine.room.free - bytes - 64) / 64) * 64;
  held.push(engine.buffer("of others", "f32", rest / 4));
  expect(engine.room.free - bytes).toBeLessThan(64);
  return engine;
}
const held: unknown[] = [];

/** Whether the first step is taken, and the error otherwise. */
async function refusal(engine: Engine, options: FitOptions): Promise<MemoryLimitError | undefined> {
  const before = engine.memory();
  const run = fit(engine, model(), data, { ...settings, ...options });
  try {
    await run;
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(MemoryLimitError);
    expect(engine.memory()).toEqual(before);
    return error as MemoryLimitError;
  } finally {
    run.release();
    run.trainer.release();
    expect(engine.memory()).toEqual(before);
  }
}

describe("a training that does not fit into an engine's memory", () => {
  it("is refused with what it needs and a batch size that fits, where the next one does not", async () => {
    const engine = withFree(520 * KIB);
    const error = await refusal(engine, { batchSize: 500 });
    expect(error?.message).toMatch(
      /^program train takes \d+ bytes, and this device has \d+ of \d+ free: needed are parameters \d+, gradients \d+, optimizer \d+, .*activations \d+, outputs \d+, staging \d+; in use are data \d+, other \d+; the largest tensor of activations is "1.relu relu", of 128000; use a smaller batch or model, or release what is not in use; a batchSize of at most \d+ fits$/,
    );
    const size = Number(error?.message.match(/at most (\d+) fits$/)?.[1]);
    expect(await refusal(engine, { batchSize: size })).toBe(undefined);
    expect(await refusal(engine, { batchSize: size + 1 })).toBeInstanceOf(MemoryLimitError);
    // Where no number of parts is named, none fits.
    for (const accumulate of [2, 4, 5, 10])
      expect(await refusal(engine, { batchSize: 500, accumulate })).toBeInstanceOf(MemoryLimitError);
  });

  it("needs what the message says, to the byte of its pieces", async () => {
    const small = withFree(300 * KIB);
    const needed = (await refusal(small, { batchSize: 500 }))?.message.match(/needed are (.*?);/)?.[1];
    const engine = openWasm(1);
    engines.push(engine);
    const open = await session(engine, model(), data, { ...settings, batchSize: 500, dropLast: true });
    const memory: Record<string, number> = { ...engine.memory() };
    for (const part of needed?.split(", ") ?? []) {
      const [role, bytes] = part.split(" ");
      const gaps = memory[role] - Number(bytes);
      expect([role, gaps >= 0 && gaps <= 128 * 40]).toEqual([role, true]);
    }
    expect(needed?.split(", ").map((part) => part.split(" ")[0])).toEqual(
      Object.keys(memory).filter((role) => memory[role] > 0 && !["data", "total"].includes(role)),
    );
    open.release();
  });

  it("likewise a session, a step of one's own, and an evaluation of a given batch size", async () => {
    const engine = withFree(200 * KIB);
    const before = engine.memory();
    await expect(session(engine, model(), data, { ...settings, batchSize: 600 })).rejects.toThrow(
      /; a batchSize of at most \d+ fits/,
    );
    expect(engine.memory()).toEqual(before);
    const trainer = createTrainer(engine, model(), { inputShape: [8] });
    const step = trainer.compile(({ x }, of) => ({ y: of(x) }), { inputs: { x: [4000, 8] } });
    await expect(step).rejects.toThrow(/^program step takes \d+ bytes, .*needed are parameters/);
    const own = compile(engine, { a: [100_000] }, ({ a }) => ({ y: mul(a, 2) }));
    await expect(own).rejects.toThrow(/^program function takes \d+ bytes, .* inputs 400000, outputs 400000/);
    expect(engine.memory()).toEqual(before);
    const evaluated = evaluate(trainer, data, { ...{ loss: meanSquaredError }, batchSize: 600 });
    const error: Error = await evaluated.then(
      () => new Error("nothing was refused"),
      (error) => error,
    );
    expect(error.message).toMatch(/; a batchSize of at most \d+ fits$/);
    expect(engine.memory()).toEqual(before);
    const size = Number(error.message.match(/at most (\d+)/)?.[1]);
    await expect(evaluate(trainer, data, { loss: meanSquaredError, batchSize: size + 1 })).rejects.toThrow(
      MemoryLimitError,
    );
    expect((await evaluate(trainer, data, { loss: meanSquaredError, batchSize: size })).loss).toBeGreaterThan(
      0,
    );
    // Without a size, evaluations and predictions take one that fits.
    expect((await evaluate(trainer, data, { loss: meanSquaredError })).loss).toBeGreaterThan(0);
    expect((await predict(trainer, data)).shape).toEqual([COUNT, 2]);
  });
});

describe("the memory layout of a step", () => {
  it("is what the engine takes for it", async () => {
    const engine = withFree(2 ** 20);
    const trainer = createTrainer(engine, model(), { inputShape: [8] });
    const step = await trainer.compile(({ x }, of) => ({ y: of(x) }), { inputs: { x: [32, 8] } });
    const { buffers, slots } = memoryLayout(step.program);
    const withGap = (bytes: number) => (Math.ceil(bytes / 64) + 1) * 64;
    const of = (kind: string) =>
      buffers.filter((one) => one.kind === kind).reduce((sum, { bytes }) => sum + withGap(bytes), 0);
    const memory = engine.memory();
    expect(memory.inputs).toBe(of("input"));
    expect(memory.outputs).toBe(of("output"));
    expect(memory.parameters).toBe(of("state"));
    const shared = slots.reduce((sum, bytes) => sum + withGap(bytes), 0);
    const kernels = (await engine.room?.pieces(step.program, 1)) ?? [];
    const activations = kernels.filter(({ role }) => role === "activations");
    expect(memory.activations).toBe(activations.reduce((sum, { bytes }) => sum + withGap(bytes), 0));
    expect(memory.activations).toBeGreaterThanOrEqual(shared);
  });
});
