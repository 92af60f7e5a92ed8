/** What cannot be is refused before anything is enqueued, in the same words on every engine, which then goes on. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DType, Elements } from "../../src/dtypes.ts";

import { cpu } from "../../src/runtime/cpu.ts";
import { type Engine, EngineError } from "../../src/runtime/engine.ts";
import type { GpuBuffer } from "../../src/runtime/gpu/buffer.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { wasm } from "../../src/wasm/index.ts";
import { bound, type Descent, descent, descentMemory, openDescent, SIZE } from "../helpers/descent.ts";
import { ENGINES, type EngineKind, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** What a test of the table gets: an engine with a program that runs, which must not be harmed. */
interface Situation {
  readonly engine: Engine;
  readonly one: Descent;
}
/** What is done; what is said of it. */
type Refusal = readonly [what: string, act: (situation: Situation) => unknown, message: RegExp];

const another: Readonly<Record<EngineKind, () => Engine | Promise<Engine>>> = { gpu: connect, wasm, cpu };
const x = new Float32Array(SIZE);
const floats = (length: number) => new Float32Array(length);

const buffers: Refusal[] = [
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map(
    (length): Refusal => [
      `a buffer of ${length} elements`,
      ({ engine }) => engine.buffer("b", "f32", length),
      /^buffer "b": its length is .*; give a whole number from 1$/,
    ],
  ),
  [
    "a buffer of another type",
    ({ engine }) => engine.buffer("b", "f16" as DType, 4),
    /^buffer "b": its type is f16; give one of f32, i32, u8$/,
  ],
  [
    "a buffer shorter than its data",
    ({ engine }) => engine.buffer("b", "f32", 4, floats(5)),
    /^buffer "b" takes 4 elements, got 5/,
  ],
  [
    "a buffer longer than its data",
    ({ engine }) => engine.buffer("b", "f32", 4, floats(3)),
    /^buffer "b" takes 4 elements, got 3/,
  ],
  [
    "a buffer of data of another type",
    ({ engine }) => engine.buffer("b", "f32", 4, new Uint8Array(4)),
    /^buffer "b" takes a Float32Array, got Uint8Array; convert it with Float32Array\.from\(…\)$/,
  ],
  ...[-1, 0.5, Number.NaN, 61, Number.POSITIVE_INFINITY].map(
    (offset): Refusal => [
      `elements written at ${offset}`,
      ({ one }) => one.memory.p.write(floats(4), offset),
      /^buffer "p": 4 elements cannot be written at .*; it has 64, counted from 0$/,
    ],
  ),
  [
    "elements of another type",
    ({ one }) => one.memory.p.write(new Int32Array(4)),
    /^buffer "p" takes a Float32Array, got Int32Array; convert it with Float32Array\.from\(…\)$/,
  ],
  [
    "no elements",
    ({ one }) => one.memory.p.write(undefined as unknown as Elements),
    /^buffer "p" takes a Float32Array, got undefined; convert it with Float32Array\.from\(…\)$/,
  ],
  [
    "a read of a buffer that was released",
    ({ engine }) => {
      const buffer = engine.buffer("b", "f32", 4);
      buffer.release();
      buffer.release();
      return buffer.read();
    },
    /^buffer "b" was released and then used again; release it later, or make another$/,
  ],
  [
    "a write to a buffer that was released",
    ({ engine }) => {
      const buffer = engine.buffer("b", "f32", 4);
      buffer[Symbol.dispose]();
      buffer.write(floats(4));
    },
    /^buffer "b" was released and then used again/,
  ],
];

const programs: Refusal[] = [
  [
    "a program without memory for its state",
    ({ engine }) => engine.compile(descent, {}),
    /^program descent: memory for state "p" is missing$/,
  ],
  [
    "a program with memory of another length",
    ({ engine, one }) => engine.compile(descent, bound({ ...one.memory, p: one.memory.blocks })),
    /^program descent: "p" is f32\[64\], but the memory given is f32\[2\]$/,
  ],
  [
    "a program with memory of the other kind of engine",
    ({ engine }) => {
      const other = engine.kind === "gpu" ? engines.cpu : engines.gpu;
      return engine.compile(descent, bound(descentMemory(other)));
    },
    /^program descent: "p" has memory of another engine; give memory of this engine's buffer\(\)$/,
  ],
  [
    "a program with memory of another engine of its kind",
    async ({ engine }) => {
      await using other: Engine = await another[engine.kind]();
      await engine.compile(descent, bound(descentMemory(other)));
    },
    /^program descent: "p" has memory of another engine/,
  ],
  [
    "a program with memory that was released",
    ({ engine }) => {
      const memory = descentMemory(engine);
      memory.blocks.release();
      return engine.compile(descent, bound(memory));
    },
    /^program descent: its memory "blocks" was released and then used again/,
  ],
  [
    "a program whose memory is released while it is compiled",
    ({ engine }) => {
      const memory = descentMemory(engine);
      const compiling = engine.compile(descent, bound(memory));
      memory.blocks.release();
      return compiling.then((executable) => executable.run(1));
    },
    /^program descent: its memory "blocks" was released and then used again/,
  ],
  ...[0, 1.5, Number.NaN, 2 ** 40].map(
    (maxSteps): Refusal => [
      `a program of ${maxSteps} steps a run`,
      ({ engine, one }) => engine.compile(descent, { ...bound(one.memory), maxSteps }),
      /^maxSteps is .*; give a whole number from 1 to 1048576$/,
    ],
  ),
];

const runs: Refusal[] = [
  ...[0, -1, 1.5, Number.NaN, 5].map(
    (count): Refusal => [
      `a run of ${count} steps`,
      ({ one }) => one.executable.run(count),
      /^program descent: a run takes 1 to 4 steps \(maxSteps\), got /,
    ],
  ),
  [
    "an input that the program has not",
    ({ one }) => one.executable.write("z", x),
    /^program descent has no input "z"; its inputs are x$/,
  ],
  [
    "an input of another length",
    ({ one }) => one.executable.write("x", floats(5)),
    /^input "x" takes 64 elements, got 5/,
  ],
  [
    "an input of another type",
    ({ one }) => one.executable.write("x", new Uint8Array(SIZE)),
    /^input "x" takes a Float32Array, got Uint8Array; convert it with Float32Array\.from\(…\)$/,
  ],
  ...(["run", "profile"] as const).flatMap((method): Refusal[] => [
    [
      `a ${method} after the program's release`,
      async ({ engine }) => {
        const { executable } = await openDescent(engine);
        executable.release();
        executable.release();
        await executable[method](1);
      },
      /^program descent was released and then used again; release it later, or make another$/,
    ],
    [
      `a ${method} after the release of its memory`,
      async ({ engine }) => {
        const { executable, memory } = await openDescent(engine);
        memory.p.release();
        await executable[method](1);
      },
      /^program descent: its memory "p" was released and then used again/,
    ],
  ]),
  [
    "an input written after the program's release",
    async ({ engine }) => {
      const { executable } = await openDescent(engine);
      executable[Symbol.dispose]();
      executable.write("x", x);
    },
    /^program descent was released and then used again/,
  ],
];

describe.each(ENGINES)("the %s engine", (kind) => {
  let situation: Situation;
  beforeEach(async () => {
    situation = { engine: engines[kind], one: await openDescent(engines[kind]) };
  });
  afterEach(() => situation.one.release());

  it.each([...buffers, ...programs, ...runs])("refuses %s, and goes on", async (_what, act, message) => {
    const { one } = situation;
    const before = one.run(1, 2);
    const error = (await (async () => act(situation))().catch((cause) => cause)) as Error;
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(message);
    expect(await before).toEqual([-1, -2]);
    expect(await one.run(3, 2)).toEqual([-5, -8]);
  });

  it("ends runs and reads that were enqueued before a release", async () => {
    const { engine } = situation;
    const other = await openDescent(engine);
    const run = other.run(2, 3);
    const read = other.memory.p.read();
    other.release();
    expect(await run).toEqual([-2, -4, -6]);
    expect((await read)[0]).toBe(-6);
  });
});

describe("what WebGPU refuses", () => {
  it("fails the run that it is about, and none beside it or after it", async () => {
    const { gpu } = engines;
    const [good, bad] = [await openDescent(gpu), await openDescent(gpu)];
    // Behind the engine's back.
    (bad.memory.p as GpuBuffer).gpu.destroy();
    const runs = await Promise.allSettled([good.run(1), bad.run(1), good.run(1)]);
    expect(runs.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const { reason } = runs[1] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(EngineError);
    expect(reason.message).toMatch(/^program descent: .*destroyed/s);
    expect(await good.run(1, 2)).toEqual([-3, -4]);
    good.release();
    bad.release();
  });

  it("is said of the buffer that there is no memory for, and only of that", async () => {
    const engine = await connect();
    // As if the device took any size: WebGPU itself then refuses this one.
    Object.assign(engine.info, { maxBufferBytes: Number.POSITIVE_INFINITY });
    const p = engine.buffer("p", "f32", 2 ** 40);
    const message = /has no memory: its 4398046511104 bytes are refused, beside \d+ in use: .*/s;
    await expect(p.read()).rejects.toThrow(/^buffer "p" has no memory/);
    await expect(p.read()).rejects.toThrow(message);
    expect(() => p.write(new Float32Array(1))).toThrow(message);
    const memory = { ...descentMemory(engine), p };
    const large = { ...descent, buffers: descent.buffers.map((spec) => ({ ...spec })) };
    large.buffers[0] = { ...large.buffers[0], length: 2 ** 40 };
    await expect(engine.compile({ ...large, name: "large" }, bound(memory))).rejects.toThrow(EngineError);
    const good = await openDescent(engine);
    expect(await good.run(1)).toEqual([-1]);
    await engine.destroy();
  });

  it("outside of all that the engine does, fails nothing, and is reported with the label of what is refused", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { gpu } = engines;
    const one = await openDescent(gpu);
    const run = one.run(1);
    gpu.device.createBuffer({ label: "stray", size: 2 ** 50, usage: 8 });
    expect(await run).toEqual([-1]);
    expect(await one.run(1)).toEqual([-2]);
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/^wgrad: WebGPU reports an error that is of no work of the engine: .*"stray"/s)],
    ]);
    one.release();
    warned.mockRestore();
  });
});
