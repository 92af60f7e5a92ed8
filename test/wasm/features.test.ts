/** What the host has: found out by compiling, and refused in words where it is too little. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { EngineError } from "../../src/runtime/engine.ts";
import { probeFeatures } from "../../src/wasm/features.ts";
import { wasm } from "../../src/wasm/index.ts";
import { openWasm } from "../../src/wasm/open.ts";

afterEach(() => vi.unstubAllGlobals());

const { CompileError, Memory, Instance, validate } = WebAssembly;

/** A host that compiles the modules that it has instructions for, by a part of their bytes. */
function host(
  refuses: (bytes: Uint8Array) => Error | undefined,
  isValid = (bytes: Uint8Array) => !refuses(bytes),
) {
  const compiled: Uint8Array[] = [];
  vi.stubGlobal("WebAssembly", {
    Memory,
    Instance,
    validate: isValid,
    Module: class {
      constructor(bytes: Uint8Array<ArrayBuffer>) {
        const error = refuses(bytes);
        if (error) throw error;
        compiled.push(bytes);
      }
    },
  });
  return compiled;
}

const has = (bytes: Uint8Array, ...part: number[]) =>
  bytes.some((_, at) => part.every((byte, i) => bytes[at + i] === byte));
const unknown = () => new CompileError("an unknown instruction");
const I8X16_SPLAT = [0xfd, 15];
const RELAXED_MADD = [0xfd, 0x85, 2];

describe("the features", () => {
  it("are asked for by modules with their instructions", () => {
    // In Node 20, relaxed SIMD is there from now on.
    probeFeatures();
    const probes = host(() => undefined);
    expect(probeFeatures()).toEqual({ relaxed: true });
    const [simd, relaxed, ...others] = probes as Uint8Array<ArrayBuffer>[];
    expect([simd, relaxed].map((bytes) => validate(bytes))).toEqual([true, true]);
    expect([simd, relaxed].map((bytes) => has(bytes, ...I8X16_SPLAT))).toEqual([true, true]);
    expect([simd, relaxed].map((bytes) => has(bytes, ...RELAXED_MADD))).toEqual([false, true]);
    expect(others).toEqual([]);
  });

  it("do without relaxed SIMD where there is none", () => {
    host((bytes) => (has(bytes, ...RELAXED_MADD) ? unknown() : undefined));
    expect(probeFeatures()).toEqual({ relaxed: false });
    expect(openWasm(1).info).toMatchObject({
      adapter: "WebAssembly, 128-bit SIMD, 1 thread",
      features: ["simd"],
    });
  });

  it("are in the engine's info", () => {
    expect(wasm({ threads: 1 }).info).toEqual({
      adapter: "WebAssembly, 128-bit SIMD, relaxed, 1 thread",
      features: ["simd", "relaxed-simd"],
      maxBufferBytes: 2 ** 32 - 4096 - 64,
    });
  });
});

describe("a host without SIMD", () => {
  const browsers = /^wasm: .*SIMD.*Chrome 91, Firefox 89 and Safari 16\.4.*cpu\(\)$/;

  it("is refused with the names of browsers that have it", () => {
    host(unknown);
    expect(() => wasm()).toThrow(EngineError);
    expect(() => wasm()).toThrow(browsers);
  });

  it("is refused as well where it has no WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(() => wasm()).toThrow(browsers);
  });

  it("is told from a content security policy, under which everything is valid and nothing compiles", () => {
    const policy = new CompileError("violates the following Content Security policy");
    host(
      () => policy,
      () => true,
    );
    expect(() => wasm()).toThrow(EngineError);
    expect(() => wasm()).toThrow(/^wasm: .*violates the following.*'wasm-unsafe-eval'.*cpu\(\)$/);
  });
});

describe("the number of threads", () => {
  it.each([0, -1, 1.5, 257, Number.NaN, Number.POSITIVE_INFINITY])("is not %s", (threads) => {
    expect(() => wasm({ threads })).toThrow(RangeError);
    expect(() => wasm({ threads })).toThrow(`wasm: threads is ${threads}; give a whole number from 1 to 256`);
  });

  it("has one name", () => {
    expect(() => wasm({ thread: 2 } as object)).toThrow(
      'wasm: there is no option "thread"; did you mean threads?',
    );
  });
});
