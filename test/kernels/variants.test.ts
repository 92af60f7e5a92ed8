/** The ways to compute a dispatch: all give the same to the bit, so that choosing by time never changes a result. */
import { describe, expect, it } from "vitest";
import { convWeightConstants } from "../../src/kernels/conv2d.ts";
import { kernels } from "../../src/kernels/index.ts";
import { type DeviceTraits, MAX_WORKGROUP_BYTES } from "../../src/kernels/kernel.ts";
import { canShareLaunch } from "../../src/kernels/launch.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { poolConstants } from "../../src/kernels/pool2d.ts";
import { reduceConstants } from "../../src/kernels/reduce.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { convShape } from "../../src/nn/graph/ops/conv2d.ts";
import type { Dispatch, Hook } from "../../src/program.ts";
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
      ({ constants }) => (constants.SLICES ?? 1) === 1 && (constants.LANES ?? 1) === 1,
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
    const [one, ...others] = ways(long.run, wide);
    expect(one.constants.SLICES).toBeGreaterThan(1);
    expect(others).toEqual([]);
    expect(ways(long.run, narrow).map(({ kernel }) => kernel)).not.toContain("matmulTiled");
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

describe("tiled products in one launch", () => {
  const tiled = (m: number, n: number, k: number, hooks: Dispatch["hooks"] = {}): Dispatch => {
    const shape = {
      batch: 1,
      m,
      n,
      k,
      transposeA: false,
      transposeB: false,
      batchedA: false,
      batchedB: false,
    };
    const constants = matmulConstants(shape);
    return variantsOf({ label: "", kernel: "matmul", constants, hooks, bindings: {} }, wide)[0];
  };
  const share = (...dispatches: Dispatch[]) => canShareLaunch(dispatches, []);

  it("are those whose code is short: no last turn of a large product, and no long hook", () => {
    const one = tiled(128, 256, 128);
    expect(one.kernel).toBe("matmulTiled");
    expect(share(one, one)).toBe(true);
    expect(share(one, tiled(128, 800, 250))).toBe(false);
    expect(share(one, tiled(10, 128, 50))).toBe(true);
    const tanh: Hook = { code: [{ op: "value" }, { op: "call", fn: "hyperbolicTangent", args: [0] }] };
    expect(share(one, tiled(128, 256, 128, { store: tanh }))).toBe(false);
    expect(share(tiled(128, 800, 250))).toBe(true);
  });

  it("are no pooling beside a reduction, whose barriers slow all invocations on processors", () => {
    const reduction: Dispatch = {
      label: "",
      kernel: "reduce",
      constants: reduceConstants("sum", { outer: 100, size: 1000, inner: 1 }),
      hooks: {},
      bindings: {},
    };
    const pool = {
      images: 1,
      size: [4, 4],
      outSize: [2, 2],
      kernel: [2, 2],
      stride: [2, 2],
      padding: [0, 0],
    } as const;
    const pooling = {
      ...reduction,
      kernel: "maxScatterTiled",
      constants: poolConstants(pool, "maxScatterTiled"),
    };
    expect(share(reduction, reduction)).toBe(true);
    expect(share(pooling)).toBe(true);
    expect(share(pooling, reduction)).toBe(false);
  });

  it("take what every device has of workgroup memory, with that of smaller parts", () => {
    const one = tiled(128, 10, 128);
    expect(kernels.matmulTiled.workgroupBytes?.(one.constants)).toBe(MAX_WORKGROUP_BYTES);
    expect(share(one, tiled(128, 256, 128))).toBe(true);
    const constants = { ...reduceConstants("sum", { outer: 100, size: 1000, inner: 1 }), WORKGROUP: 128 };
    const reduction: Dispatch = { label: "", kernel: "reduce", constants, hooks: {}, bindings: {} };
    expect(share(reduction, tiled(128, 256, 128))).toBe(true);
    expect(share(reduction, one)).toBe(false);
  });

  it("take what every device has with the single values that another part keeps", () => {
    const weightGradient = (kernel: number) => {
      const shape = convShape("conv2d", [4, 64, 16, 16], [64, 1, kernel, kernel], { groups: 64, padding: 2 });
      return ways({ kernel: "convWeightGradient", constants: convWeightConstants(shape) }, wide)[0];
    };
    const same = { transposeA: false, transposeB: false, batchedA: true, batchedB: true };
    const constants = matmulConstants({ batch: 64, m: 16, n: 16, k: 64, ...same });
    const [products] = ways({ kernel: "matmul", constants }, wide);
    expect(kernels.matmulTiled.workgroupBytes?.(products.constants)).toBe(8192);
    expect(kernels.depthwiseWeightGradient.valueBytes?.(weightGradient(8).constants)).toBe(33 * 65 * 4);
    expect(share(weightGradient(5), products)).toBe(true);
    expect(share(weightGradient(8), products)).toBe(false);
  });
});
