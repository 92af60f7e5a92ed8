/**
 * Convolutions of the wasm engine and both their gradients: shapes around the vectors, tiles, bands and blocks of the
 * kernels, NaN and infinities, and the same bits whatever the tile and the number of threads.
 */
import { afterAll, describe, expect, it } from "vitest";
import { type Conv2dOptions, convShape } from "../../src/nn/graph/ops/conv2d.ts";
import type { Hook } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { type KernelRun, runKernel } from "../helpers/kernel-run.ts";
import type { KernelCase } from "../kernels/cases/case.ts";
import { convolutionCases } from "../kernels/cases/images.ts";
import { verdictOf } from "../kernels/cases/verdict.ts";

const engines = {
  cpu: cpu(),
  relaxed: openWasm(1, { tileRows: 4 }),
  relaxed6: openWasm(3, { tileRows: 6 }),
  plain: openWasm(1, { relaxed: false }),
};
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.destroy();
});

type Shapes = readonly [x: readonly number[], weight: readonly number[], options?: Conv2dOptions];

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const shapes: Record<string, Shapes> = {
  ...Object.fromEntries(
    numbers(1, 9).map((width) => [
      `lines of ${width}`,
      [[2, 2, 3, width], [3, 2, 3, 3], { padding: 1 }] satisfies Shapes,
    ]),
  ),
  ...Object.fromEntries(
    [...numbers(1, 9), 13].map((filters) => [
      `${filters} filters`,
      [
        [2, 3, 5, 7],
        [filters, 3, 2, 3],
      ] satisfies Shapes,
    ]),
  ),
  "many images of one pixel": [
    [9, 5, 1, 1],
    [6, 5, 1, 1],
  ],
  "many images of one pixel, padded": [[9, 5, 1, 1], [6, 5, 3, 3], { padding: 1 }],
  "many small images": [[40, 3, 3, 3], [4, 3, 3, 3], { padding: 1 }],
  "strides beyond the kernel": [[2, 2, 9, 11], [4, 2, 2, 1], { stride: [3, 4] }],
  "a stride of lines only": [[2, 3, 9, 7], [5, 3, 3, 3], { stride: [2, 1], padding: 1 }],
  "a stride of columns only, long lines": [[1, 2, 3, 80], [2, 2, 1, 3], { stride: [1, 2] }],
  "a stride of three, long lines": [[1, 2, 3, 140], [2, 2, 2, 4], { stride: [1, 3], padding: [0, 2] }],
  "more padding than kernel": [[1, 2, 4, 5], [3, 2, 2, 3], { padding: [3, 4] }],
  "more padding than kernel, with stride": [[2, 2, 4, 5], [3, 2, 2, 3], { padding: [3, 4], stride: 2 }],
  "a kernel as wide as the padded image, with stride": [
    [1, 2, 3, 2],
    [2, 2, 3, 10],
    { padding: [0, 4], stride: 3 },
  ],
  "padding of whole lines of results": [[1, 2, 2, 2], [3, 2, 1, 1], { padding: 9 }],
  dilation: [[2, 2, 13, 12], [4, 2, 3, 3], { dilation: [4, 3], padding: [4, 3] }],
  "dilation and stride": [[2, 2, 13, 12], [4, 2, 3, 3], { dilation: [3, 2], stride: 2, padding: [1, 4] }],
  "three groups": [[2, 6, 5, 5], [9, 2, 3, 3], { groups: 3 }],
  "two groups, with stride": [[3, 4, 6, 7], [6, 2, 3, 3], { groups: 2, stride: 2, padding: 1 }],
  "two filters a channel": [[3, 7, 9, 10], [14, 1, 3, 3], { groups: 7, padding: 1 }],
  "a filter a channel, with stride": [[2, 9, 8, 9], [9, 1, 5, 3], { groups: 9, stride: [2, 3], padding: 2 }],
  "long lines": [
    [1, 1, 2, 77],
    [2, 1, 1, 5],
  ],
  "pointwise in place": [
    [3, 17, 7, 9],
    [6, 17, 1, 1],
  ],
  "pointwise, one filter a channel": [[2, 3, 6, 9], [3, 1, 1, 1], { groups: 3 }],
  "blocks that begin within images": [[61, 16, 3, 3], [24, 16, 3, 3], { padding: 1 }],
  "blocks of filters": [[2, 20, 6, 7], [150, 20, 3, 3], { padding: 1 }],
  "blocks of channels that result": [[2, 150, 6, 7], [20, 150, 3, 3], { padding: 1 }],
  "several bands of an image": [[1, 16, 40, 24], [20, 16, 3, 3], { padding: 1 }],
  "lines of patches beyond a block": [[1, 40, 8, 200], [3, 40, 3, 3], { padding: 1 }],
  "blocks of channels": [[2, 10, 4, 4], [200, 10, 3, 3], { padding: 1 }],
  "planes at the distance of a way of the cache": [
    [1, 3, 34, 7],
    [5, 3, 3, 1],
  ],
  "a kernel of many taps": [[1, 2, 3, 60], [3, 2, 1, 41], { padding: [0, 20] }],
};

/** Cases of all kernels whose sums are short enough for their tolerance. */
function casesOf(name: string, [x, weight, options = {}]: Shapes): KernelCase[] {
  const shape = convShape("conv2d", x, weight, options);
  const products = weight.slice(1).reduce((a, b) => a * b);
  const arriving = (products / weight[1]) * (shape.filters / shape.groups);
  return convolutionCases(name, shape).filter(
    ({ run: { kernel } }) =>
      (kernel !== "convForward" || products <= MOST_PRODUCTS) &&
      (kernel !== "convInputGradient" || arriving <= MOST_PRODUCTS),
  );
}
const MOST_PRODUCTS = 720;

const cases = Object.entries(shapes).flatMap(([name, of]) => casesOf(name, of));

describe.each(["relaxed", "relaxed6", "plain"] as const)("%s", (kind) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const want = await runKernel(engines.cpu, one.run);
    expect(verdictOf(one, await runKernel(engines[kind], one.run), want).wrong).toEqual([]);
  });
});

it("gives the same bits by each tile and with each number of threads", async () => {
  for (const { name, run } of cases) {
    const bits = Object.values(await runKernel(engines.relaxed, run)).map(wordsOf);
    expect(Object.values(await runKernel(engines.relaxed6, run)).map(wordsOf), name).toEqual(bits);
  }
});

const wordsOf = ({ buffer, byteOffset, length }: ArrayBufferView & { length: number }) =>
  new Uint32Array(buffer, byteOffset, length);

/** The run with strangers at the beginning, in the middle and at the end of an operand. */
function withStrangers(run: KernelRun, operand: "a" | "b"): KernelRun {
  const { [operand]: values } = run.reads as Readonly<Record<string, Float32Array>>;
  const data = values.slice();
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].forEach((stranger, n) => {
    data[Math.floor(((data.length - 1) * n) / 2)] = stranger;
  });
  return { ...run, reads: { ...run.reads, [operand]: data } };
}

describe.each(["a", "b"] as const)("NaN and infinities in operand %s", (operand) => {
  // Taps of an input's gradient that lie beside the arriving gradient meet zeros, as on a GPU: docs/numerics.md.
  const exact = cases.filter(({ run }) => operand === "a" || run.kernel !== "convInputGradient");
  it.each(exact.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const run = withStrangers(one.run, operand);
    const want = await runKernel(engines.cpu, run);
    expect(verdictOf({ ...one, run }, await runKernel(engines.plain, run), want).wrong).toEqual([]);
  });
});

it("weights that are not finite make NaN of the gradients of all inputs that they touch", async () => {
  const [, inputGradient] = convolutionCases("", convShape("conv2d", [1, 1, 4, 4], [1, 1, 3, 3], {}));
  const weights = new Float32Array(9).fill(1);
  weights[8] = Number.POSITIVE_INFINITY;
  const run = { ...inputGradient.run, reads: { ...inputGradient.run.reads, b: weights } };
  const want = (await runKernel(engines.cpu, run)).result0;
  const got = (await runKernel(engines.relaxed, run)).result0;
  const finite = (values: ArrayLike<number>) => Array.from(values).map(Number.isFinite);
  expect(finite(want).some((one) => !one)).toBe(true);
  finite(want).forEach((one, i) => {
    if (!one) expect(got[i]).not.toSatisfy(Number.isFinite);
  });
});

describe("hooks", () => {
  /** What lies there + value · 3 + the channel's bias. */
  const store = (pixels: number, channels: number): Hook => ({
    code: [
      { op: "value" },
      { op: "constant", value: 3 },
      { op: "call", fn: "mul", args: [0, 1] },
      { op: "index" },
      { op: "map", from: 3, terms: [{ div: pixels, mod: channels, mul: 1 }], offset: 0 },
      { op: "load", binding: "bias", at: 4 },
      { op: "call", fn: "add", args: [2, 5] },
      { op: "load", binding: "total", at: 3 },
      { op: "call", fn: "add", args: [6, 7] },
    ],
    stores: [{ binding: "total", from: 8 }],
  });
  const hooked: Record<string, Shapes> = {
    "of lines": [[3, 4, 7, 6], [5, 4, 3, 3], { padding: 1 }],
    "through images": shapes["blocks that begin within images"],
    "with stride": [[3, 4, 7, 6], [5, 4, 3, 3], { stride: 2 }],
    "blocks of filters": shapes["blocks of filters"],
    "blocks of channels that result": shapes["blocks of channels that result"],
    "blocks of channels": shapes["blocks of channels"],
    "in groups": shapes["three groups"],
  };

  it.each(Object.entries(hooked))("are given each result once, with its channel: %s", async (_name, of) => {
    const [x, weight, options = {}] = of;
    const shape = convShape("conv2d", x, weight, options);
    for (const { run, tolerance, name } of casesOf("", of)) {
      const { length } = (run.results as Required<KernelRun>["results"]).result0;
      const { channels, pixels } = {
        convForward: { channels: shape.filters, pixels: shape.outSize[0] * shape.outSize[1] },
        convInputGradient: { channels: shape.channels, pixels: shape.size[0] * shape.size[1] },
        convWeightGradient: {
          channels: shape.filters,
          pixels: length / run.constants.SPLITS / shape.filters,
        },
      }[run.kernel] as { channels: number; pixels: number };
      const bias = Float32Array.from({ length: channels }, (_, i) => i + 1);
      const once: KernelRun = {
        ...run,
        reads: { ...run.reads, bias },
        updates: { total: Float32Array.from({ length }, (_, i) => i / 8) },
        hooks: { ...run.hooks, store: store(pixels, channels) },
      };
      const want = await runKernel(engines.cpu, once);
      const got = await runKernel(engines.relaxed6, once);
      expect(verdictOf({ name, run: { ...once, results: {} }, tolerance }, got, want).wrong).toEqual([]);
    }
  });
});
