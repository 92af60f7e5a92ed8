/** The ways to compute a dispatch: all give the same to the bit, so that choosing by time never changes a result. */
import { describe, expect, it } from "vitest";
import type { DeviceTraits } from "../../src/kernels/kernel.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import type { Dispatch } from "../../src/program.ts";
import { useEngines } from "../helpers/engines.ts";
import { type KernelRun, runKernel } from "../helpers/kernel-run.ts";
import type { KernelCase } from "./cases/case.ts";
import { imageCases } from "./cases/images.ts";
import { matmulCases } from "./cases/matmul.ts";

const engines = useEngines();

const wide: DeviceTraits = { subgroupSize: 32, workgroupBytes: 16384, workgroupInvocations: 256 };
const narrow: DeviceTraits = { ...wide, narrow: true, subgroupSize: 8 };

function ways({ kernel, constants }: KernelRun, traits: DeviceTraits): Dispatch[] {
  return variantsOf({ label: "", kernel, constants, hooks: {}, bindings: {} }, traits);
}

/** Sums of several hundred products, in sizes that fill no block. */
const cases: readonly (readonly [string, KernelCase])[] = [
  ["matmul NN", named(matmulCases, "NN 65 × 17 · 17 × 65 with sums")],
  ["matmul NT", named(matmulCases, "NT 33 × 1000 · 1000 × 9")],
  ["matmul TN", named(matmulCases, "TN 20 × 17 · 17 × 36 with sums, rows of b picked from u8")],
  ["convForward", named(imageCases.convForward, "one past a large tile, padded")],
  ["convInputGradient", named(imageCases.convInputGradient, "one past a large tile, padded")],
  ["convWeightGradient", named(imageCases.convWeightGradient, "one past a large tile, padded")],
];

function named(among: readonly KernelCase[], name: string): KernelCase {
  const found = among.find((one) => one.name === name);
  if (!found) throw new Error(`no case "${name}"; there are ${among.map((one) => one.name).join("; ")}`);
  return found;
}

describe("the ways to compute", () => {
  it.each(cases)("%s agree to the bit", async (_name, { run }) => {
    // Those for this device, and those that a device with large workgroups would choose among, without its lanes.
    const here = ways(run, engines.gpu.traits);
    const elsewhere = ways(run, wide).filter(
      ({ kernel, constants }) =>
        kernel !== "matmulSplit" && (constants.LANES ?? 1) === 1 && (constants.SLICES ?? 1) === 1,
    );
    const distinct = new Map([...here, ...elsewhere].map((way) => [JSON.stringify(way), way]));
    expect(distinct.size).toBeGreaterThan(3);
    const expected = await runKernel(engines.gpu, run);
    for (const { kernel, constants } of distinct.values()) {
      expect({ kernel, constants, ...(await runKernel(engines.gpu, { ...run, kernel, constants })) }).toEqual(
        {
          kernel,
          constants,
          ...expected,
        },
      );
    }
  });

  it("are one where a sum is shared by several invocations: its order is another, and not up to measuring", () => {
    const long = named(matmulCases, "NT 10 × 784 · 784 × 30, rows of a picked from u8");
    expect(ways(long.run, wide).map(({ kernel }) => kernel)).toEqual(["matmulSplit"]);
    expect(ways(long.run, narrow).map(({ kernel }) => kernel)).not.toContain("matmulSplit");
  });

  it("begin with lanes on a narrow device, and with shared tiles on a wide one", () => {
    const { run } = named(matmulCases, "NN 129 × 17 · 17 × 129");
    expect(ways(run, narrow)[0]).toMatchObject({
      kernel: "matmul",
      constants: { LANES: 8 },
    });
    expect(ways(run, wide)[0].kernel).toBe("matmulTiled");
    const small = ways(run, { workgroupBytes: 1024, workgroupInvocations: 64 });
    expect(small.map(({ kernel }) => kernel)).not.toContain("matmulTiled");
  });
});
