/** Both engines, for tests that run on each; opened before a file's first test, closed after its last. */
import { afterAll, beforeAll } from "vitest";
import { cpu } from "../../src/runtime/cpu.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";

export const ENGINES = ["gpu", "cpu"] as const;
export type EngineKind = (typeof ENGINES)[number];

interface Engines {
  readonly gpu: GpuEngine;
  readonly cpu: Engine;
}

/** Call at the top level of a test file; the engines are there once its tests run. */
export function useEngines(): Engines {
  const engines: { -readonly [K in keyof Engines]?: Engines[K] } = {};
  beforeAll(async () => {
    engines.cpu = cpu();
    engines.gpu = await connect();
  });
  afterAll(async () => {
    await engines.gpu?.destroy();
    await engines.cpu?.destroy();
  });
  return engines as Engines;
}
