/** What the host refuses a wasm engine is told by an error of our own, leaves nothing behind, and ends no engine that could go on. */
import { afterEach, expect, it, vi } from "vitest";
import { scenario } from "../../scripts/fault-walk.mjs";
import { dataset } from "../../src/data/dataset.ts";
import * as wgrad from "../../src/index.ts";
import type { WasmEngine } from "../../src/wasm/engine.ts";
import { openWasm } from "../../src/wasm/open.ts";

afterEach(() => vi.restoreAllMocks());

/** Calls of the host that may fail: the n-th of them does, by such an error. */
const CALLS = {
  Module: () => new WebAssembly.CompileError("sabotage"),
  Instance: () => new RangeError("sabotage"),
  grow: () => new RangeError("sabotage"),
};

/** Lets the n-th call fail. Returns the number of calls so far. */
function sabotage(call: keyof typeof CALLS, n: number): () => number {
  let count = 0;
  const strike = () => {
    if (++count === n) throw CALLS[call]();
  };
  if (call === "grow") {
    const { grow } = WebAssembly.Memory.prototype;
    vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(function (
      this: WebAssembly.Memory,
      pages,
    ) {
      strike();
      return grow.call(this, pages);
    });
  } else {
    const original = WebAssembly[call] as new (...args: unknown[]) => object;
    class Failing {
      constructor(...args: unknown[]) {
        strike();
        // biome-ignore lint/correctness/noConstructorReturn: it stands for the other
        return new original(...args);
      }
    }
    vi.spyOn(WebAssembly, call as "Module").mockImplementation(Failing as never);
  }
  return () => count;
}

/** The scenario, and so much memory beside it that the engine's grows. */
async function act(engine: WasmEngine): Promise<string> {
  const large = engine.buffer("large", "f32", 2 ** 18, new Float32Array(2 ** 18));
  let model: wgrad.Trainer | undefined;
  try {
    model = wgrad.createTrainer(engine, wgrad.dense(1000), { inputShape: [300] });
    const numbers = await scenario({ ...wgrad, dataset }, engine);
    const { data } = await wgrad.predict(model, new Float32Array(300).fill(1));
    return JSON.stringify([numbers, data[0]]);
  } finally {
    model?.release();
    large.release();
  }
}

it.each(["Module", "Instance", "grow"] as const)("at calls of %s in turn", async (call) => {
  const opened: WasmEngine[] = [];
  // A memory that has grown stays as large, and a new engine takes that of one that is gone.
  const open = () => {
    for (;;) {
      const engine = openWasm(1);
      opened.push(engine);
      if (call !== "grow" || engine.space.memory.buffer.byteLength <= 2 ** 20) return engine;
    }
  };
  let engine = open();
  const count = sabotage(call, 0);
  const expected = await act(engine);
  const calls = count();
  vi.restoreAllMocks();
  expect(calls).toBeGreaterThan(call === "grow" ? 0 : 5);
  // A scenario compiles modules of much the same kind: every third is enough.
  for (let n = 1; n <= calls; n += call === "grow" ? 1 : 3) {
    if (call === "grow") engine = open();
    sabotage(call, n);
    const error = await act(engine).catch((error) => error);
    vi.restoreAllMocks();
    expect(error, `${call} ${n}`).toBeInstanceOf(wgrad.EngineError);
    expect(error.message).toMatch(/sabotage|the host has no more memory/);
    expect(engine.memory().total, `${call} ${n}`).toBe(0);
    expect(await act(engine), `after ${call} ${n}`).toBe(expected);
    expect(engine.memory().total).toBe(0);
  }
  for (const one of opened) await one.destroy();
});
