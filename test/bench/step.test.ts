/** `npm run bench -- step` from end to end, without npm, and its refusal to time engines that disagree. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cpu, type Engine } from "wgrad";
import { measureStep } from "../../bench/step.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

const MINUTES = 60_000;
const bench = (...args: string[]) => runScript("bench/main.ts", args);

needsBuild();
const folder = useTemporaryFolder();

describe("bench step", () => {
  it(
    "tells results as they come, of the GPU engine alone where that is asked for",
    async () => {
      const args = "step --model 6 --batch 4 --steps 3 --repetitions 3 --compared 2 --only-gpu --json-lines";
      const { exitCode, stdout } = await bench(...args.split(" "));
      expect(exitCode).toBe(0);
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines.map(({ partial, repetitions }) => [partial, repetitions])).toEqual([
        [true, 1],
        [true, 2],
        [true, 3],
        [false, 3],
      ]);
      const { text, comparedSteps, ...result } = lines[3];
      expect(comparedSteps).toBe(2);
      expect(result.msPerStep).toBeGreaterThan(0);
      expect(result).not.toHaveProperty("cpuEngineMsPerStep");
      expect(text.join("\n")).toMatch(/^GPU: .* 3 × 3$/m);
      expect(text.join("\n")).not.toContain("CPU: JavaScript");
    },
    2 * MINUTES,
  );

  it(
    "measures all engines",
    async () => {
      const args = "step --model 20-12 --batch 32 --steps 5 --repetitions 3 --json --out".split(" ");
      args.push(folder.path);
      const { exitCode, stdout, stderr } = await bench(...args);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(exitCode).toBe(0);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({
        benchmark: "step",
        layers: [784, 20, 12, 10],
        batch: 32,
        parameters: 784 * 20 + 20 + 20 * 12 + 12 + 12 * 10 + 10,
        steps: 5,
        repetitions: 3,
        comparedSteps: 5,
        machine: { node: process.version },
        command: `npm run bench -- ${args.join(" ")}`,
      });
      expect(result.adapter).toEqual(expect.stringMatching(/\S/));
      expect(result.lossDifference).toBeLessThanOrEqual(1e-4);
      // The products that wait for one another, three forward and two backward, and those for the weights.
      expect(result.dispatchesPerStep).toBeGreaterThanOrEqual(3 + 2 + 1);
      expect(result.dispatchesPerStep).toBeLessThan(12);
      // Adam alone reads and writes parameters and both moments, and reads the gradients.
      expect(result.bytesPerStep).toBeGreaterThan(result.parameters * 4 * 7);
      expect(result.bytesPerStep).toBeLessThan(result.parameters * 4 * 30);
      for (const name of [
        "msPerStep",
        "wasmEngineMsPerStep",
        "cpuEngineMsPerStep",
        "cpuMicrosecondsPerStep",
      ]) {
        const { median, lowest, highest } = result.spread[name];
        expect(result[name]).toBe(median);
        expect(lowest).toBeGreaterThan(0);
        expect(median).toBeGreaterThanOrEqual(lowest);
        expect(highest).toBeGreaterThanOrEqual(median);
      }
      // The host's part of a step is a part of it.
      expect(result.cpuMicrosecondsPerStep / 1000).toBeLessThan(result.msPerStep);
      expect(stderr).toContain("One training step of 784-20-12-10");
      expect(JSON.parse(await readFile(join(folder.path, "step-20-12-32.json"), "utf8"))).toEqual(result);
      const chart = await readFile(join(folder.path, "step-20-12-32.svg"), "utf8");
      expect(chart).toContain("One training step of 784-20-12-10, batch 32");
      const [, ratio] = /^The GPU engine takes a step ([\d.,]+) times as fast/m.exec(stderr) ?? [];
      const { msPerStep, wasmEngineMsPerStep, cpuEngineMsPerStep } = result;
      expect(stderr).toMatch(/^wasm: WebAssembly.* \d+ × 3$/m);
      const [, onWasm] = /, and the wasm engine ([\d.,]+) times\.$/m.exec(stderr) ?? [];
      expect(Number(onWasm?.replace(",", "")) / (cpuEngineMsPerStep / wasmEngineMsPerStep)).toBeCloseTo(1, 2);
      expect(Number(ratio?.replace(",", "")) / (cpuEngineMsPerStep / msPerStep)).toBeCloseTo(1, 2);
    },
    3 * MINUTES,
  );

  it(
    "measures a convolutional network, too",
    async () => {
      const { exitCode, stdout, stderr } = await bench(
        ..."step --model conv --batch 4 --steps 2 --repetitions 2 --json --out".split(" "),
        folder.path,
      );
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(exitCode).toBe(0);
      const parameters = 24 * 25 + 24 + 32 * 24 * 9 + 32 + 128 * 800 + 128 + 10 * 128 + 10;
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({ layers: [784, "24@5×5", "32@3×3", 128, 10], batch: 4, parameters });
      expect(result.lossDifference).toBeLessThanOrEqual(1e-4);
      // Multiplications and additions of the convolutions alone, forward, and backward for their weights.
      const forward = 2 * 4 * (24 * 24 * 24 * 25 + 10 * 10 * 32 * 24 * 9);
      expect(result.flopsPerStep).toBeGreaterThan(2 * forward);
      expect(result.flopsPerStep).toBeLessThan(4 * forward);
      expect(stderr).toContain("One training step of 784-24@5×5-32@3×3-128-10: batch 4");
    },
    3 * MINUTES,
  );

  it.each([
    [["step", "--model", "3-x"], /Expected mlp, conv, or hidden widths/],
    [["step", "--batch", "0"], /whole number from 1/],
    [["step", "--bacth", "1"], /Did you mean --batch/],
    [["stp"], /Did you mean step/],
    [[], /name a benchmark/],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stdout, stderr } = await bench(...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "bench")).toEqual([expect.stringMatching(message)]);
  });
});

describe("engines that disagree", () => {
  /** The reference, but for losses that are `factor` times as large. */
  function skewed(factor: number): Engine {
    const engine = cpu();
    const compile = engine.compile.bind(engine);
    return Object.assign(engine, {
      compile: async (...args: Parameters<Engine["compile"]>) => {
        const executable = await compile(...args);
        const run = executable.run.bind(executable);
        return Object.assign(executable, {
          run: async (count: number) => {
            const outputs = await run(count);
            return { ...outputs, loss: Float32Array.from(outputs.loss, (loss) => loss * factor) };
          },
        });
      },
    });
  }
  const options = { convolutions: false, hidden: [4], batch: 8, steps: 2, repetitions: 2, seed: 1 };

  it.each([1.0003, 0.5, Number.NaN])("by a factor of %d are not timed", async (factor) => {
    await expect(measureStep({ gpu: skewed(factor), cpu: cpu() }, options)).rejects.toThrow(
      /engines disagree.*nothing was timed/,
    );
  });

  it("are not timed where the wasm engine is the one that disagrees", async () => {
    const engines = { gpu: cpu(), wasm: skewed(1.0003), cpu: cpu() };
    await expect(measureStep(engines, options)).rejects.toThrow(/engines disagree.*nothing was timed/);
  });

  it("by rounding are", async () => {
    const result = await measureStep({ gpu: skewed(1.00001), cpu: cpu() }, options);
    expect(result.lossDifference).toBeGreaterThan(1e-6);
    expect(result.milliseconds.median).toBeGreaterThan(0);
  });
});
