/** A profiled step as a trace. */
import { expect, it } from "vitest";
import { chromeTrace } from "../../src/inspect/trace.ts";
import { launchesOf } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { convNet, openStep } from "./samples.ts";

it("becomes a trace of events that follow each other", async () => {
  const { step, release } = await openStep(cpu(), convNet());
  const { program } = step;
  release();
  const milliseconds = launchesOf(program).map((_, i) => [i + 3, i + 1, i + 2]);
  const { traceEvents } = JSON.parse(
    chromeTrace(program, { milliseconds, ceiling: { flops: 1e9, bytes: 1e9 } }),
  );
  const events = traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
  expect(events).toHaveLength(launchesOf(program).length);
  let end = 0;
  for (const { ts, dur, name, args } of events) {
    expect(ts).toBe(end);
    end = ts + dur;
    expect(name).toMatch(/^\w+ \(.*\)/);
    expect(args.layers.length).toBeGreaterThan(0);
    expect(args.share).toBeGreaterThan(0);
  }
  expect(end).toBe(1000 * events.reduce((sum: number, _: unknown, i: number) => sum + i + 2, 0));
});
