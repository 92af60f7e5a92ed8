/** What is too large for a device is refused before anything of it is made, in words of our own. */
import { describe, expect, it } from "vitest";
import {
  compile,
  cpu,
  createTrainer,
  dense,
  type Engine,
  EngineError,
  MemoryLimitError,
  mul,
  sequential,
  sum,
} from "../../src/index.ts";
import { checkLimits, largestBuffer } from "../../src/runtime/limits.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** An engine that says it holds less than it does. */
function small(engine: Engine, maxBufferBytes: number): Engine {
  return new Proxy(engine, {
    get: (target, key) =>
      key === "info" ? { ...target.info, maxBufferBytes } : Reflect.get(target, key, target),
  });
}

describe("a program with a tensor that is too large", () => {
  const KB = { binding: 1024, buffer: 4096 };
  const program = async (maxSteps = 1) => {
    const trainer = createTrainer(engines.cpu, sequential(dense(20), dense(1)), { inputShape: [3] });
    return trainer.compile(({ x }, model) => ({ y: model(x) }), { inputs: { x: [16, 3] }, maxSteps });
  };

  it("is refused with the tensor's name, its size, the limit, and what to do", async () => {
    const { program: step } = await program();
    const check = () => checkLimits(step, KB);
    expect(check).toThrow(MemoryLimitError);
    expect(check).toThrow(
      'program step: temporary "0.dense add" takes 1280 bytes, and this device holds at most 1024 in one piece; use a smaller batch or, in training, accumulate over more parts',
    );
    expect(largestBuffer(step)).toMatchObject({ name: "0.dense add", length: 320 });
    expect(() => checkLimits(step, { binding: 1280, buffer: 4096 })).not.toThrow();
  });

  it("or with how many steps are too many for what they return", async () => {
    const { program: step } = await program();
    const limits = { binding: 4096, buffer: 4096 };
    expect(() => checkLimits(step, limits, 16)).not.toThrow();
    expect(() => checkLimits(step, limits, 17)).toThrow(
      "program step: the output of 17 steps takes 4352 bytes, and this device holds at most 4096 in one piece; give a smaller maxSteps, or return fewer outputs",
    );
  });

  it("leaves the device as it was", async () => {
    const { gpu } = engines;
    const elements = gpu.info.maxBufferBytes / 4 + 64;
    const compiling = compile(gpu, { a: [elements] }, ({ a }) => ({ s: sum(mul(a, 2)) }));
    await expect(compiling).rejects.toThrow(MemoryLimitError);
    await expect(compiling).rejects.toThrow(`program function: input "a" takes ${elements * 4} bytes`);
    expect(() => gpu.buffer("rows", "f32", elements)).toThrow(`buffer "rows" takes ${elements * 4} bytes`);
    const double = await compile(gpu, { a: [2] }, ({ a }) => ({ y: mul(a, 2) }));
    expect(await double({ a: Float32Array.of(1, 2) })).toEqual({ y: Float32Array.of(2, 4) });
    double.release();
  });
});

describe("a model that is too large", () => {
  it("is refused before its parameters are drawn", async () => {
    const drawn: number[] = [];
    const init = ([rows, columns]: readonly number[]) => {
      drawn.push(rows);
      return new Float32Array(rows * columns);
    };
    const model = dense(20, { init });
    for (const engine of [small(cpu(), 1024), small(engines.gpu, 1024)]) {
      const open = () => createTrainer(engine, model, { inputShape: [16] });
      expect(open).toThrow(MemoryLimitError);
      expect(open).toThrow(
        "createTrainer: the memory of the model's parameters (the largest is weight [20, 16]) takes 1536 bytes, and this device holds at most 1024 in one piece; use a smaller model",
      );
    }
    expect(drawn).toEqual([]);
  });

  it("is an error of the CPU engine's own, too", () => {
    expect(() => cpu().buffer("rows", "f32", 2 ** 52)).toThrow(EngineError);
    expect(() => cpu().buffer("rows", "f32", 2 ** 52)).toThrow("rows: not enough memory");
    const trainer = createTrainer(cpu(), dense(2 ** 26), { inputShape: [2 ** 26] });
    expect(() => trainer.memory).toThrow("parameters: not enough memory; use a smaller batch or model");
  });
});
