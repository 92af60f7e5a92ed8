/** `bench torch`, with a program that stands in for Python and PyTorch, and what it says where there is none. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Python, startFirst } from "../../bench/python.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const fake = fileURLToPath(new URL("fake-python.mjs", import.meta.url));
/** Programs to be called as Python is. */
const pythons: Record<string, string> = {};

beforeAll(async () => {
  for (const how of ["right", "wrong", "without", "broken"]) {
    pythons[how] = join(folder.path, how);
    await writeFile(pythons[how], `#!/bin/sh\nexec '${process.execPath}' '${fake}' ${how} "$@"\n`);
    await chmod(pythons[how], 0o755);
  }
});

const torch = (how: string, ...args: string[]) =>
  runScript("bench/main.ts", ["torch", "--python", pythons[how] ?? how, "--out", folder.path, ...args]);

describe("npm run bench -- torch", () => {
  it("times a step on both, after holding the losses of both against each other", async () => {
    const { exitCode, stdout, stderr } = await torch(
      "right",
      ..."--model 5-4 --batch 6 --steps 3 --repetitions 2 --json".split(" "),
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(exitCode).toBe(0);
    const { rows, difference, pytorch, layers, count, ceiling, adapter } = JSON.parse(stdout);
    expect(layers).toEqual([784, 5, 4, 10]);
    expect(count).toBe(3);
    expect(pytorch).toMatchObject({ torch: "9.9", device: "cpu" });
    expect(difference).toBeLessThan(1e-5);
    const [wgrad, eager] = rows;
    // PyTorch has the processor alone here: wgrad takes as many threads of it.
    expect(adapter).toMatch(/^WebAssembly.*1 thread$/);
    expect(wgrad).toMatchObject({ name: "wgrad, wasm, 1 thread", ratio: 1 });
    expect(wgrad.milliseconds.lowest).toBeGreaterThan(0);
    expect(eager.name).toBe("PyTorch, cpu");
    expect(eager.milliseconds.median).toBeCloseTo(2, 9);
    expect(eager.ratio / (2 / wgrad.milliseconds.median)).toBeCloseTo(1, 9);
    expect(stderr).toContain("One training step of 784-5-4-10, batch 6");
    expect(stderr).toMatch(/^PyTorch, cpu +2\.00 .* \d+ %$/m);
    expect(stderr).toMatch(/^The ceiling, loops of WebAssembly on 1 thread: [\d.]+ GFLOP\/s/m);
    const { gflops, share } = wgrad;
    expect(share / ((gflops * 1e9) / ceiling.flops)).toBeCloseTo(1, 9);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
  });

  it("gives both as many threads as asked for", async () => {
    const args = "--model 5 --batch 6 --steps 2 --repetitions 2 --threads 3 --json".split(" ");
    const { exitCode, stdout } = await torch("right", ...args);
    expect(exitCode).toBe(0);
    const { rows, pytorch } = JSON.parse(stdout);
    expect(pytorch.threads).toBe(3);
    expect(rows[0].name).toBe("wgrad, wasm, 3 threads");
  });

  it("takes the GPU engine where that is asked for, and has no ceiling then", async () => {
    const args = "--engine gpu --model 5 --batch 6 --steps 2 --repetitions 2 --json".split(" ");
    const { exitCode, stdout } = await torch("right", ...args);
    expect(exitCode).toBe(0);
    const { rows, ceiling } = JSON.parse(stdout);
    expect(rows[0]).toMatchObject({ name: "wgrad", ratio: 1 });
    expect(ceiling).toBeUndefined();
  });

  it("times a product of matrices", async () => {
    const { exitCode, stdout, stderr } = await torch(
      "right",
      ..."--matmul 37 --steps 20 --repetitions 2 --json".split(" "),
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(exitCode).toBe(0);
    const { rows, difference, size } = JSON.parse(stdout);
    expect(size).toBe(37);
    // The fake sums in 64 bits: the difference is rounding, and there.
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(1e-5);
    expect(rows[1].milliseconds.median).toBeCloseTo(3, 9);
    expect(rows[1].gflops).toBeCloseTo((2 * 37 ** 3) / 3e6, 9);
  });

  it.each([
    [["--model", "4", "--batch", "4"], /engines disagree by 0\.0099\d* in the losses .*nothing was timed/],
    [["--matmul", "8"], /products disagree by 0\.0099\d* .*nothing was timed/],
  ])("times nothing where the results differ: %j", async (args, message) => {
    const { exitCode, stdout, stderr } = await torch("wrong", ...args);
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "bench")).toEqual([expect.stringMatching(message)]);
  });

  it("times the modes that run, and tells why others do not", async () => {
    const args = "--model 4 --batch 4 --steps 2 --repetitions 2 --json".split(" ");
    const { exitCode, stdout, stderr } = await torch("right", "--modes", "compile,eager", ...args);
    expect(exitCode).toBe(0);
    const { rows, failures } = JSON.parse(stdout);
    expect(rows.map(({ name }: { name: string }) => name)).toEqual(["wgrad, wasm, 1 thread", "PyTorch, cpu"]);
    expect(failures).toEqual([
      { name: "PyTorch, torch.compile, cpu", why: expect.stringContaining("this fake knows no compile") },
    ]);
    expect(stderr).toMatch(/^PyTorch, torch\.compile, cpu fails: .*no compile/m);
    const none = await torch("right", "--modes", "graph", ...args);
    expect(none.exitCode).toBe(3);
    expect(ownLines(none.stderr, "bench")).toEqual([
      expect.stringContaining("PyTorch 9.9 has no graph here, but eager, compile"),
    ]);
  });

  it("tells its rows after each turn", async () => {
    const args = "--model 4 --batch 4 --steps 2 --repetitions 2 --json-lines".split(" ");
    const { exitCode, stdout } = await torch("right", "--modes", "eager", ...args);
    expect(exitCode).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ partial, repetitions, rows }) => [partial, repetitions, rows.length])).toEqual([
      [true, 1, 2],
      [true, 2, 2],
      [false, 2, 2],
    ]);
  });

  it.each([
    ["without", "No module named 'torch'"],
    ["/nowhere/python3", "cannot be started"],
  ])("says what is missing: %s", async (how, reason) => {
    const { exitCode, stdout, stderr } = await torch(how);
    expect(exitCode).toBe(3);
    expect(stdout).toBe("");
    const [line, ...others] = ownLines(stderr, "bench");
    expect(others).toEqual([]);
    expect(line).toContain("no Python with PyTorch here");
    expect(line).toContain(reason);
    expect(line).toContain("--python");
  });
});

describe("a process that answers requests", () => {
  const started: Python[] = [];
  afterAll(() => {
    for (const python of started) python.close();
  });
  const start = async (...hows: string[]) => {
    const { python, greeting } = await startFirst(
      hows.map((how) => pythons[how]),
      "script.py",
    );
    started.push(python);
    return { python, greeting };
  };

  it("is the first program that can run the script", async () => {
    const { python, greeting } = await start("without", "right");
    expect(python.path).toBe(pythons.right);
    expect(greeting).toMatchObject({ torch: "9.9" });
  });

  it("answers in turn, and lives on after an error", async () => {
    const { python } = await start("right");
    const answers = [1, 2, 3].map((count) => python.request({ op: "steps", count }));
    expect(await Promise.all(answers)).toEqual([0.002, 0.004, 0.006].map((seconds) => ({ seconds })));
    await expect(python.request({ op: "dance" })).rejects.toThrow(/right: .*there is no op 'dance'/);
    expect(await python.request({ op: "steps", count: 5 })).toEqual({ seconds: 0.01 });
  });

  it("tells of its death to all who wait, and who ask later", async () => {
    const { python } = await start("broken");
    const both = await Promise.allSettled([1, 2].map((count) => python.request({ op: "steps", count })));
    for (const result of both) {
      expect(String((result as PromiseRejectedResult).reason)).toMatch(
        /ended with 1: Segmentation fault of the fake/,
      );
    }
    await expect(python.request({ op: "steps" })).rejects.toThrow(/ended with 1/);
  });
});
