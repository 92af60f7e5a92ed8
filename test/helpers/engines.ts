/** All engines, for tests that run on each; opened before a file's first test, closed after its last. */
import { afterAll, beforeAll } from "vitest";
// Every kernel enters the table where it is declared, and the library uses them all.
import "../../src/index.ts";
import { kernels } from "../../src/kernels/index.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";
import type { WasmEngine } from "../../src/wasm/engine.ts";
import { wasmKernels } from "../../src/wasm/kernels/index.ts";
import { openWasm } from "../../src/wasm/open.ts";

export type EngineKind = Engine["kind"];

/** The wasm engine is among them once it has every kernel. */
const HAS_ALL = Object.keys(kernels).every((name) => name in wasmKernels) || process.env.WASM;
export const ENGINES: readonly EngineKind[] = HAS_ALL ? ["gpu", "wasm", "cpu"] : ["gpu", "cpu"];
/** Those that the CPU engine is the reference for. */
export const DEVICES = ENGINES.filter((kind) => kind !== "cpu");

interface Engines {
  readonly gpu: GpuEngine;
  readonly wasm: WasmEngine;
  readonly cpu: Engine;
}

/** Call at the top level of a test file; the engines are there once its tests run. */
export function useEngines(): Engines {
  const engines: { -readonly [K in keyof Engines]?: Engines[K] } = {};
  beforeAll(async () => {
    engines.cpu = cpu();
    engines.wasm = openWasm(2);
    engines.gpu = await connect();
  });
  afterAll(async () => {
    await engines.gpu?.destroy();
    await engines.wasm?.destroy();
    await engines.cpu?.destroy();
  });
  return engines as Engines;
}
