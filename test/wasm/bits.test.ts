/** How many threads take part decides nothing: results are equal to the bit. */
import { afterAll, describe, expect, it } from "vitest";
import type { Elements } from "../../src/dtypes.ts";
import type { Engine, Executable } from "../../src/runtime/engine.ts";
import { WasmExecutable } from "../../src/wasm/executable.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { runGraph } from "../helpers/graph-run.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { randomGraph } from "../helpers/random-graphs.ts";
import { block, convNet, normalised, openStep, stack } from "../inspect/samples.ts";
import { kernelCases } from "../kernels/cases/index.ts";

const engines = [1, 2, 3].map((threads) => openWasm(threads));
afterAll(async () => {
  for (const engine of engines) await engine.destroy();
});

/** Numbers of threads that took part, where there was work for several. */
const taken: number[] = [];

/** The engine, whose programs are compiled once all threads are there to run them. */
function waiting(engine: Engine): Engine {
  const compile: Engine["compile"] = async (...program) => {
    const executable = await engine.compile(...program);
    await allThreads(executable);
    return executable;
  };
  return new Proxy(engine, {
    get(target, key) {
      const value = key === "compile" ? compile : Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function allThreads(executable: Executable): Promise<void> {
  if (!(executable instanceof WasmExecutable)) throw new Error("a program of another engine");
  const { most } = executable.threads;
  if (most === 1) return;
  for (let i = 0; i < 5000 && executable.threads.threads < most; i++)
    await new Promise((resolve) => setTimeout(resolve, 1));
  taken.push(executable.threads.threads);
}

function bits(found: Readonly<Record<string, Elements>>): Record<string, Uint8Array> {
  const entries = Object.entries(found).map(([name, { buffer, byteOffset, byteLength }]) => [
    name,
    new Uint8Array(buffer, byteOffset, byteLength),
  ]);
  return Object.fromEntries(entries);
}

async function expectSame(run: (engine: Engine) => Promise<Record<string, Elements>>): Promise<void> {
  const [one, ...others] = await Promise.all(engines.map(async (engine) => bits(await run(waiting(engine)))));
  for (const other of others) {
    expect(Object.keys(other)).toEqual(Object.keys(one));
    for (const name of Object.keys(one)) expect(Buffer.compare(other[name], one[name]), name).toBe(0);
  }
}

describe.each(Object.entries(kernelCases))("%s", (_kernel, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", (_name, { run }) =>
    expectSame((engine) => runKernel(engine, run)),
  );
});

it.each(Array.from({ length: 60 }, (_, seed) => seed))("random graph %i", (seed) =>
  expectSame((engine) => runGraph(engine, randomGraph(seed))),
);

it.each(Object.entries({ convNet, stack, block, normalised }))("training: %s", (_name, model) =>
  expectSame(async (engine) => {
    const { step, release } = await openStep(engine, model(), 64);
    const x = Float32Array.from({ length: 64 * 144 }, (_, i) => Math.sin(i));
    const y = Int32Array.from({ length: 64 }, (_, i) => i % 10);
    const losses: Record<string, Elements> = {};
    for (let i = 0; i < 5; i++) losses[`loss ${i}`] = (await step.run({ x, y })).loss;
    release();
    return losses;
  }),
);

it("all threads took part wherever there was work for several", () => {
  expect(taken.length).toBeGreaterThan(100);
  expect(taken.filter((threads) => threads === 2).length).toBe(taken.length / 2);
  expect(taken.filter((threads) => threads === 3).length).toBe(taken.length / 2);
});
