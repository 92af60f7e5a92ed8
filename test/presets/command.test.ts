/** The engine that programs compute on. */
import { afterAll, describe, expect, it } from "vitest";
import type { Engine } from "wgrad";
import { isSoftware } from "../../charts/adapter.ts";
import { openEngine, openWasm } from "../../presets/command.ts";

const opened: Engine[] = [];
afterAll(() => Promise.all(opened.map((engine) => engine.destroy())));

async function open(...[option, wanted, , threads]: Parameters<typeof openEngine>) {
  const notes: string[] = [];
  const engine = await openEngine(option, wanted, (line) => notes.push(line), threads);
  opened.push(engine);
  return { engine, notes };
}

describe("the engine of a program", () => {
  it.each(["gpu", "wasm", "cpu"] as const)("is the one that is asked for: %s", async (name) => {
    const { engine, notes } = await open("--device", name, () => {});
    expect(engine.kind).toBe(name);
    expect(notes).toEqual([]);
  });

  it("is the GPU without a wish, and told where that is software", async () => {
    const { engine, notes } = await open("--engine", undefined, () => {});
    expect(engine.kind).toBe("gpu");
    const told = `${engine.info.adapter} is software, which computes on the processor: --engine wasm may be faster`;
    expect(notes).toEqual(isSoftware(engine.info.adapter) ? [told] : []);
  });

  it("has the threads that are asked for", async () => {
    for (const engine of [(await open("--device", "wasm", () => {}, 1)).engine, await openWasm(1)]) {
      opened.push(engine);
      expect(engine.info.adapter).toMatch(/\b1 thread$/);
    }
  });
});
