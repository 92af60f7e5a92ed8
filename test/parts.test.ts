/** The parts of one's own in docs/training.md, taken from the page: their types are right, and a model trains with them. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FitRun, Initializer, LossFunction, Optimizer, ScheduleFunction } from "../src/index.ts";
import { compile, cpu, createTrainer, dense, init, sum } from "../src/index.ts";
import { installed, ROOT, runNode } from "./helpers/programs.ts";

let folder = "";
let page: {
  logCosh: LossFunction;
  restarts: ScheduleFunction;
  sparse: Initializer;
  run: FitRun;
  signum(rate: number): Optimizer;
};

beforeAll(async () => {
  const text = await readFile(join(ROOT, "docs/training.md"), "utf8");
  const [, section = ""] = /^## Parts of one's own$(.*?)^## /ms.exec(text) ?? [];
  const blocks = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(blocks).toHaveLength(5);
  // Inside of the repository, so that the compiler finds what the repository has installed.
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, ".cache", "parts-"));
  const file = join(folder, "parts.ts");
  await writeFile(file, `${blocks.join("\n")}\nexport { logCosh, restarts, run, signum, sparse };\n`);
  page = await import(/* @vite-ignore */ pathToFileURL(file).href);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the parts of one's own in docs/training.md", () => {
  it("have no type error", async () => {
    const config = join(folder, "tsconfig.json");
    const include = ["parts.ts", join(ROOT, "src/wgsl.d.ts")];
    await writeFile(config, JSON.stringify({ extends: join(ROOT, "tsconfig.json"), include }));
    await runNode([installed("typescript/bin/tsc"), "-p", config], { timeoutMs: 60_000 });
  });

  it("train a model together, until the callback has seen enough", () => {
    const { history, stoppedBy } = page.run;
    expect(stoppedBy).toBeDefined();
    const last = history[history.length - 1];
    expect(last?.validation?.loss).toBeLessThan(0.02);
    expect(history[0]?.validation?.loss).toBeGreaterThan(0.2);
    expect(last?.validation?.metrics?.farOff).toBeLessThan(Number(history[0]?.validation?.metrics?.farOff));
  });

  it("compute what they say", async () => {
    const loss = await compile(cpu(), { x: [3], t: [3] }, ({ x, t }) => ({ y: page.logCosh(x, t) }));
    const { y } = await loss({ x: Float32Array.of(0.5, -2, 20), t: Float32Array.of(0, 1, 0) });
    const expected = [0.5, -3, 20].reduce((sum, d) => sum + Math.log(Math.cosh(d)), 0) / 3;
    expect(y[0]).toBeCloseTo(expected, 5);
    const moment = { step: 0, total: 40, stepsPerEpoch: 10, history: [] };
    expect([0, 10, 19, 20, 30].map((step) => page.restarts(step, { ...moment, step }))).toEqual([
      1,
      expect.closeTo(0.5, 12),
      expect.closeTo(0.5 * (1 + Math.cos(Math.PI * 0.95)), 12),
      1,
      expect.closeTo(0.5, 12),
    ]);
    const values = page.sparse([6, 4], { seed: 1, stream: 2 });
    expect(values.filter((value) => value === 0)).toHaveLength(16);
    expect(page.sparse([6, 4], { seed: 1, stream: 2 })).toEqual(values);
    const model = dense(1, { bias: false, init: init.constantValue(1) });
    const trainer = createTrainer(cpu(), model, { inputShape: [2], optimizer: page.signum(0.25) });
    const step = await trainer.compile(({ x }, model) => ({ minimize: sum(model(x)) }), {
      inputs: { x: [1, 2] },
    });
    await step.run({ x: Float32Array.of(2, -3) });
    expect([...(await trainer.weights()).weight.data]).toEqual([0.75, 1.25]);
  });
});
