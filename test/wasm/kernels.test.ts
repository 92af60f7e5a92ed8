/** Every kernel of the wasm engine agrees with its CPU twin, within the tolerance that a GPU is given. */
import { afterAll, describe, expect, it } from "vitest";
import { cpu } from "../../src/runtime/cpu.ts";
import { wasm } from "../../src/wasm/index.ts";
import { wasmKernels } from "../../src/wasm/kernels/index.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { kernelCases } from "../kernels/cases/index.ts";
import { verdictOf } from "../kernels/cases/verdict.ts";

const engines = { cpu: cpu(), wasm: wasm() };
afterAll(async () => {
  await engines.wasm.destroy();
});

const cases = Object.entries(kernelCases).filter(([kernel]) => kernel in wasmKernels);

describe.each(cases)("%s", (_kernel, ofKernel) => {
  it.each(ofKernel.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const want = await runKernel(engines.cpu, one.run);
    expect(verdictOf(one, await runKernel(engines.wasm, one.run), want).wrong).toEqual([]);
  });
});
