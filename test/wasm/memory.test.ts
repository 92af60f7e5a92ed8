/** One memory for all: pieces of it are shared out, come back, and are refused where there are no more. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { heldByHost } from "../../scripts/heap.mjs";
import type { Program } from "../../src/program.ts";
import { uniform } from "../../src/random.ts";
import { EngineError } from "../../src/runtime/engine.ts";
import { MemoryLimitError } from "../../src/runtime/limits.ts";
import { wasm } from "../../src/wasm/index.ts";
import { type Piece, WasmMemory } from "../../src/wasm/memory.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { bound, descent, descentMemory, openDescent } from "../helpers/descent.ts";

afterEach(() => vi.unstubAllGlobals());

const GIB = 2 ** 30;

/** Lets the garbage collector come by until `done`, a bounded number of times. */
async function collectedUntil(done: () => boolean): Promise<boolean> {
  for (let i = 0; i < 50 && !done(); i++) await heldByHost();
  return done();
}

describe("pieces of a memory", () => {
  it("are zeros, begin at multiples of 64, and none lies in another, whatever comes and goes", () => {
    const memory = new WasmMemory(false);
    const empty = memory.end;
    const pieces: { piece: Piece; bytes: number; mark: number }[] = [];
    const of = ({ piece, bytes }: { piece: Piece; bytes: number }) =>
      new Uint8Array(memory.memory.buffer, piece.address, bytes);
    let drawn = 0;
    const random = (count: number) => Math.floor(uniform(3, 1, drawn++) * count);
    for (let i = 0; i < 2000; i++) {
      if (pieces.length > 0 && random(5) < (i < 1000 ? 2 : 3)) {
        const [gone] = pieces.splice(random(pieces.length), 1);
        expect(of(gone).every((byte) => byte === gone.mark)).toBe(true);
        memory.free(gone.piece);
        continue;
      }
      const bytes = random(i % 50 === 0 ? 300_000 : 500);
      const one = { piece: memory.take("one", bytes, true), bytes, mark: 1 + random(255) };
      expect(one.piece.address % 64).toBe(0);
      expect(of(one).every((byte) => byte === 0)).toBe(true);
      of(one).fill(one.mark);
      pieces.push(one);
    }
    for (const { piece } of pieces) memory.free(piece);
    expect(memory.end).toBe(empty);
  });

  it("are taken where they fit best, so that the memory does not grow", () => {
    const memory = new WasmMemory(false);
    const [a, , c] = [1000, 100, 500, 100].map((bytes) => memory.take("one", bytes, true));
    const { end } = memory;
    memory.free(a);
    memory.free(c);
    expect(memory.take("one", 500, true).address).toBe(c.address);
    expect(memory.take("one", 400, true).address).toBe(a.address);
    expect(memory.take("one", 400, true).address).toBeGreaterThan(a.address);
    expect(memory.end).toBe(end);
  });

  it("are refused past 4 GiB, with what is needed and what there is", () => {
    const memory = new WasmMemory(false);
    expect(memory.maxBytes).toBe(4 * GIB - 4096 - 64);
    const large = memory.take("the first", GIB, false);
    const more = () => memory.take("the second", 3 * GIB, false);
    expect(more).toThrow(MemoryLimitError);
    expect(more).toThrow(
      `the second takes ${3 * GIB} bytes, and this device holds at most ${3 * GIB - 4096 - 128} in one piece; release others, or use a smaller batch or model`,
    );
    expect(() => memory.take("the last", 4 * GIB, false)).toThrow(
      `the last takes ${4 * GIB} bytes, and this device holds at most ${3 * GIB - 4096 - 128} in one piece; use a smaller batch or model`,
    );
    memory.free(large);
    memory.free(more());
  });

  it("are refused in words where the host has no more", () => {
    const memory = new WasmMemory(false);
    const { end } = memory;
    vi.spyOn(memory.memory, "grow").mockImplementation(() => {
      throw new RangeError("failed to grow memory by 16");
    });
    const bytes = memory.memory.buffer.byteLength;
    const large = () => memory.take("the model", bytes, false);
    expect(large).toThrow(EngineError);
    expect(large).toThrow(
      `the model takes ${bytes} bytes, and the host has no more memory; use a smaller batch or model`,
    );
    expect(memory.end).toBe(end);
  });
});

describe("a host with fewer addresses", () => {
  /** Like a 32-bit browser's. */
  function host(most: number): void {
    const { Memory, Module, Instance } = WebAssembly;
    vi.stubGlobal("WebAssembly", {
      Module,
      Instance,
      Memory: class extends Memory {
        constructor(type: WebAssembly.MemoryDescriptor) {
          if ((type.maximum ?? 0) > most) throw new RangeError("could not allocate memory");
          super(type);
        }
      },
    });
  }

  it("gives a smaller memory", async () => {
    // Whatever is spare is taken before.
    const taken = Array.from({ length: 20 }, () => new WasmMemory(false));
    host(2 ** 14);
    const memory = new WasmMemory(false);
    expect(memory.maxBytes).toBe(GIB - 4096 - 64);
    expect(taken).not.toContain(memory);
  });

  it("or none: an error says so", () => {
    host(1);
    expect(() => wasm({ threads: 1 })).toThrow(EngineError);
    expect(() => wasm({ threads: 1 })).toThrow(
      /^wasm: the host gives no memory: could not allocate memory; destroy\(\) engines that are done with$/,
    );
  });
});

describe("the memory of an engine", () => {
  it("does not grow over programs that are opened and released, nor by those that are refused", async () => {
    const engine = openWasm(1);
    const one = await openDescent(engine);
    await one.run(1);
    const { end } = engine.space;
    const unknown: Program = {
      ...descent,
      dispatches: [{ ...descent.dispatches[0], kernel: "elementwise2" }],
    };
    const large: Program = {
      ...descent,
      buffers: [
        ...descent.buffers,
        ...["a", "b"].map((name) => ({ ...descent.buffers[1], name, length: 3 * 2 ** 28 })),
      ],
    };
    for (let i = 0; i < 10; i++) {
      const other = await openDescent(engine);
      expect(await other.run(1)).toEqual([-1]);
      const { end: most } = engine.space;
      expect(most).toBeGreaterThan(end);
      await expect(engine.compile(unknown, bound(other.memory))).rejects.toThrow(/elementwise2/);
      // Once: its pages are not touched, but would be cleared the second time.
      if (i === 0)
        await expect(engine.compile(large, bound(other.memory))).rejects.toThrow(
          /^program descent: input "b" takes 3221225472 bytes, and this device holds at most \d+ in one piece; release others/,
        );
      expect(engine.space.end).toBe(most);
      other.release();
      expect(engine.space.end).toBe(end);
    }
    await engine.destroy();
  });

  it("is given back when what was released is no longer used by runs under way", async () => {
    const engine = openWasm(1);
    const { end } = engine.space;
    const one = await openDescent(engine);
    const runs = [one.run(1, 4), one.run(1, 4)];
    one.release();
    expect(engine.space.end).toBeGreaterThan(end);
    // Takes other memory than what they still use.
    const other = await openDescent(engine);
    expect(await Promise.all(runs)).toEqual([
      [-1, -2, -3, -4],
      [-5, -6, -7, -8],
    ]);
    other.release();
    await engine.order.idle();
    expect(engine.space.end).toBe(end);
    await engine.destroy();
  });

  it("is given back by what nobody can use any more: not while a program uses it", async () => {
    const engine = openWasm(1);
    const { end } = engine.space;
    let executable: Awaited<ReturnType<typeof openDescent>>["executable"] | undefined;
    executable = (await openDescent(engine)).executable;
    engine.buffer("dropped", "f32", 2 ** 20);
    const withDropped = engine.space.end;
    expect(await collectedUntil(() => engine.space.end < withDropped)).toBe(true);
    // The program's memory was dropped, too, but the program has it still.
    executable.table.f32[0] = 1;
    executable.write("x", new Float32Array(64).fill(1));
    expect((await executable.run(1)).y[0]).toBe(-1);
    executable = undefined;
    expect(await collectedUntil(() => engine.space.end === end)).toBe(true);
    await engine.destroy();
  });

  it("goes to the next engine, as if it were new, once the engine is destroyed", async () => {
    const first = openWasm(1);
    const { memory } = first.space;
    const kept = descentMemory(first);
    kept.p.write(new Float32Array(64).fill(Number.NaN));
    await first.destroy();
    const second = openWasm(1);
    expect(second.space.memory).toBe(memory);
    const third = openWasm(1);
    expect(third.space.memory).not.toBe(memory);
    const { p } = descentMemory(second);
    // What the first engine still has is no concern of the second.
    kept.p.release();
    expect(await p.read()).toEqual(new Float32Array(64));
    const other = descentMemory(second);
    other.p.write(new Float32Array(64).fill(1));
    expect(await p.read()).toEqual(new Float32Array(64));
    await second.destroy();
    await third.destroy();
  });

  it("is the garbage collector's once nobody can use the engine any more, or destroyed it", async () => {
    const open = async () => {
      const engine = openWasm(1);
      await openDescent(engine);
      const memory = new WeakRef(engine.space.memory);
      return { engine, memory };
    };
    const dropped = (await open()).memory;
    const destroyed = await open().then(async ({ engine, memory }) => {
      await engine.destroy();
      return memory;
    });
    for (const memory of [dropped, destroyed])
      expect(await collectedUntil(() => memory.deref() === undefined)).toBe(true);
  });
});
