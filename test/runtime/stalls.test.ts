/** A queue that does not answer is reported, and what waits for it goes on waiting. */
import { expect, it, vi } from "vitest";
import type { ConnectOptions } from "../../src/runtime/gpu/connect.ts";
import type { Stall } from "../../src/runtime/gpu/stalls.ts";
import { openDescent } from "../helpers/descent.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";

/** An engine whose device answers when it is let. */
async function connectStalled(options: ConnectOptions) {
  const { engine } = await connectInstrumented({ tune: false, ...options });
  let gate: Promise<void> | undefined;
  let open = () => {};
  const { device } = engine;
  const { createBuffer } = device;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(device, descriptor);
    const { mapAsync } = buffer;
    buffer.mapAsync = async (...args) => {
      await mapAsync.apply(buffer, args);
      await gate;
    };
    return buffer;
  };
  const close = () => {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  };
  return { engine, close, open: () => open() };
}

it("once for each stall, with what waits, and the runs end well when the device answers", async () => {
  const stalls: Stall[] = [];
  let noticed = () => {};
  const { engine, close, open } = await connectStalled({
    stalledAfter: 0.05,
    onStalled(stall) {
      stalls.push(stall);
      noticed();
    },
  });
  const one = await openDescent(engine);
  for (let round = 1; round <= 2; round++) {
    const stalled = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    close();
    let ended = false;
    const runs = Promise.all([one.run(1), one.run(1)]).finally(() => {
      ended = true;
    });
    await stalled;
    // Several times as long again: one report is enough.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ended).toBe(false);
    expect(stalls).toHaveLength(round);
    expect(stalls[round - 1].work).toEqual(["program descent", "program descent"]);
    expect(stalls[round - 1].seconds).toBeGreaterThanOrEqual(0.05);
    open();
    expect(await runs).toEqual([[1 - 2 * round], [-2 * round]]);
  }
  await engine.destroy();
});

it("on the console, unless somebody listens, and a listener that throws harms nothing", async () => {
  const said: unknown[][] = [];
  const note = (...args: unknown[]) => void said.push(args);
  const spies = [
    vi.spyOn(console, "warn").mockImplementation(note),
    vi.spyOn(console, "error").mockImplementation(note),
  ];
  const listener = () => {
    throw new Error("of the listener");
  };
  for (const onStalled of [undefined, listener]) {
    const { engine, close, open } = await connectStalled({ stalledAfter: 0.05, onStalled });
    const one = await openDescent(engine);
    close();
    const run = one.run(1);
    const before = said.length;
    await vi.waitUntil(() => said.length > before, { timeout: 20_000 });
    open();
    expect(await run).toEqual([-1]);
    await engine.destroy();
  }
  for (const spy of spies) spy.mockRestore();
  expect(said).toEqual([
    [
      expect.stringMatching(
        /^wgrad: the GPU has not answered for \d+ s\. Waiting: program descent\. A slow device may take that long; engine\.destroy\(\) gives up$/,
      ),
    ],
    [expect.objectContaining({ message: "of the listener" })],
  ]);
});

it("not where the device is merely slow, and answers now and then", async () => {
  const stalls: Stall[] = [];
  const { engine } = await connectStalled({ stalledAfter: 30, onStalled: (stall) => stalls.push(stall) });
  const one = await openDescent(engine);
  for (let i = 0; i < 20; i++) await one.run(1);
  await engine.destroy();
  expect(stalls).toEqual([]);
});

it("refuses what is no time", async () => {
  await expect(connectInstrumented({ stalledAfter: 0 })).rejects.toThrow(
    new RangeError("connect: stalledAfter is 0; give seconds, a number above 0"),
  );
});
