/** `bench kernels` on small cases, its refusal of wrong results, and the profile of a step. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile, connect, cpu, type GpuEngine, matmul, mul, sum } from "wgrad";
import { product, type Values } from "../../bench/kernels/cases.ts";
import { measureKernels } from "../../bench/kernels.ts";
import { withOutput } from "../../bench/results.ts";
import { runScript } from "../helpers/command.ts";

const MINUTE = 60_000;
let engine: GpuEngine;
beforeAll(async () => {
  engine = await connect();
});
afterAll(() => engine?.destroy());

const quick = { repetitions: 3, limit: 5 };
const small = {
  kernel: "matmul",
  shape: "NN 24 × 20 · 20 × 28",
  inputs: { a: [24, 20], b: [20, 28] },
  body: ({ a, b }: Record<string, Parameters<typeof matmul>[0]>) => matmul(a, b),
};

describe("bench kernels", () => {
  it("measures kernels that compute what the CPU engine does", { timeout: MINUTE }, async () => {
    const { kernels } = await measureKernels(engine, quick, [small]);
    expect(kernels.map(({ kernel }) => kernel)).toEqual(["matmul", "adam"]);
    const [product] = kernels;
    expect(product.difference).toBeLessThanOrEqual(1e-4);
    expect(product.gflopsPerSecond).toBeCloseTo((2 * 24 * 20 * 28) / product.milliseconds.median / 1e6, 6);
    expect(product.share).toBeGreaterThan(0);
    expect(product.variant).toMatch(/^matmul/);
  });

  it("times nothing that is wrong", { timeout: MINUTE }, async () => {
    let traced = 0;
    // Another function for the second engine.
    const body = ({ a }: typeof inputs) => sum(mul(a, traced++ === 0 ? 1 : 1.001), 1);
    const inputs = {} as Record<string, Parameters<typeof matmul>[0]>;
    const wrong = { kernel: "reduce", shape: "8 × 8", inputs: { a: [8, 8] }, body };
    const soFar: number[] = [];
    const { kernels, failures } = await measureKernels(engine, quick, [wrong, small], (result) =>
      soFar.push(result.kernels.length),
    );
    expect(failures).toEqual([
      {
        kernel: "reduce",
        shape: "8 × 8",
        why: expect.stringMatching(/differs from the CPU engine.*nothing was timed/),
      },
    ]);
    // It goes on, and tells after each.
    expect(kernels.map(({ kernel }) => kernel)).toEqual(["matmul", "adam"]);
    expect(soFar).toEqual([0, 1, 2]);
  });

  it("checks elements of large products, and leaves out what would take too long", {
    timeout: MINUTE,
  }, async () => {
    const at = (values: Values, index: number) => {
      const [row, column] = [Math.floor(index / 28), index % 28];
      return Array.from({ length: 20 }, (_, k) => values.a[row * 20 + k] * values.b[k * 28 + column]).reduce(
        (sum, product) => sum + product,
      );
    };
    const right = { ...small, large: { flops: 2 * 24 * 20 * 28, element: at } };
    const wrong = { ...small, large: { ...right.large, element: (v: Values, i: number) => at(v, i) + 0.01 } };
    const endless = { ...small, shape: "endless", large: { ...right.large, flops: 1e20 } };
    const { kernels, failures, leftOut } = await measureKernels(engine, quick, [right, wrong, endless]);
    expect(kernels[0].difference).toBeGreaterThan(0);
    expect(kernels[0].difference).toBeLessThan(1e-6);
    expect(failures.map(({ why }) => why)).toEqual([expect.stringMatching(/^differs from f64 by 0.00/)]);
    expect(leftOut.map(({ shape }) => shape)).toEqual(["endless"]);
  });

  it("computes elements of its own products as the CPU engine does", async () => {
    expect(product(7, 5, 3, "NN").large).toBe(undefined);
    for (const layout of ["NN", "NT", "TN"] as const) {
      const one = product(31, 1000, 17_000, layout);
      const values = Object.fromEntries(
        Object.entries(one.inputs).map(([name, shape]) => [
          name,
          Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i)),
        ]),
      );
      const { step } = await compile(cpu(), one.inputs, (inputs) => ({ result: one.body(inputs) }));
      const { result } = await step.run(values);
      for (const index of [0, 1, 999, 1000, 30_999])
        expect(one.large?.element(values, index)).toBeCloseTo(result[index], 2);
    }
  });
});

describe("bench step --profile", () => {
  it("prints the time of each launch, and writes a trace", { timeout: 2 * MINUTE }, async () => {
    const out = await mkdtemp(join(tmpdir(), "wgrad-bench-"));
    try {
      const args = `step --model 12 --batch 8 --steps 2 --repetitions 2 --profile --out ${out}`.split(" ");
      const { exitCode, stdout } = await runScript("bench/main.ts", args);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^# +kernel .* ms +GFLOP\/s +GB\/s +share$/m);
      const launches = [...stdout.matchAll(/^(\d+) .* \d+ %$/gm)].length;
      const { profile, dispatchesPerStep } = JSON.parse(await readFile(join(out, "step-12-8.json"), "utf8"));
      expect(launches).toBe(dispatchesPerStep);
      expect(profile.milliseconds).toHaveLength(launches);
      const { traceEvents } = JSON.parse(await readFile(join(out, "step-12-8-trace.json"), "utf8"));
      expect(traceEvents.filter(({ ph }: { ph: string }) => ph === "X")).toHaveLength(launches);
    } finally {
      await rm(out, { recursive: true });
    }
  });
});

describe("bench results", () => {
  const page = [
    "`npm run bench -- a --b`",
    "",
    "```text",
    "old",
    "```",
    "",
    "`npm run bench -- a`",
    "",
    "```text",
    "```",
  ];

  it("puts what a command printed below it, and below no other", () => {
    const written = withOutput(page.join("\n"), "a --b", "new\n$1\n");
    expect(written).toBe(page.join("\n").replace("old", () => "new\n$1"));
  });
});

describe("bench/RESULTS.md", () => {
  it("has for each command what it printed, and charts that are there", async () => {
    const text = await readFile(new URL("../../bench/RESULTS.md", import.meta.url), "utf8");
    const entries = [...text.matchAll(/^`npm run bench -- (.+)`\n\n```text\n([\s\S]*?)^```$/gm)];
    expect(entries.length).toBeGreaterThan(10);
    // Every table ends with the machine.
    expect(entries.filter(([, , output]) => !/, Node v\d.*, wgrad \d/.test(output))).toEqual([]);
    const charts = [...text.matchAll(/!\[[^\]]+\]\((results\/[^)]+\.svg)\)/g)].map(([, path]) => path);
    expect(charts.length).toBeGreaterThan(8);
    for (const path of charts) {
      const svg = await readFile(new URL(`../../bench/${path}`, import.meta.url), "utf8");
      expect(svg).toMatch(/^<svg/);
    }
  });
});
