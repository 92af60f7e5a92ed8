/** Training holds no more memory after many steps than after a few, on the GPU and on the host. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { heldByHost } from "../../scripts/heap.mjs";
import { digits } from "../../src/data/digits/digits.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { predict } from "../../src/train/predict.ts";
import { connectInstrumented, type Instrumented } from "../helpers/instrumented.ts";
import { openMlp } from "../helpers/mlp.ts";
import { needsBuild, runNode } from "../helpers/programs.ts";

const data = digits({ train: 640, test: 100 });
const STEPS = 300;

needsBuild();

describe("memory", () => {
  let gpu: Instrumented;
  beforeAll(async () => {
    gpu = await connectInstrumented();
  });
  afterAll(() => gpu?.engine.destroy());

  it(`is the same after ${STEPS} more steps`, async () => {
    const training = await openMlp(gpu.engine, data.train, { batchSize: 32 });
    const train = async (steps: number, stepsPerRun: number) => {
      for (let i = 0; i < steps; i += 2 * stepsPerRun) {
        await Promise.all([training.run(stepsPerRun), training.run(stepsPerRun)]);
      }
    };
    // Warm: what is compiled, cached and pooled is there.
    await train(60, 10);
    await train(40, 1);
    const live = gpu.books.liveBytes;
    const before = await heldByHost();
    await train(STEPS / 2, 10);
    await train(STEPS / 2, 1);
    const after = await heldByHost();
    expect(live).toBeGreaterThan(4 * 4 * training.trainer.parameterCount);
    expect(gpu.books.liveBytes).toBe(live);
    // An object left behind by every run would make hundreds.
    expect(after.objects - before.objects).toBeLessThan(20);
    training.release();
  });

  it("comes back when a model, an evaluation and a prediction are released", async () => {
    const { engine, books } = gpu;
    const before = books.liveBytes;
    for (let i = 0; i < 3; i++) {
      const training = await openMlp(engine, data.train, { batchSize: 32 });
      await training.run(2);
      const open = books.liveBytes;
      expect(open).toBeGreaterThan(before);
      await evaluate(training.trainer, data.test);
      await training.trainer.weights();
      expect(books.liveBytes).toBe(open);
      await predict(training.trainer, new Float32Array(3 * 784));
      // Its step is kept for the next, as long as the model is.
      const kept = books.liveBytes;
      await predict(training.trainer, new Float32Array(3 * 784));
      expect(books.liveBytes).toBe(kept);
      training.release();
      // A kept step goes once it is known to have been compiled.
      await new Promise((resolve) => setImmediate(resolve));
      expect(books.liveBytes).toBe(before);
    }
  });

  it("comes back when a program is released while its runs are in flight", async () => {
    const before = gpu.books.liveBytes;
    const training = await openMlp(gpu.engine, data.train, { batchSize: 32 });
    const runs = [training.run(2), training.run(2), training.run(2)];
    training.release();
    await Promise.allSettled(runs);
    expect(gpu.books.liveBytes).toBe(before);
  });

  it.each(["gpu", "wasm"])("is watched by scripts/soak.mjs on the %s", async (engine) => {
    const soak = ["scripts/soak.mjs", "--engine", engine, "--steps", "300", "--every", "100"];
    const { stdout } = await runNode(soak, { timeoutMs: 60_000 });
    expect(stdout.match(/^step \d00: engine \d+ B, \d+ objects/gm)).toHaveLength(3);
    expect(stdout).toMatch(/^engine: 0 more at the end, at most 0$/m);
    expect(stdout).toMatch(/^handles: -?\d+ more at the end, at most 2$/m);
  });

  it("comes back, and files and threads with it, when models are made and released on the wasm engine", async () => {
    const cycles = ["scripts/cycles.mjs", "--engine", "wasm", "--engines", "20", "--models", "80"];
    const { stdout } = await runNode(cycles, { timeoutMs: 60_000 });
    for (const what of ["engines", "models"]) {
      expect(stdout).toMatch(new RegExp(`^${what}: 0 bytes more after \\d+, at most 0$`, "m"));
      expect(stdout).toMatch(new RegExp(`^${what}: -?\\d+ handles more after \\d+, at most 2$`, "m"));
      expect(stdout).toMatch(new RegExp(`^${what}: -?\\d+ objects more after \\d+, at most 100$`, "m"));
    }
  });
});
