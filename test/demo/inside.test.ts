/** What stands behind the page's view Look inside: the step that it records, its phases and its times. */
import { describe, expect, it } from "vitest";
import { indented } from "../../demo/page/inside/indent.ts";
import { phasesOf } from "../../demo/page/inside/phases.ts";
import { InsideService } from "../../demo/page/inside/service.ts";
import { isTold, launchTime } from "../../demo/page/inside/times.ts";
import { DEFAULTS, MODELS, type ModelName, type Settings } from "../../demo/page/network/settings.ts";

const small: Settings = { ...DEFAULTS, hidden: [16], batchSize: 8 };

describe("a recorded step", () => {
  const phases = ["forward", "loss", "backward", "update"];

  it.each([
    ...(Object.keys(MODELS) as ModelName[]).map((model) => ({ model, optimizer: DEFAULTS.optimizer })),
    { model: DEFAULTS.model, optimizer: "muon" as const },
  ])("of the model $model with $optimizer has its phases in order", async (chosen) => {
    const service = new InsideService();
    const { launches, device } = await service.record({ ...small, engine: "cpu", ...chosen }, () => {});
    expect(device.kind).toBe("cpu");
    const found = phasesOf(launches).map((phase) => phases.indexOf(phase));
    expect(found).toEqual([...found].sort());
    expect(new Set(found)).toEqual(new Set([0, 1, 2, 3]));
  });

  it("is measured piece by piece, on the GPU", async () => {
    const service = new InsideService();
    const { launches, device, cost } = await service.record(small, () => {});
    expect(device.kind).toBe("gpu");
    expect(launches).toHaveLength(cost.dispatches);
    expect(() => service.trace()).toThrow(/measure first/);
    const words: string[] = [];
    const { ceiling, stepMs, steps, ...measured } = await service.measure((news) => words.push(news.words));
    expect(words[0]).toMatch(/first steps/);
    expect(words.at(-1)).toMatch(/each launch: [\d]+ steps/);
    expect(ceiling?.flops).toBeGreaterThan(0);
    expect(stepMs).toBeGreaterThan(0);
    expect(steps).toBeGreaterThan(0);
    expect(measured.launches).toHaveLength(launches.length);
    for (const { milliseconds, share } of measured.launches) {
      expect(milliseconds).toBeGreaterThanOrEqual(0);
      expect(share).toBeGreaterThan(0);
    }
    const events = JSON.parse(service.trace()).traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
    expect(events).toHaveLength(launches.length);
  });

  it("cannot be measured before", async () => {
    await expect(new InsideService().measure(() => {})).rejects.toThrow(/record one first/);
  });
});

describe("the time of a launch", () => {
  it("is the median where times are exact", () => {
    const times = Array.from({ length: 21 }, (_, i) => 1 + i / 1000);
    const { milliseconds, uncertainty } = launchTime([...times, 50, 60]);
    expect(milliseconds).toBeCloseTo(1.011, 6);
    expect(uncertainty).toBeGreaterThan(0);
    expect(uncertainty).toBeLessThan(0.01);
  });

  it("is the mean where the clock is coarse", () => {
    // 0.01 ms, begun anywhere, as a clock sees it that stands still for 0.1 ms.
    const tick = (time: number) => Math.floor(time / 0.1 + 1e-9) * 0.1;
    const times = Array.from({ length: 1000 }, (_, i) => {
      const begin = i * 0.1618;
      return tick(begin + 0.01) - tick(begin);
    });
    const time = launchTime(times.map((one) => Math.round(one * 10) / 10));
    expect(Math.abs(time.milliseconds - 0.01)).toBeLessThan(3 * time.uncertainty);
    expect(time.milliseconds).toBeCloseTo(0.01, 2);
    expect(isTold(time)).toBe(true);
  });

  it("is not told where all that was seen is nothing", () => {
    expect(isTold(launchTime([0, 0, 0, 0]))).toBe(false);
    expect(isTold(launchTime([0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1]))).toBe(false);
  });
});

it("a shader is indented, and nothing else is changed", () => {
  const code = "fn main() {\nif (a) {\nb = array<u32, 2>(\n1u, 2u);\n} else {\nc[0] = 1;\n}\n}";
  expect(indented(code)).toEqual([
    "fn main() {",
    "  if (a) {",
    "    b = array<u32, 2>(",
    "      1u, 2u);",
    "  } else {",
    "    c[0] = 1;",
    "  }",
    "}",
  ]);
});
