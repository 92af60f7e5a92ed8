/** Every kernel agrees with its CPU twin: the same program from the same data, on both engines. */
import { describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import { difference } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { GUARD, runKernel } from "../helpers/kernel-run.ts";
import { kernelCases as cases } from "./cases/index.ts";

const engines = useEngines();

describe.each(Object.entries(cases))("%s", (_kernel, ofKernel) => {
  it.each(ofKernel.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const { run, tolerance, padding = [], unchanged = false } = one;
    const want = await runKernel(engines.cpu, run);
    if ((run.constants.LANES ?? 1) > 1 && !engines.gpu.device.features.has("subgroups")) {
      await expect(runKernel(engines.gpu, run)).rejects.toThrow(/subgroups/);
      return;
    }
    const got = await runKernel(engines.gpu, run);
    for (const name of Object.keys({ ...run.updates, ...run.results })) {
      expect(difference(name, got[name], want[name], tolerance)).toBe(undefined);
      // Twins that do nothing would agree as well. A single index or count may be zero, though.
      const idle = want[name].every((value, i) => value === (run.updates?.[name][i] ?? 0));
      if (want[name].length > GUARD + 10) expect({ name, idle }).toEqual({ name, idle: unchanged });
    }
    for (const name of Object.keys(run.updates ?? {})) {
      for (const memory of [got[name], want[name]]) {
        expect(padding.filter((i) => memory[i] !== 0)).toEqual([]);
      }
    }
  });
});

it.each(["matmul", "convForward", "convInputGradient", "convWeightGradient"])(
  "the cases of %s reach the smallest tile and the largest",
  (kernel) => {
    const tiles = cases[kernel].map(({ run: { constants } }) => constants.TILE_M * constants.TILE_N);
    expect([Math.min(...tiles), Math.max(...tiles)]).toEqual([1, 128]);
  },
);

it("every kernel has cases", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(kernels).sort());
  expect(Object.entries(cases).filter(([, ofKernel]) => ofKernel.length === 0)).toEqual([]);
});
