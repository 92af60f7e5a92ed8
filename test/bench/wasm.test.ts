/** Benchmarks of the wasm engine: its kernels against the processor's peak, and commands that take `--engine wasm`. */
import { readdir } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { type Engine, matmul, type Tensor } from "wgrad";
import { measureWasmCeiling } from "../../bench/ceiling/wasm.ts";
import { measureKernels } from "../../bench/kernels.ts";
import { openWasm } from "../../presets/command.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const MINUTE = 60_000;
const bench = (...args: string[]) => runScript("bench/main.ts", args);

describe("the processor's peak", () => {
  it("is measured on each number of threads", { timeout: MINUTE }, async () => {
    for (const threads of [1, 2]) {
      const { flops, bytes } = await measureWasmCeiling(threads);
      // Slower than any processor with SIMD, or faster than any core there is.
      expect(flops).toBeGreaterThan(1e8);
      expect(flops).toBeLessThan(threads * 1e12);
      expect(bytes).toBeGreaterThan(1e7);
    }
  });
});

describe("kernels on the wasm engine", () => {
  let engine: Engine | undefined;
  afterAll(() => engine?.destroy());

  it("are held against the CPU engine, and measured", { timeout: MINUTE }, async () => {
    engine = await openWasm(1);
    const small = {
      kernel: "matmul",
      shape: "NN 24 × 20 · 20 × 28",
      inputs: { a: [24, 20], b: [20, 28] },
      body: ({ a, b }: Readonly<Record<string, Tensor>>) => matmul(a, b),
    };
    const found = await measureKernels(engine, { repetitions: 3, limit: 5, threads: 1 }, [small]);
    expect(found.failures).toEqual([]);
    expect(found.adapter).toMatch(/^WebAssembly.* 1 thread$/);
    expect(found.kernels.map(({ kernel }) => kernel)).toEqual(["matmul", "adam"]);
    const [{ difference, share }] = found.kernels;
    expect(difference).toBeLessThanOrEqual(1e-4);
    expect(share).toBeGreaterThan(0);
  });
});

describe("npm run bench", () => {
  it("epoch --engine wasm trains on it, into files of its own", { timeout: 2 * MINUTE }, async () => {
    const args = "epoch --engine wasm --threads 2 --dataset digits --count 600 --epochs 1 --json --out";
    const { exitCode, stdout } = await bench(...args.split(" "), folder.path);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).adapter).toMatch(/^WebAssembly.* 2 threads$/);
    expect((await readdir(folder.path)).sort()).toEqual([
      "epoch-mlp-digits-wasm.json",
      "epoch-mlp-digits-wasm.svg",
    ]);
  });

  it("profile --engine wasm times launches by the processor's clock", { timeout: 2 * MINUTE }, async () => {
    const args = "profile --engine wasm --threads 1 --model 8 --batch 4 --json --out".split(" ");
    const { exitCode, stdout, stderr } = await bench(...args, folder.path);
    expect(exitCode).toBe(0);
    const { profile } = JSON.parse(stdout);
    expect(profile.method).toBe("clock");
    expect(profile.milliseconds.flat().every((time: number) => time >= 0)).toBe(true);
    expect(stderr).toMatch(/by the processor's clock; [\d.]+ ms in all/);
  });

  it.each([
    [["kernels", "--threads", "2"], /^bench: --threads does nothing without --engine wasm$/],
    [["step", "--only-gpu", "--threads", "2"], /--threads <n>.*cannot be used with.*--only-gpu/],
    [["profile", "--engine", "cpu"], /Allowed choices are gpu, wasm/],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stdout, stderr } = await bench(...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "bench")).toEqual([expect.stringMatching(message)]);
  });
});
