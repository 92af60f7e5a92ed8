/** The ways that wide devices compute convolutions: they fill waves and fit workgroups, whatever the sizes. */
import { describe, expect, it } from "vitest";
import {
  type ConvShape,
  convForwardConstants,
  convInputConstants,
  convWeightConstants,
} from "../../src/kernels/conv2d.ts";
import { kernels } from "../../src/kernels/index.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { convShape } from "../../src/nn/graph/ops/conv2d.ts";
import type { Dispatch } from "../../src/program.ts";

const limits = { workgroupBytes: 16384, workgroupInvocations: 256 };

const shapes: Record<string, ConvShape> = {
  "5×5 on one channel": convShape("conv2d", [250, 1, 28, 28], [24, 1, 5, 5], {}),
  "3×3, 24 to 32": convShape("conv2d", [250, 24, 12, 12], [32, 24, 3, 3], {}),
  "3×3, padded": convShape("conv2d", [64, 64, 32, 32], [64, 64, 3, 3], { padding: 1 }),
  "3×3 of small images": convShape("conv2d", [32, 512, 7, 7], [512, 512, 3, 3], { padding: 1 }),
  "7×7, stride 2": convShape("conv2d", [32, 3, 224, 224], [64, 3, 7, 7], { padding: 3, stride: 2 }),
  pointwise: convShape("conv2d", [64, 256, 14, 14], [64, 256, 1, 1], {}),
  "groups of two": convShape("conv2d", [16, 64, 28, 28], [64, 2, 3, 3], { padding: 1, groups: 32 }),
  depthwise: convShape("conv2d", [64, 64, 32, 32], [64, 1, 3, 3], { padding: 1, groups: 64 }),
  "prime sizes": convShape("conv2d", [7, 11, 31, 23], [13, 11, 5, 3], {}),
  "one element": convShape("conv2d", [1, 1, 1, 1], [1, 1, 1, 1], {}),
  "17×17 taps": convShape("conv2d", [2, 3, 40, 40], [5, 3, 17, 17], {}),
};

const constantsOf: Record<string, (shape: ConvShape) => Record<string, number>> = {
  convForward: convForwardConstants,
  convInputGradient: convInputConstants,
  convWeightGradient: (shape) => convWeightConstants(shape, true),
};

function ways(kernel: string, shape: ConvShape): Dispatch[] {
  const constants = constantsOf[kernel](shape);
  return variantsOf({ label: "", kernel, constants, hooks: {}, bindings: {} }, limits);
}

describe.each(Object.keys(constantsOf))("%s on a wide device", (kernel) => {
  it.each(Object.entries(shapes))("%s: fills waves, and fits into a workgroup", (_name, shape) => {
    for (const { kernel: way, constants } of ways(kernel, shape)) {
      const [x, y] = kernels[way].workgroup(constants);
      const lanes = Math.ceil((x * y) / 64) * 64;
      expect(way).not.toBe(kernel);
      expect(x * y).toBeGreaterThanOrEqual(0.9 * lanes);
      expect(x * y).toBeLessThanOrEqual(limits.workgroupInvocations);
      const { TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES, DEPTH, RUN, CHUNK } = constants;
      if (DEPTH === undefined) continue;
      // Both tiles, for at least eight waves of 64 in 64 KiB.
      expect(DEPTH * (TILE_M * GROUP_Y + TILE_N * GROUP_X) * 4).toBeLessThanOrEqual(8192 * (lanes / 64));
      expect([DEPTH % SLICES, (CHUNK ?? DEPTH) % RUN, DEPTH % (CHUNK ?? 1)]).toEqual([0, 0, 0]);
      expect(x * y).toBe(GROUP_X * GROUP_Y * SLICES);
    }
  });
});

it("tiles are as high as 24 filters, and as 32", () => {
  const rows = (name: string) =>
    ["convForward", "convWeightGradient"].map((kernel) => {
      const { TILE_M, GROUP_Y } = ways(kernel, shapes[name])[0].constants;
      return TILE_M * GROUP_Y;
    });
  expect(rows("5×5 on one channel")).toEqual([24, 24]);
  expect(rows("3×3, 24 to 32")).toEqual([32, 32]);
});

it("a way that adds up in another order is the only one", () => {
  for (const shape of Object.values(shapes)) {
    const sliced = ways("convWeightGradient", shape).filter(({ constants }) => (constants.SLICES ?? 2) > 1);
    if (sliced.length > 0) expect(ways("convWeightGradient", shape)).toHaveLength(1);
  }
});

it("a weight's gradient has splits for a large device, and partial sums of at most 1 MiB for it", () => {
  const splits = (shape: ConvShape) => convWeightConstants(shape).SPLITS;
  const weights = ({ filters, channels, groups, kernel }: ConvShape) =>
    (filters * channels * kernel[0] * kernel[1]) / groups;
  expect(splits(shapes["5×5 on one channel"])).toBeGreaterThan(400);
  expect(splits(shapes["3×3, 24 to 32"])).toBeGreaterThan(32);
  for (const name of ["5×5 on one channel", "3×3, 24 to 32", "3×3, padded", "3×3 of small images"])
    expect(splits(shapes[name]) * weights(shapes[name])).toBeLessThanOrEqual(
      Math.max(2 ** 18, weights(shapes[name])),
    );
});
