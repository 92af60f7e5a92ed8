/** Nothing lives longer than those who use it, whether they say when they are done or not, and nothing shorter. */
import { describe, expect, it } from "vitest";
import { heldByHost } from "../../scripts/heap.mjs";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import type { Program } from "../../src/program.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { PipelineCache } from "../../src/runtime/gpu/pipelines.ts";
import { descentMemory, openDescent } from "../helpers/descent.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";
import { loadFrom, storeTo } from "../helpers/kernel-run.ts";
import { needsBuild, runNode } from "../helpers/programs.ts";

needsBuild();

/** Lets the garbage collector come by until `done`, a bounded number of times. */
async function collectedUntil(done: () => boolean): Promise<boolean> {
  for (let i = 0; i < 50 && !done(); i++) await heldByHost();
  return done();
}

/** A program of one kernel that no other size has. */
function copy(size: number): Program {
  const whole = (buffer: number) => ({ buffer, offset: 0, shape: [size] });
  return {
    name: `copy ${size}`,
    buffers: [
      { name: "x", kind: "input", dtype: "f32", length: size },
      { name: "y", kind: "output", dtype: "f32", length: size },
    ],
    dispatches: [
      {
        label: "copy",
        kernel: "elementwise",
        constants: elementwiseConstants(size),
        hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
        bindings: { operand0: whole(0), result0: whole(1) },
      },
    ],
    scalars: [],
    outputs: { y: whole(1) },
  };
}

describe("pipelines", () => {
  /** A device that compiles whatever it gets, but for what it is told to refuse. */
  function fakeDevice() {
    const compiled: string[] = [];
    const refused = new Set<string>();
    const device = {
      createBindGroupLayout: () => ({}),
      createPipelineLayout: () => ({}),
      createShaderModule: ({ code }: { code: string }) => ({ code }),
      pushErrorScope() {},
      popErrorScope: async () => null,
      async createComputePipelineAsync({ compute }: { compute: { module: { code: string } } }) {
        const [, size] = /const SIZE[^=]*= (\d+)/.exec(compute.module.code) ?? [];
        if (refused.has(size)) throw new Error(`${size} is refused`);
        compiled.push(size);
        return {};
      },
    };
    return { cache: new PipelineCache(device as unknown as GPUDevice), compiled, refused };
  }

  it("are shared by programs, and kept for the next when the last is released", async () => {
    const { cache, compiled } = fakeDevice();
    const [one, other] = await Promise.all([cache.prepare(copy(1)), cache.prepare(copy(1))]);
    expect(one.pipelines[0].pipeline).toBe(other.pipelines[0].pipeline);
    one.release();
    one.release();
    other.release();
    await cache.prepare(copy(1));
    expect(compiled).toEqual(["1"]);
  });

  it("that no program uses go, the oldest first, once they are many; those in use stay", async () => {
    const { cache, compiled } = fakeDevice();
    const used = await cache.prepare(copy(1));
    for (let size = 2; size < 300; size++) (await cache.prepare(copy(size))).release();
    expect(cache.size).toBeLessThan(100);
    const kept = cache.size - 1;
    compiled.length = 0;
    // The one in use, and the latest of the others.
    for (const size of [1, 299, 299 - kept + 1]) (await cache.prepare(copy(size))).release();
    expect(compiled).toEqual([]);
    (await cache.prepare(copy(299 - kept))).release();
    expect(compiled).toEqual([String(299 - kept)]);
    used.release();
  });

  it("that do not compile are tried anew by the next who needs them", async () => {
    const { cache, compiled, refused } = fakeDevice();
    refused.add("7");
    await expect(cache.prepare(copy(7))).rejects.toThrow(/does not compile: .*7 is refused/);
    expect(cache.size).toBe(0);
    refused.clear();
    await cache.prepare(copy(7));
    expect(compiled).toEqual(["7"]);
  });
});

describe("what nobody can use any more is freed", () => {
  it("when it is a buffer, or a program: not while the other uses it", async () => {
    const { engine, books } = await connectInstrumented();
    let executable: Awaited<ReturnType<typeof openDescent>>["executable"] | undefined;
    executable = (await openDescent(engine)).executable;
    engine.buffer("dropped", "f32", 2 ** 20);
    const withDropped = books.liveBytes;
    expect(await collectedUntil(() => books.liveBytes < withDropped)).toBe(true);
    // The program's memory was dropped, too, but the program has it still.
    executable.table.f32[0] = 1;
    executable.write("x", new Float32Array(64).fill(1));
    expect((await executable.run(1)).y[0]).toBe(-1);
    executable = undefined;
    expect(await collectedUntil(() => books.liveBytes === 0)).toBe(true);
    await engine.destroy();
  });

  it("when it is an engine, with all that it has", async () => {
    // Of the engine, only whether its device is gone.
    let gone = false;
    const open = async () => {
      const engine = await connect({ tune: false });
      await openDescent(engine);
      engine.device.lost.then(() => {
        gone = true;
      });
    };
    await open();
    expect(await collectedUntil(() => gone)).toBe(true);
  });
});

describe("destroying an engine", () => {
  it("waits for all that is under way, kernels being compiled among it", async () => {
    const engine = await connect({ tune: false });
    const one = await openDescent(engine);
    const settled: string[] = [];
    const watch = (what: string, work: Promise<unknown>) =>
      work.then(
        () => settled.push(`${what} succeeded`),
        ({ message }) => settled.push(`${what}: ${message}`),
      );
    const memory = descentMemory(engine);
    watch("run", one.run(1, 4));
    watch("read", memory.p.read());
    for (let size = 1; size <= 4; size++) watch("compile", engine.compile(copy(size)));
    await Promise.all([engine.destroy(), engine.destroy()]);
    await new Promise((resolve) => setImmediate(resolve));
    const destroyed = "this GPU engine was destroyed; connect() again";
    expect(settled.sort()).toEqual(
      ["run", "read", "compile", "compile", "compile", "compile"]
        .map((what) => `${what}: ${destroyed}`)
        .sort(),
    );
  });

  const program = (body: string) => `
    import { setFlagsFromString } from "node:v8";
    import { runInNewContext } from "node:vm";
    import { compile, connect, mul } from "wgrad";
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    const kernel = (engine, size) =>
      compile(engine, { a: [size] }, ({ a }) => ({ y: mul(a, 2) })).catch(() => {});
    ${body}
    console.log("done");`;

  it.each([
    [
      "at once",
      "for (let i = 0; i < 20; i++) { const engine = await connect(); await engine.destroy(); collect(); }",
    ],
    ["without waiting", "for (let i = 0; i < 10; i++) { void (await connect()).destroy(); collect(); }"],
    [
      "while kernels are compiled",
      "for (let i = 1; i < 6; i++) { const engine = await connect(); for (const n of [1, 2, 3]) void kernel(engine, i * 10 + n); await engine.destroy(); collect(); }",
    ],
    [
      "never, and dropping it",
      "for (let i = 0; i < 10; i++) { await kernel(await connect(), 3); collect(); }",
    ],
    [
      "as the last thing, unfinished",
      "const engine = await connect(); void kernel(engine, 5); void engine.destroy();",
    ],
  ])("%s ends no process, and keeps none from ending", async (_when, body) => {
    const { stdout } = await runNode(["--input-type=module", "--eval", program(body)], { timeoutMs: 60_000 });
    expect(stdout).toBe("done\n");
  });

  it("leaves nothing behind, as scripts/cycles.mjs watches", async () => {
    const cycles = ["scripts/cycles.mjs", "--engines", "200", "--models", "0", "--trained", "0"];
    const { stdout } = await runNode(cycles, { timeoutMs: 60_000 });
    expect(stdout).toMatch(/^engines: -?\d+ objects more after 200, at most 100$/m);
    expect(stdout).toMatch(/^engines: -?[\d.]+ megabytes more after 200, at most 20$/m);
    expect(stdout).toMatch(/^engines: -?\d+ handles more after 200, at most 2$/m);
    expect(stdout).toMatch(/^engines: 0 bytes more after 200, at most 0$/m);
  });
});

it("what can be disposed of loads and runs where symbols for that are missing", async () => {
  const { stdout } = await runNode(["--experimental-vm-modules", "test/platforms/older.js"], {
    timeoutMs: 60_000,
  });
  const { y, dispose } = JSON.parse(stdout);
  expect(y).toEqual([2, 4]);
  // From version 24 on, Node's language has them.
  if (Number.parseInt(process.versions.node) < 24) expect(dispose).toBe("undefined");
});
