/** Folded grids, and what shares workgroup memory and atomics, on every WebGPU implementation that tests can reach. */
import { describe, expect, it } from "vitest";
import { MAX_GROUPS } from "../../src/kernels/kernel.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { ADAPTERS } from "../helpers/adapters.ts";
import { difference } from "../helpers/compare.ts";
import { type KernelRun, programRun, runKernel, storeTo, unused } from "../helpers/kernel-run.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";
import { uniform } from "../helpers/samples.ts";
import { scatterRowsCases } from "./cases/scatterRows.ts";

needsBuild();
const folder = useTemporaryFolder();

/** One workgroup a matrix, along z. */
const batch = MAX_GROUPS + 5;
const products: KernelRun = {
  kernel: "matmul",
  constants: matmulConstants({
    batch,
    m: 1,
    n: 1,
    k: 1,
    transposeA: false,
    transposeB: false,
    batchedA: true,
    batchedB: true,
  }),
  hooks: { store: storeTo("result0"), storeSum: unused },
  reads: { a: uniform([batch]).data, b: uniform([batch]).data },
  results: { result0: { length: batch } },
};
const runs = [products, ...scatterRowsCases.map(({ run }) => run)];

describe.each(Object.entries(ADAPTERS))("%s", (_place, adapter) => {
  it(
    "computes what the twins compute",
    async () => {
      const { adapter: name, narrow, found } = await adapter(runs.map(programRun), folder.path);
      // The software adapters of tests, however they report that they are such.
      if (/llvmpipe|swiftshader/i.test(name)) expect(narrow).toBe(true);
      expect(found).toHaveLength(runs.length);
      for (const [i, run] of runs.entries()) {
        const want = await runKernel(cpu(), run);
        const tolerance = { rtol: 1e-5, atol: 1e-4 };
        expect(difference(run.kernel, found[i].result0, want.result0, tolerance)).toBe(undefined);
      }
    },
    4 * 60_000,
  );
});
