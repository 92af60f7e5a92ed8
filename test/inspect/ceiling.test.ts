/** What a device can do at most. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { measureCeiling } from "../../src/inspect/ceiling.ts";
import { connectInstrumented, type Instrumented } from "../helpers/instrumented.ts";

let gpu: Instrumented;
beforeAll(async () => {
  gpu = await connectInstrumented();
});
afterAll(() => gpu?.engine.destroy());

it("is a device's arithmetic and its memory, and leaves nothing on it", async () => {
  const before = gpu.books.liveBytes;
  const { flops, bytes } = await measureCeiling(gpu.engine);
  expect(flops).toBeGreaterThan(1e8);
  expect(bytes).toBeGreaterThan(1e8);
  // More operations than bytes: else one of them is not what it says.
  expect(flops).toBeGreaterThan(bytes);
  expect(gpu.books.liveBytes).toBe(before);
  expect(gpu.books.unlabelled).toEqual([]);
});

it("is not to be had of a device that is gone", async () => {
  const { engine } = await connectInstrumented();
  await engine.done();
  await engine.destroy();
  await expect(measureCeiling(engine)).rejects.toThrow(/destroyed/);
});
