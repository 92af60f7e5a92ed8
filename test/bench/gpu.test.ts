/** `bench gpu`: how it keeps its time whatever becomes of its parts, what it tells of them, and its plan. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runLines } from "../../bench/child.ts";
import { figuresOf } from "../../bench/gpu/figures.ts";
import { type Measured, measureAll, type RunResult } from "../../bench/gpu/measure.ts";
import { allotment, PART_NAMES, partsFor } from "../../bench/gpu/plan.ts";
import { disagrees, partObject, problemOf, summaryObject, summaryText } from "../../bench/gpu/summary.ts";
import { machine } from "../../bench/measure.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const program = [process.execPath, fileURLToPath(new URL("fake-bench.mjs", import.meta.url))];
const folder = useTemporaryFolder();

/** One part a fate: "hangs/2" has a weight of 2. */
function planOf(...fates: string[]) {
  return fates.map((text) => {
    const [command, weight = "1"] = text.split("/");
    return {
      name: command,
      title: `What ${command}`,
      runs: [{ command: command.split(" "), weight: Number(weight) }],
    };
  });
}

const device = { command: ["device"], weight: 1 };
const measure = (fates: string[], seconds: number, signal?: AbortSignal) =>
  measureAll({ program, device, parts: planOf(...fates), seconds, signal });
const runsOf = ({ parts }: Measured) => parts.flatMap(({ runs }) => runs);

describe("the parts of a measurement", () => {
  it("end each on its own: those that fail, crash or hang take no other with them", async () => {
    // A second that a loaded machine cannot start Node in would be no time: the others have minutes.
    const measured = await measure(["fails/9", "crashes/9", "lacks/9", "hangs/1", "good/9"], 120);
    expect(runsOf(measured).map(({ status, words }) => [status, words])).toEqual([
      ["failed", "the reason of it (exit code 1)"],
      ["failed", expect.stringContaining("(SIGKILL)")],
      ["not here", "the reason of it (exit code 3)"],
      ["cut off", expect.stringMatching(/^stopped after \d/)],
      ["done", undefined],
    ]);
    // What each told until then is kept.
    expect(runsOf(measured).map(({ report }) => report?.cases)).toEqual([1, 1, 1, 1, 2]);
    const [hung, good] = runsOf(measured).slice(-2);
    expect(hung.seconds).toBeGreaterThanOrEqual(hung.limit);
    expect(good.report).toMatchObject({ arguments: ["--json-lines"], partial: false });
    expect(measured.device).toMatchObject({ status: "done", report: { adapter: "fake" } });
  });

  it("share the time by their weights, and leave what they do not need to those behind", async () => {
    expect(allotment(100, [1, 1, 2])).toBeCloseTo(37.5);
    expect(allotment(100, [1])).toBe(100);
    expect(allotment(100, [9, 1])).toBe(100);
    expect(allotment(-5, [1, 1])).toBe(0);
    const began = performance.now();
    const measured = await measure(["hangs", "hangs", "hangs"], 8);
    expect(measured.parts.every(({ runs }) => runs[0].status !== "done")).toBe(true);
    const limits = runsOf(measured).map(({ limit }) => limit);
    expect(limits[0]).toBeLessThan(5);
    // The whole keeps its time, but for what ending a process takes on a loaded machine.
    expect((performance.now() - began) / 1000).toBeLessThan(30);
    const quick = await measure(["good", "good"], 80);
    expect(runsOf(quick)[1].limit).toBeGreaterThan(runsOf(quick)[0].limit);
  });

  it("do not begin where no time is left", async () => {
    const measured = await measure(["good", "good"], 0.5);
    expect(runsOf(measured).map(({ status, words }) => [status, words])).toEqual([
      ["not begun", "no time left"],
      ["not begun", "no time left"],
    ]);
  });

  it("are stopped by a signal, and those behind do not begin", async () => {
    const stopping = new AbortController();
    const measured = await measureAll({
      program,
      device,
      parts: planOf("good", "hangs", "good"),
      seconds: 600,
      signal: stopping.signal,
      onChange: (soFar) => {
        if (runsOf(soFar)[1].report) stopping.abort("stopped by SIGTERM");
      },
    });
    expect(runsOf(measured).map(({ status, words }) => [status, words])).toEqual([
      ["done", undefined],
      ["cut off", "stopped by SIGTERM"],
      ["not begun", "stopped by SIGTERM"],
    ]);
  });

  it("tell whenever there is more", async () => {
    const told: string[] = [];
    const onChange = (soFar: Measured) => {
      const [run] = runsOf(soFar);
      told.push(`${run.status} ${run.report?.cases ?? "–"}`);
    };
    await measureAll({ program, device, parts: planOf("good"), seconds: 600, onChange });
    expect([...new Set(told)]).toEqual(["waiting –", "running –", "running 1", "running 2", "done 2"]);
  });

  it("have the environment that is asked for", async () => {
    const parts = planOf("environment SAMPLE");
    const measured = await measureAll({ program, device, parts, seconds: 600, env: { SAMPLE: "here" } });
    expect(runsOf(measured)[0].report?.value).toBe("here");
  });
});

describe("a program that is run for its lines", () => {
  /** Whether a process runs: a dead one may wait for somebody to look after it. */
  const alive = (pid: string) =>
    /^[^Z\s]/.test(spawnSync("ps", ["-o", "stat=", "-p", pid]).stdout.toString());

  it.each(["ends", "hangs"])("leaves none of its own processes behind where it %s", async (how) => {
    const file = join(folder.path, how);
    const lines: unknown[] = [];
    const command = [...program, "leaves", file, how];
    const ending = await runLines(command, {
      seconds: how === "hangs" ? 4 : 600,
      onLine: (line) => lines.push(line),
    });
    expect(ending.how).toBe(how === "hangs" ? "stopped" : "done");
    expect(lines.length).toBe(how === "hangs" ? 1 : 2);
    await expect.poll(async () => alive(await readFile(file, "utf8"))).toBe(false);
  });

  it("fails in words where it cannot be started", async () => {
    const ending = await runLines(["/nowhere/program"], { onLine: () => {} });
    expect(ending).toMatchObject({ how: "failed", words: expect.stringContaining("cannot be started") });
  });
});

describe("the plan", () => {
  it("has every part, the most telling first, with what it trains on", () => {
    const parts = partsFor("mnist");
    expect(parts.map(({ name }) => name)).toEqual(PART_NAMES);
    expect(PART_NAMES[0]).toBe("verify");
    const commands = parts.flatMap(({ runs }) => runs.map(({ command }) => command.join(" ")));
    expect(new Set(commands).size).toBe(commands.length);
    expect(commands.filter((command) => command.startsWith("epoch"))).toEqual(
      ["convnet", "mlp"].map((model) => `epoch --dataset mnist --model ${model} --repetitions 5`),
    );
    expect(JSON.stringify(partsFor("digits"))).not.toContain("mnist");
  });
});

describe("the command", () => {
  it.each([
    [["--parts", "verify,nothing"], "Expected names out of verify, kernels, train"],
    [["--minutes", "0"], "Expected minutes, above 0"],
    [["--minutes", "1e9"], "Expected minutes, above 0"],
  ])("refuses %j before anything runs", async (args, message) => {
    const { exitCode, stderr } = await runScript("bench/main.ts", [
      "gpu",
      "--out",
      join(folder.path, "none"),
      ...args,
    ]);
    expect(exitCode).toBe(2);
    expect(ownLines(stderr, "bench")).toEqual([expect.stringContaining(message)]);
    await expect(readFile(join(folder.path, "none", "summary.json"))).rejects.toThrow();
  });
});

describe("the summary", () => {
  const origin = {
    machine: machine(),
    command: "./bench gpu",
    began: "2026-01-01T00:00:00.000Z",
    minutes: 6,
    remarks: ["MNIST lies in /data."],
  };
  const run = (command: string, report: object, status: RunResult["status"] = "done"): RunResult => ({
    command: command.split(" "),
    status,
    seconds: 1.25,
    limit: 10,
    words: status === "done" ? undefined : "the reason",
    report: {
      benchmark: command.split(" ")[0],
      adapter: "Fast GPU",
      command,
      partial: false,
      text: [`text of ${command}`],
      ...report,
    },
  });
  const trace = (name: string) =>
    JSON.stringify({
      traceEvents: [
        { name: "process_name", ph: "M", pid: 1, args: { name: "wgrad" } },
        { name, ph: "X", pid: 1, tid: 1, ts: 0, dur: 5 },
      ],
    });
  const points = (accuracy: number, seconds: number) => ({
    points: [
      { accuracy: 0.5, seconds: 0.1 },
      { accuracy, seconds },
    ],
  });
  const measured: Measured = {
    device: run("device", { ceiling: { flops: 10e12 } }),
    parts: [
      {
        name: "verify",
        title: "Kernels",
        runs: [run("verify", { total: 20, done: 12, failures: [{ kernel: "matmul" }] }, "cut off")],
      },
      {
        name: "kernels",
        title: "Shares",
        runs: [
          run("kernels", {
            kernels: [
              { kernel: "matmul", shape: "NN 4096 × 4096 · 4096 × 4096", share: 0.75 },
              { kernel: "matmul", shape: "NT 4096 × 4096 · 4096 × 4096", share: 0.5 },
            ],
          }),
        ],
      },
      {
        name: "train",
        title: "Training",
        runs: [
          run("step --model conv", { layers: [784, 10], batch: 250, msPerStep: 0.5, flopsPerStep: 2e9 }),
          run("epoch", {
            model: "convnet",
            dataset: "mnist",
            runs: [points(0.99, 0.5), points(0.988, 0.7)],
            targets: [
              { accuracy: 99, reached: 1, seconds: { median: 0.5 } },
              { accuracy: 98, reached: 0 },
            ],
          }),
        ],
      },
      {
        name: "torch",
        title: "PyTorch",
        runs: [
          run("torch", {
            what: "A step",
            rows: [
              { name: "wgrad", ratio: 1 },
              { name: "PyTorch", ratio: 2.5 },
            ],
          }),
        ],
      },
      {
        name: "profile",
        title: "Launches",
        runs: ["a", "b"].map((name) => run(`profile ${name}`, { files: { "-trace.json": trace(name) } })),
      },
    ],
  };

  it("has the figures that one asks for first", () => {
    expect(Object.fromEntries(figuresOf(measured).map(({ name, text }) => [name, text]))).toEqual({
      "kernels that disagree with their twins": "1 of 12 tried, of 20 in all",
      "product 4096, share of the measured peak": "75.0 %",
      "step of 784-10, batch 250, ms": "0.500",
      // 2 GFLOP in half a millisecond are 4 TFLOP/s.
      "step of 784-10, batch 250, share of the measured peak": "40.0 %",
      "convnet on mnist, mean accuracy in the end": "98.90 % of 2 seeds",
      "convnet on mnist, mean seconds of training": "0.600",
      "convnet on mnist, seconds to 99 %": "0.500 (1 of 2 seeds)",
      "A step: PyTorch, times wgrad's time": "2.50",
    });
  });

  it("tells the device, the parts with their states, and every report", () => {
    const text = summaryText(measured, origin);
    expect(text).toContain("# wgrad on Fast GPU");
    expect(text).toContain("MNIST lies in /data.");
    expect(text).toMatch(/^verify +verify +cut off +1\.3 +10\.0$/m);
    expect(text).toContain("`verify`: cut off in 1.3 s: the reason");
    for (const { runs } of measured.parts)
      for (const { command } of runs) expect(text).toContain(`text of ${command.join(" ")}`);
    const object = summaryObject(measured, origin);
    expect(object).toMatchObject({
      adapter: "Fast GPU",
      softwareAdapter: false,
      disagrees: true,
      minutes: 6,
    });
    expect(object.parts.map(({ status }) => status)).toEqual(["cut off", "done", "done", "done", "done"]);
    expect(object.figures["product 4096, share of the measured peak"]).toBe(0.75);
  });

  it("says so where kernels disagree, and only there", () => {
    expect(disagrees(measured)).toBe(true);
    const right = [{ name: "verify", title: "", runs: [run("verify", { failures: [] })] }];
    expect(disagrees({ ...measured, parts: right })).toBe(false);
    expect(problemOf(measured, "stopped by SIGTERM")).toContain("kernels disagree with their twins");
    expect(problemOf({ ...measured, parts: right })).toBe(undefined);
    expect(problemOf({ ...measured, parts: right }, "stopped by SIGTERM")).toBe("stopped by SIGTERM");
    const none = [{ ...right[0], runs: [{ ...right[0].runs[0], report: undefined }] }];
    const device = { ...measured.device, words: "there is no adapter" };
    expect(problemOf({ device, parts: none })).toBe("nothing was measured: there is no adapter");
  });

  it("keeps all traces of a part as one", () => {
    const object = partObject(measured.parts[4], origin) as { traceEvents?: Record<string, unknown>[] };
    expect(object.traceEvents?.map(({ name, pid }) => [name, pid])).toEqual([
      ["process_name", 1],
      ["a", 1],
      ["process_name", 2],
      ["b", 2],
    ]);
    expect(object.traceEvents?.[2]).toMatchObject({ args: { name: "profile b" } });
    expect(partObject(measured.parts[0], origin)).not.toHaveProperty("traceEvents");
  });
});
