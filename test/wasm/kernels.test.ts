/** Kernels of the wasm engine agree with their CPU twins, within the tolerance that a GPU is given, with relaxed SIMD and without. */
import { afterAll, describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { kernelsFor } from "../../src/wasm/kernels/index.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { kernelCases } from "../kernels/cases/index.ts";
import { verdictOf } from "../kernels/cases/verdict.ts";

const engines = { cpu: cpu(), relaxed: openWasm(1), plain: openWasm(1, { relaxed: false }) };
afterAll(async () => {
  await engines.relaxed.destroy();
  await engines.plain.destroy();
});

const cases = Object.entries(kernelCases);

it("has every kernel", async () => {
  const names = Object.keys(kernels);
  const dispatches = names.map((kernel) => ({ label: "", kernel, constants: {}, hooks: {}, bindings: {} }));
  expect(Object.keys(await kernelsFor({ dispatches })).sort()).toEqual(names.sort());
});

it("has relaxed SIMD to test, in Node 20 by a flag", () => {
  expect(engines.relaxed.features.relaxed).toBe(true);
});

describe.each(["relaxed", "plain"] as const)("%s", (kind) => {
  describe.each(cases)("%s", (_kernel, ofKernel) => {
    it.each(ofKernel.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
      const want = await runKernel(engines.cpu, one.run);
      expect(verdictOf(one, await runKernel(engines[kind], one.run), want).wrong).toEqual([]);
    });
  });
});
