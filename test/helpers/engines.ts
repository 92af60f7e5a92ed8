/** All engines, for tests that run on each; opened before a file's first test, closed after its last. */
import { afterAll, beforeAll } from "vitest";
import { cpu } from "../../src/runtime/cpu.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";
import type { WasmEngine } from "../../src/wasm/engine.ts";
import { openWasm } from "../../src/wasm/open.ts";

export type EngineKind = Engine["kind"];

export const ENGINES: readonly EngineKind[] = ["gpu", "wasm", "cpu"];
/** Those that the CPU engine is the reference for. */
export const DEVICES = ["gpu", "wasm"] as const;

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
