/** `bench stream`: what it compares, and what it refuses to time. */
import { expect, it } from "vitest";
import { measureStreaming, streamReport } from "../../bench/stream.ts";
import { drawChart } from "../../charts/draw.ts";
import type { ChartSpec } from "../../charts/spec.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const model = { name: "8", convolutions: false, hidden: [8], batch: 50 };
const options = { model, batch: 50, count: 1000, repetitions: 2, seed: 1 };

it("times epochs of the same training three ways, in a quarter of the memory where they stream", async () => {
  const notes: string[] = [];
  const result = await measureStreaming(engines.gpu, options, (line) => notes.push(line));
  expect(notes).toEqual(["drawing 1000 digits", "warmed up", "measured 1 of 2", "measured 2 of 2"]);
  expect(result.residentBytes).toBe(1000 * (784 + 1 + 8));
  expect(result.allowedBytes).toBe(result.residentBytes / 4);
  expect(result.ratios.resident).toBe(1);
  for (const [way, { lowest, median, highest }] of Object.entries(result.seconds)) {
    expect(lowest, way).toBeGreaterThan(0);
    expect(median).toBeGreaterThanOrEqual(lowest);
    expect(highest).toBeGreaterThanOrEqual(median);
  }
  const { lines, chart } = streamReport(result);
  expect(lines.join("\n")).toMatch(/^a quarter in memory +0\.2 MB +[\d.]+ \(.*\) +\d+\.\d\d$/m);
  expect(drawChart(chart as ChartSpec, "in a test")).toContain("time an epoch");
});

it("refuses memory that holds no two batches", async () => {
  await expect(measureStreaming(engines.cpu, { ...options, batch: 500 })).rejects.toThrow(
    "too little for two batches of 500",
  );
});
