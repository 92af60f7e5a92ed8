/** Threads share work by the memory: parts are done once, stages in order, and nobody waits for ever for a thread that fails. */
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { heldByHost } from "../../../scripts/heap.mjs";
import { EngineError } from "../../../src/runtime/engine.ts";
import type { FunctionBuilder } from "../../../src/wasm/assembler/function.ts";
import { type I32, i32, i64 } from "../../../src/wasm/assembler/instructions.ts";
import { ModuleBuilder } from "../../../src/wasm/assembler/module.ts";
import { RECORD, WORDS } from "../../../src/wasm/control.ts";
import { WasmMemory } from "../../../src/wasm/memory.ts";
import { openWasm } from "../../../src/wasm/open.ts";
import { writeWork } from "../../../src/wasm/stages.ts";
import { ThreadPool } from "../../../src/wasm/threads/pool.ts";

const pools: ThreadPool[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});

interface Part {
  readonly thread: I32;
  readonly step: I32;
  readonly stage: number;
  readonly part: I32;
  /** The address of a word that all threads share. */
  word(n: number, index?: I32): I32;
}

function poolOf(threads: number): { pool: ThreadPool; memory: WasmMemory } {
  const memory = new WasmMemory(threads > 1);
  const pool = new ThreadPool(memory, threads);
  pools.push(pool);
  return { pool, memory };
}

/** Loads a program of stages with so many parts; `body` writes what a part does. */
function load(
  { pool, memory }: ReturnType<typeof poolOf>,
  parts: readonly number[],
  body: (f: FunctionBuilder, part: Part) => void,
) {
  const { address } = memory.take("words", 4096, true);
  const module = new ModuleBuilder(memory.shared);
  const thread = module.global();
  const word = (n: number, index = i32.const(0)) =>
    i32.add(i32.const(address + 4 * n), i32.shl(index, i32.const(2)));
  const stages = parts.map((count, stage) => ({
    parts: count,
    run: module.function(["i32", "i32"], [], (f) => {
      const [step, part] = f.parameters as readonly I32[];
      body(f, { thread, step, stage, part, word });
    }),
  }));
  writeWork(module, stages, [...stages.keys()], (f, number) => f.setGlobal(thread, number));
  const loaded = pool.load({
    bytes: module.encode(),
    step: { first: 0, period: parts.length },
    launches: parts.map((_, first) => ({ first, period: 1 })),
    mostParts: Math.max(...parts),
  });
  return { loaded, words: new Int32Array(memory.memory.buffer, address, 1024) };
}

/** Waits until so many workers have the newest program. */
async function haveLoaded(memory: WasmMemory, workers: number): Promise<void> {
  const words = new Int32Array(memory.memory.buffer);
  const record = Atomics.load(words, WORDS.programs) / 4;
  await until(() => Atomics.load(words, record + RECORD.ready) >= workers);
}

async function until(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (isDone()) return;
    await new Promise((later) => setTimeout(later, 10));
  }
  throw new Error("it did not come to pass");
}

/** Waits in a part until a word is not 0, twenty seconds at most. */
function awaitWord(f: FunctionBuilder, address: I32): void {
  f.atomicWait(address, i32.const(0), i64.mul(i64.const(1_000_000_000), i64.const(20)));
}

/** A part that the calling thread holds until a worker has one: word 0. */
function untilOthersCome(f: FunctionBuilder, { thread, word }: Part, others: () => void): void {
  f.if(
    thread,
    () => {
      f.atomicStore(word(0), i32.const(1));
      f.atomicNotify(word(0), i32.const(-1));
      others();
    },
    () => awaitWord(f, word(0)),
  );
}

/** Division by zero. */
function trap(f: FunctionBuilder): void {
  f.keep(i32.div_u(i32.const(1), i32.const(0)));
}

const nothing = () => {};

/** All workers that are started from now on. */
function watchWorkers(): Worker[] {
  const started: Worker[] = [];
  class Watched extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      started.push(this);
    }
  }
  replaceWorker(Watched);
  return started;
}

function replaceWorker(other: unknown): void {
  const real = process.getBuiltinModule;
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
    name === "node:worker_threads" ? { Worker: other } : real(name)) as typeof real);
}

describe.each([1, 2, 3, 8])("%i threads", (threads) => {
  it("do each part once, and none before the stage before is done", async () => {
    const parts = [5, 1, 1, 64, 7, 2];
    const before = parts.map((_, stage) => parts.slice(0, stage).reduce((sum, count) => sum + count, 0));
    const perStep = 80;
    const host = poolOf(threads);
    // Word 0: parts done; 1: parts that came too early; from 10 on: how often each part was done; from 100 on: threads seen.
    const { loaded, words } = load(host, parts, (f, { thread, step, stage, part, word }) => {
      const least = i32.add(i32.mul(step, i32.const(perStep)), i32.const(before[stage]));
      f.if(i32.lt_u(i32.atomic_load(word(0)), least), () => void f.atomicAdd(word(1), i32.const(1)));
      f.atomicAdd(word(10 + before[stage], part), i32.const(1));
      f.atomicStore(word(100, thread), i32.const(1));
      f.loop(i32.const(0), i32.const(500), 1, () => void i32.atomic_load(word(0)));
      f.atomicAdd(word(0), i32.const(1));
    });
    if (threads > 1) await haveLoaded(host.memory, threads - 1);
    await loaded.run(0, 300, nothing);
    await loaded.run(300, 301, nothing);
    for (let index = 0; index < parts.length; index++) await loaded.launch(301, index, nothing);
    expect([words[0], words[1]]).toEqual([302 * perStep, 0]);
    expect([...words.subarray(10, 10 + perStep)]).toEqual(Array(perStep).fill(302));
    expect([...words.subarray(100, 100 + threads + 1)].lastIndexOf(1)).toBeLessThan(threads);
    loaded.unload();
  });
});

describe("workers", () => {
  it("take part as soon as they are there, in a run that began before", async () => {
    const host = poolOf(2);
    const { loaded, words } = load(host, [1, 2], (f, part) =>
      part.stage === 0 ? nothing() : untilOthersCome(f, part, nothing),
    );
    await loaded.run(0, 1, nothing);
    expect(words[0]).toBe(1);
  });

  it("load what comes while they are there, after the memory has grown, and forget what is unloaded", async () => {
    const host = poolOf(3);
    const { memory } = host;
    for (let round = 0; round < 20; round++) {
      const large = memory.take("much", 3_000_000 * (round % 3), false);
      const { loaded, words } = load(host, [8], (f, { word }) => void f.atomicAdd(word(0), i32.const(1)));
      await haveLoaded(memory, 2);
      await loaded.run(0, 5, nothing);
      expect(words[0]).toBe(40);
      loaded.unload();
      memory.free(large);
    }
  });

  it("leave their memory when it is unloaded", async () => {
    const host = poolOf(2);
    const program = () => load(host, [2], (f, { word }) => void f.atomicAdd(word(0), i32.const(1))).loaded;
    const first = program();
    await haveLoaded(host.memory, 1);
    const kept = host.memory.end;
    for (let round = 0; round < 50; round++) {
      const loaded = program();
      await loaded.run(0, 1, nothing);
      loaded.unload();
    }
    // Words are the test's own. A few records may wait for workers that still read.
    expect(host.memory.end - kept).toBeLessThan(50 * (4096 + 64) + 4000);
    first.unload();
  });

  it("leave it as soon as none reads, though nothing else is loaded", async () => {
    const host = poolOf(2);
    const { loaded } = load(host, [2], (f, { word }) => void f.atomicAdd(word(0), i32.const(1)));
    await haveLoaded(host.memory, 1);
    const { end } = host.memory;
    const words = new Int32Array(host.memory.memory.buffer);
    await until(() => Atomics.load(words, WORDS.loading) === 0);
    // As if another worker were reading.
    Atomics.add(words, WORDS.loading, 1);
    loaded.unload();
    expect(host.memory.end).toBe(end);
    Atomics.sub(words, WORDS.loading, 1);
    await until(() => host.memory.end < end);
  });

  it("that fail are an error with their reason, and so are later runs", async () => {
    const host = poolOf(2);
    const { loaded } = load(host, [2], (f, part) => untilOthersCome(f, part, () => trap(f)));
    await haveLoaded(host.memory, 1);
    const failed = loaded.run(0, 1, nothing);
    await expect(failed).rejects.toThrow(EngineError);
    await expect(failed).rejects.toThrow(
      /^a thread of the wasm engine failed: RuntimeError: divide by zero; make/,
    );
    await expect(loaded.run(0, 1, nothing)).rejects.toThrow(/divide by zero/);
  });

  it("that are lost in the middle of a part are an error", async () => {
    const workers = watchWorkers();
    const host = poolOf(2);
    const forever = (f: FunctionBuilder) => f.repeat((repeat) => repeat());
    const { loaded, words } = load(host, [2], (f, part) => untilOthersCome(f, part, () => forever(f)));
    await haveLoaded(host.memory, 1);
    const failed = loaded.run(0, 1, nothing).catch((error) => error);
    expect(words[0]).toBe(1);
    await workers[0].terminate();
    expect(await failed).toBeInstanceOf(EngineError);
    expect((await failed).message).toMatch(/^a thread of the wasm engine failed: it was lost: /);
  });

  it("that are lost while nothing runs are a warning, and the others go on", async () => {
    const workers = watchWorkers();
    const host = poolOf(3);
    const { loaded, words } = load(host, [50], (f, { word }) => void f.atomicAdd(word(0), i32.const(1)));
    await haveLoaded(host.memory, 2);
    const warn = vi.spyOn(console, "warn").mockImplementation(nothing);
    await workers[0].terminate();
    await until(() => warn.mock.calls.length > 0);
    await loaded.run(0, 10, nothing);
    expect(words[0]).toBe(500);
    expect(warn).toHaveBeenCalledOnce();
  });

  it.each([
    [
      "at once",
      class {
        constructor() {
          throw new Error("not here");
        }
      },
    ],
    [
      "later",
      class {
        on(event: string, listener: (reason: unknown) => void) {
          if (event === "error") setTimeout(() => listener(new Error("not here")), 5);
        }
        unref() {}
        async terminate() {}
      },
    ],
  ])("that a host refuses %s are one warning, and one thread does the work", async (_when, refusing) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(nothing);
    replaceWorker(refusing);
    const host = poolOf(4);
    const { loaded, words } = load(host, [50, 3], (f, { word }) => void f.atomicAdd(word(0), i32.const(1)));
    await loaded.run(0, 10, nothing);
    await until(() => warn.mock.calls.length > 0);
    await loaded.run(10, 20, nothing);
    expect(words[0]).toBe(20 * 53);
    await until(() => host.pool.present === 1);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^wasm: a worker does not start \(Error: not here\).*worker-src blob:/)],
    ]);
  });

  it("are gone once their pool has ended, a hundred times over", async () => {
    const workers = watchWorkers();
    for (let round = 0; round < 100; round++) {
      const { pool } = poolOf(2);
      // Some have started by then, others have not.
      if (round % 10 === 0) await until(() => workers.at(-1)?.threadId !== -1);
      await pool.end();
    }
    expect(workers).toHaveLength(100);
    expect(new Set(workers.map(({ threadId }) => threadId))).toEqual(new Set([-1]));
  });

  it("are gone once nobody holds their engine", async () => {
    const workers = watchWorkers();
    openWasm(2);
    for (let i = 0; i < 50 && workers[0].threadId !== -1; i++) await heldByHost();
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1]);
  });

  it("leave a run in the middle when their pool ends", async () => {
    const workers = watchWorkers();
    const host = poolOf(3);
    const { loaded, words } = load(host, [100], (f, { word }) => void f.atomicAdd(word(0), i32.const(1)));
    await haveLoaded(host.memory, 2);
    let ended: Promise<boolean> | undefined;
    const run = loaded.run(0, 1_000_000_000, () => {
      ended ??= host.pool.end();
      throw new EngineError("destroyed");
    });
    await expect(run).rejects.toThrow("destroyed");
    expect(await ended).toBe(true);
    const done = words[0];
    expect(done).toBeGreaterThan(0);
    await new Promise((later) => setTimeout(later, 20));
    expect(words[0]).toBe(done);
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]);
  });
});
