/** Folded grids, and what shares workgroup memory, atomics and subgroups, on every WebGPU implementation that tests can reach. */
import { describe, expect, it } from "vitest";
import { MAX_GROUPS } from "../../src/kernels/kernel.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { REDUCE_MODES, reduce } from "../../src/kernels/reduce.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { ADAPTERS } from "../helpers/adapters.ts";
import { difference } from "../helpers/compare.ts";
import { type KernelRun, programRun, runKernel, storeTo, unused } from "../helpers/kernel-run.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";
import { uniform } from "../helpers/samples.ts";
import { reduceCases } from "./cases/reduce.ts";
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

/** Sums and positions of maxima over several lanes, each by a tree in workgroup memory, and within subgroups. */
function reductions(subgroupSize: number): KernelRun[] {
  const layouts = [
    [subgroupSize, 1],
    [2 * subgroupSize, 1],
    [2, subgroupSize / 2],
  ];
  return [REDUCE_MODES.sum, REDUCE_MODES.argmax].flatMap((MODE) => {
    const { run } =
      reduceCases.find(({ run: { constants: c } }) => c.MODE === MODE && c.CHUNK > 100) ?? reduceCases[0];
    return layouts.flatMap(([LANES, LANE_STRIDE]) =>
      [1, subgroupSize].map((SUBGROUP) => {
        const constants = { ...run.constants, LANES, LANE_STRIDE, SUBGROUP };
        return { ...run, constants: { ...constants, GROUPS_X: reduce.grid(constants)[0] } };
      }),
    );
  });
}

describe.each(Object.entries(ADAPTERS))("%s", (_place, adapter) => {
  it(
    "computes what the twins compute",
    async () => {
      const ran = await adapter(runs.map(programRun), folder.path);
      // The software adapters of tests, however they report that they are such.
      if (/llvmpipe|swiftshader/i.test(ran.adapter)) expect(ran.narrow).toBe(true);
      expect(ran.found).toHaveLength(runs.length);
      for (const [i, run] of runs.entries()) {
        const want = await runKernel(cpu(), run);
        const tolerance = { rtol: 1e-5, atol: 1e-4 };
        expect(difference(run.kernel, ran.found[i].result0, want.result0, tolerance)).toBe(undefined);
      }
      // Deno's shaders have no subgroups.
      if (ran.subgroupSize === undefined) return;
      const reducing = reductions(ran.subgroupSize);
      const { found } = await adapter(reducing.map(programRun), folder.path);
      for (let i = 0; i < reducing.length; i += 2) {
        const { kernel, constants } = reducing[i + 1];
        expect({ kernel, constants, ...found[i + 1] }).toEqual({ kernel, constants, ...found[i] });
        const want = await runKernel(cpu(), reducing[i]);
        expect(
          difference("sums and maxima", found[i].result0, want.result0, { rtol: 1e-5, atol: 1e-4 }),
        ).toBe(undefined);
      }
    },
    4 * 60_000,
  );
});
