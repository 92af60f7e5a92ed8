/** Pooling in vectors: more windows a row than lanes, large windows, padding, and NaN. */
import { afterAll, describe, expect, it } from "vitest";
import { type PoolKernel, type PoolShape, poolConstants, tilesImage } from "../../src/kernels/pool2d.ts";
import { elementCount } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { difference } from "../helpers/compare.ts";
import { loadFrom, runKernel, storeTo } from "../helpers/kernel-run.ts";
import { uniform } from "../helpers/samples.ts";
import { TIGHT } from "../kernels/cases/case.ts";

const engines = { cpu: cpu(), wasm: openWasm(1) };
afterAll(() => engines.wasm.destroy());

type Pair = readonly [number, number];

function shapeOf(images: number, size: Pair, kernel: Pair, stride: Pair, padding: Pair): PoolShape {
  const outSize = [0, 1].map((i) => Math.floor((size[i] + 2 * padding[i] - kernel[i]) / stride[i]) + 1);
  return { images, size, outSize: [outSize[0], outSize[1]], kernel, stride, padding };
}

const shapes: Record<string, PoolShape> = {
  "whole vectors, side by side": shapeOf(3, [6, 24], [2, 2], [2, 2], [0, 0]),
  "a rest behind whole vectors": shapeOf(2, [5, 17], [2, 2], [2, 2], [0, 0]),
  "many vectors, and windows of three rows": shapeOf(2, [7, 43], [3, 2], [3, 2], [0, 0]),
  "windows of three, step by step, padded": shapeOf(2, [9, 21], [3, 3], [1, 1], [1, 1]),
  "windows of three by two steps, padded": shapeOf(2, [13, 23], [3, 3], [2, 2], [1, 1]),
  "windows of three, side by side": shapeOf(3, [7, 22], [3, 3], [3, 3], [0, 0]),
  "steps of four, padded": shapeOf(2, [11, 30], [5, 5], [4, 4], [2, 2]),
  "a window an image": shapeOf(5, [7, 7], [7, 7], [7, 7], [0, 0]),
  "large windows that overlap": shapeOf(1, [12, 14], [6, 7], [1, 1], [0, 3]),
};

/** What a kernel loads: an image or its windows' results. */
const loads: Record<PoolKernel, readonly ("image" | "pooled")[]> = {
  maxSelect: ["image", "image"],
  maxScatter: ["image", "pooled"],
  maxScatterTiled: ["image", "pooled"],
  average: ["image"],
  averageScatter: ["pooled"],
};

describe.each(Object.keys(loads) as PoolKernel[])("%s", (kernel) => {
  const fitting = Object.entries(shapes).filter(
    ([, shape]) => kernel !== "maxScatterTiled" || tilesImage(shape),
  );
  it.each(fitting)("%s", async (_name, shape) => {
    const sizes = {
      image: shape.images * elementCount(shape.size),
      pooled: shape.images * elementCount(shape.outSize),
    };
    const [first, second] = loads[kernel].map((what) => uniform([sizes[what]], -2, -1).data);
    // Windows with one NaN, with several, and with none; and infinities, which padding must not outdo.
    for (let i = 0; i < first.length; i += 29) first[i] = Number.NaN;
    for (let i = 5; i < first.length; i += 31) first[i] = Number.NEGATIVE_INFINITY;
    const reads = { operand0: first, ...(second && { operand1: second }) };
    for (const same of kernel === "maxSelect" ? [false, true] : [false]) {
      const run = {
        kernel,
        constants: poolConstants(shape, kernel, same),
        hooks: {
          element: loadFrom("operand0"),
          ...(second && { picked: loadFrom(same ? "operand0" : "operand1") }),
          store: storeTo("result0"),
        },
        reads: same ? { operand0: first } : reads,
        results: {
          result0: {
            length: sizes[kernel.endsWith("Scatter") || kernel.endsWith("Tiled") ? "image" : "pooled"],
          },
        },
      };
      const [got, want] = [await runKernel(engines.wasm, run), await runKernel(engines.cpu, run)];
      expect(want.result0.some((value) => value !== 0)).toBe(true);
      expect(difference("result0", got.result0, want.result0, TIGHT)).toBe(undefined);
    }
  });
});
