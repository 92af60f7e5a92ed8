/** Grids: no kernel asks a device for more workgroups along a dimension than WebGPU allows, whatever the shapes. */
import { describe, expect, it } from "vitest";
import { compile, createTrainer, dense, gradients, matmul, predict, sum } from "../../src/index.ts";
import { batchNormConstants } from "../../src/kernels/batchNorm.ts";
import {
  type ConvShape,
  convForwardConstants,
  convInputConstants,
  convWeightConstants,
} from "../../src/kernels/conv2d.ts";
import { crossEntropyConstants } from "../../src/kernels/crossEntropy.ts";
import {
  elementwise4Constants,
  elementwiseConstants,
  elementwiseFoursConstants,
} from "../../src/kernels/elementwise.ts";
import { kernels } from "../../src/kernels/index.ts";
import { type Constants, MAX_GROUPS } from "../../src/kernels/kernel.ts";
import { launchGrid } from "../../src/kernels/launch.ts";
import { layerNormConstants, serialConstants } from "../../src/kernels/layerNorm.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { type PoolKernel, poolConstants } from "../../src/kernels/pool2d.ts";
import { reduceConstants } from "../../src/kernels/reduce.ts";
import { scatterRowsConstants } from "../../src/kernels/scatterRows.ts";
import { softmaxConstants } from "../../src/kernels/softmax.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { conv2d, convShape } from "../../src/nn/graph/ops/conv2d.ts";
import type { Dispatch, Program } from "../../src/program.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();

/** As many 4-byte elements as the largest buffers of any device have. */
const HUGE = 2 ** 30;

const product = { transposeA: false, transposeB: false, batchedA: true, batchedB: true };
const products = [
  matmulConstants({ ...product, batch: 1, m: HUGE, n: 1, k: 1 }),
  matmulConstants({ ...product, batch: 1, m: 1, n: HUGE, k: 1 }),
  matmulConstants({ ...product, batch: HUGE, m: 1, n: 1, k: 1 }),
  matmulConstants({ ...product, batch: 1, m: 2 ** 16, n: 2 ** 14, k: 2 ** 14 }),
  matmulConstants({ ...product, batch: 70_000, m: 1, n: 1, k: 8000 }),
];
const images: ConvShape[] = [
  convShape("conv2d", [128, 8, 1024, 1024], [8, 8, 3, 3], { padding: 1 }),
  convShape("conv2d", [1, HUGE, 1, 1], [HUGE, 1, 1, 1], { groups: HUGE }),
  convShape("conv2d", [1, 2 ** 14, 1, 1], [2 ** 16, 2 ** 14, 1, 1], {}),
];
const convolutions: Readonly<Record<string, readonly Constants[]>> = {
  convForward: images.map(convForwardConstants),
  convInputGradient: images.map(convInputConstants),
  convWeightGradient: images.map((shape) => convWeightConstants(shape)),
};
const pools = (kernel: PoolKernel) => [
  poolConstants(
    {
      images: 2 ** 10,
      size: [1024, 1024],
      outSize: [1024, 1024],
      kernel: [1, 1],
      stride: [1, 1],
      padding: [0, 0],
    },
    kernel,
  ),
];

const softmaxes = [softmaxConstants(HUGE, 1, false), softmaxConstants(4095, 2 ** 18, true)];
const dispatchOf = (kernel: string, constants: Constants): Dispatch => ({
  label: "test",
  kernel,
  constants,
  hooks: {},
  bindings: {},
});

const limits = { workgroupBytes: 16384, workgroupInvocations: 256 };
/** A convolution as a wide device guesses first: depthwise, or in tiles. */
const wide = (kernel: string, depthwise: boolean) =>
  convolutions[kernel]
    .filter(({ GROUPS }) => GROUPS > 1 === depthwise)
    .map((constants) => variantsOf(dispatchOf(kernel, constants), limits)[0].constants);

const rows = [layerNormConstants(HUGE, 1, 0.1), layerNormConstants(2 ** 18, 4096, 0.1)];
const channels = [batchNormConstants(1, HUGE, 1, 0.1), batchNormConstants(1, 2 ** 20, 2 ** 10, 0.1)];

/** Constants of the largest shapes, by kernel. A new kernel needs a line here. */
const largest: Readonly<Record<string, readonly Constants[]>> = {
  elementwise: [elementwiseConstants(HUGE)],
  elementwise4: [elementwise4Constants(HUGE)],
  elementwiseFours: [elementwiseFoursConstants(HUGE)],
  reduce: [
    reduceConstants("sum", { outer: HUGE, size: 1, inner: 1 }),
    reduceConstants("max", { outer: 4095, size: 2 ** 18, inner: 1 }),
    reduceConstants("sum", { outer: 1, size: 16, inner: HUGE }),
  ],
  scatterRows: [scatterRowsConstants(2 ** 24, 64, 1), scatterRowsConstants(1, HUGE, 1)],
  softmax: softmaxes,
  softmaxGradient: softmaxes,
  layerNorm: rows,
  layerNormSerial: rows.map(serialConstants),
  layerNormGradient: rows,
  layerNormGradientSerial: rows.map(serialConstants),
  batchNorm: channels,
  batchNormGradient: channels,
  crossEntropy: [crossEntropyConstants(HUGE, 1, 0), crossEntropyConstants(1, HUGE, 0)],
  matmul: products,
  matmulTiled: products.map((c) => ({ ...c, TILE_M: 4, TILE_N: 4, GROUP_X: 8, GROUP_Y: 8 })),
  ...convolutions,
  ...Object.fromEntries(Object.keys(convolutions).map((kernel) => [`${kernel}Tiled`, wide(kernel, false)])),
  ...Object.fromEntries(
    Object.keys(convolutions).map((kernel) => [kernel.replace("conv", "depthwise"), wide(kernel, true)]),
  ),
  maxSelect: pools("maxSelect"),
  maxScatter: pools("maxScatter"),
  maxScatterTiled: pools("maxScatterTiled"),
  average: pools("average"),
  averageScatter: pools("averageScatter"),
};

describe.each(Object.entries(largest))("%s", (kernel, shapes) => {
  it.each(shapes)("fits a device's grid: %o", (constants) => {
    const traits = { subgroupSize: 32, workgroupBytes: 16384, workgroupInvocations: 256 };
    for (const way of [dispatchOf(kernel, constants), ...variantsOf(dispatchOf(kernel, constants), traits)]) {
      const own = kernels[way.kernel].grid(way.constants);
      const grid = launchGrid([way]);
      expect(Math.max(...grid)).toBeLessThanOrEqual(MAX_GROUPS);
      const groups = own.reduce((a, b) => a * b);
      const asked = grid.reduce((a, b) => a * b);
      expect(asked).toBeGreaterThanOrEqual(groups);
      // Workgroups that only find out that there is nothing for them are few.
      expect(asked - groups).toBeLessThanOrEqual(MAX_GROUPS);
    }
  });
});

it("every kernel has shapes", () => {
  expect(Object.keys(largest).sort()).toEqual(Object.keys(kernels).sort());
});

it("more workgroups than any grid has are refused, on both engines alike", async () => {
  const absurd = dispatchOf("matmul", matmulConstants({ ...product, batch: HUGE, m: 64, n: 4, k: 1 }));
  const program = { name: "absurd", buffers: [], dispatches: [absurd], scalars: [], outputs: {} };
  for (const engine of [engines.gpu, engines.cpu]) {
    await expect(engine.compile(program)).rejects.toThrow(
      /^program absurd: matmul \(test\) takes \d+ workgroups, more than a device can be asked for; use a smaller batch$/,
    );
  }
});

describe("a grid that is longer than a dimension, folded", () => {
  const { imul } = Math;
  const values = (count: number, salt: number) =>
    Float32Array.from({ length: count }, (_, i) => imul(i, salt) & 7);

  /** The kernels whose own grid would be refused by this device. */
  const tooLong = ({ dispatches }: Program) =>
    dispatches
      .filter(({ kernel, constants }) => Math.max(...kernels[kernel].grid(constants)) > MAX_GROUPS)
      .map(({ kernel }) => kernel);

  it.each([
    ["rows", 524_288 + 3, 1, 1],
    ["columns", 1, 65_535 * 64 + 9, 1],
    ["matrices", 1, 1, 65_535 + 5],
  ])("multiplies %s", async (_name, m, n, batch) => {
    const inputs = { a: [batch, m, 1], b: [batch, 1, n] } as const;
    const step = await compile(engines.gpu, inputs, ({ a, b }) => ({ c: matmul(a, b) }));
    expect(tooLong(step.program)).toEqual(["matmul"]);
    const [a, b] = [values(batch * m, 3), values(batch * n, 5)];
    const { c } = await step({ a, b });
    step.release();
    const want = Float32Array.from(c, (_, i) => a[Math.floor(i / n)] * b[batch > 1 ? i : i % n]);
    expect(c.length).toBe(batch * m * n);
    expect(c.findIndex((value, i) => value !== want[i])).toBe(-1);
  });

  it("convolves more pixels", async () => {
    const size = [3, 1183, 1185] as const;
    const pixels = size[0] * size[1] * size[2];
    expect(pixels).toBeGreaterThan(65_535 * 64);
    const shape = [size[0], 1, size[1], size[2]];
    const step = await compile(engines.gpu, { x: shape, w: [1, 1, 1, 1] }, ({ x, w }) => ({
      y: conv2d(x, w),
    }));
    expect(tooLong(step.program)).toEqual(["convForward"]);
    const x = values(pixels, 7);
    const { y } = await step({ x, w: Float32Array.of(3) });
    step.release();
    expect(y.length).toBe(pixels);
    expect(y.findIndex((value, i) => value !== 3 * x[i])).toBe(-1);
  });

  it("convolves more groups of channels, and gives their gradients", async () => {
    const channels = 65_535 + 7;
    const trainer = createTrainer(engines.gpu, (x) => x, { inputShape: [1] });
    const step = await trainer.compile(
      ({ x, w }) => {
        const y = conv2d(x, w, { groups: channels });
        const [dx, dw] = gradients(sum(y), [x, w]);
        return { y, dx, dw };
      },
      { inputs: { x: [1, channels, 1, 1], w: [channels, 1, 1, 1] } },
    );
    expect(tooLong(step.program).sort()).toEqual(["convForward", "convInputGradient", "convWeightGradient"]);
    const [x, w] = [values(channels, 3), values(channels, 5)];
    const { y, dx, dw } = await step.run({ x, w });
    step.release();
    trainer.release();
    expect(y.findIndex((value, i) => value !== x[i] * w[i])).toBe(-1);
    expect(dx.findIndex((value, i) => value !== w[i])).toBe(-1);
    expect(dw.findIndex((value, i) => value !== x[i])).toBe(-1);
  });

  it("predicts 524,281 rows at once, and the engine goes on", async () => {
    const rows = 524_281;
    const trainer = createTrainer(engines.gpu, dense(1), { inputShape: [1] });
    await trainer.load({ weight: { shape: [1, 1], data: [2] }, bias: { shape: [1], data: [1] } });
    const x = values(rows, 3);
    const { data } = await predict(trainer, x, { batchSize: rows });
    expect(data.length).toBe(rows);
    expect(data.findIndex((value, i) => value !== 2 * x[i] + 1)).toBe(-1);
    expect((await trainer.weights()).weight.data).toEqual(Float32Array.of(2));
    trainer.release();
  });
});
