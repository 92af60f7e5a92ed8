/** What `fit` tells while it runs, and that nothing of a run that failed goes on unseen. */
import { describe, expect, it } from "vitest";
import { cpu, dense, type Engine, fit, type Program, programCost, sequential, sgd } from "wgrad";
import { dataset } from "wgrad/data";

const data = dataset({
  inputs: { data: Float32Array.from({ length: 400 }, (_, i) => Math.sin(i)), shape: [4] },
  targets: { data: Uint8Array.from({ length: 100 }, (_, i) => i % 3) },
  classes: 3,
});

/** The CPU engine, but what run number n gives comes through `result`: later, or not at all. */
function altered(result: <T>(n: number, outputs: Promise<T>) => Promise<T>): Engine {
  const engine = cpu();
  const compile = engine.compile.bind(engine);
  let runs = 0;
  return Object.assign(engine, {
    compile: async (...args: Parameters<Engine["compile"]>) => {
      const executable = await compile(...args);
      const run = executable.run.bind(executable);
      return Object.assign(executable, { run: (count: number) => result(++runs, run(count)) });
    },
  });
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("fit", () => {
  it("gives the compiled step before the first step", async () => {
    const events: string[] = [];
    let program: Program | undefined;
    const run = fit(cpu(), dense(3), data, {
      epochs: 2,
      batchSize: 10,
      onCompiled: (compiled) => {
        program = compiled;
        events.push("compiled");
      },
      onProgress: ({ epoch }) => events.push(`epoch ${epoch}`),
    });
    for await (const _ of run) events.push("told");
    expect(events.filter((event, i) => event !== events[i - 1])).toEqual([
      "compiled",
      "epoch 1",
      "told",
      "epoch 2",
      "told",
    ]);
    expect(program).toBe(run.program);
    expect(programCost(run.program).dispatches).toBe(run.program.dispatches.length);
  });

  it("fails with the first failure, and leaves none unhandled", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    try {
      // Of the runs in flight the later ones fail first: their errors come before their turn.
      const engine = altered(async (n, outputs) => {
        if (n === 1) return outputs;
        await wait(30 - 5 * n);
        throw new Error(`run ${n} failed`);
      });
      const run = fit(engine, dense(3), data, { epochs: 1, batchSize: 5, optimizer: sgd() });
      await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow("run 2 failed");
      await wait(50);
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", listen);
    }
  });

  it("calls onProgress no more once it has thrown", async () => {
    let calls = 0;
    const engine = altered(async (n, outputs) => {
      await wait(5 * n);
      return outputs;
    });
    const run = fit(engine, dense(3), data, {
      epochs: 1,
      batchSize: 5,
      onProgress: () => {
        calls++;
        throw new Error("stop");
      },
    });
    await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow("stop");
    const atFailure = calls;
    await wait(50);
    expect(calls).toBe(atFailure);
  });

  it("lets the host have its turns on the CPU engine", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    try {
      const began = performance.now();
      const model = sequential(dense(4000), dense(3));
      const run = fit(cpu(), model, data, { epochs: 5, batchSize: 10 });
      for await (const _ of run) {
        // Only the time counts.
      }
      // At least one turn for every half second, the longest that a run of steps is meant to take.
      expect(turns).toBeGreaterThanOrEqual(Math.max(2, (performance.now() - began) / 500));
    } finally {
      clearInterval(timer);
    }
  });
});
