/** Reductions, softmax, cross-entropy and norms of the wasm engine: sizes around vectors, pieces of long axes, NaN, infinities. */
import { afterAll, describe, expect, it } from "vitest";
import { batchNormConstants } from "../../src/kernels/batchNorm.ts";
import { crossEntropyConstants } from "../../src/kernels/crossEntropy.ts";
import { layerNormConstants, layerNormParts } from "../../src/kernels/layerNorm.ts";
import { REDUCE_MODES, type ReduceMode, reduceConstants } from "../../src/kernels/reduce.ts";
import { softmaxConstants } from "../../src/kernels/softmax.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { openWasm } from "../../src/wasm/open.ts";
import type { Tolerance } from "../helpers/compare.ts";
import { type KernelRun, loadFrom, runKernel, storeTo, unused } from "../helpers/kernel-run.ts";
import { indices, uniform } from "../helpers/samples.ts";
import { EXACT, TIGHT } from "../kernels/cases/case.ts";
import { verdictOf } from "../kernels/cases/verdict.ts";

const reference = cpu();
const relaxed = openWasm(1);
const plain = openWasm(1, { relaxed: false });
const threads = openWasm(3);
const engines = { relaxed, plain, threads };
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.destroy();
});

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 19, 63, 65, 257];
/** Sums of n numbers of the size of 1, in 32 bits. */
const summed = (n: number): Tolerance => ({ ...TIGHT, atol: 1e-6 * Math.sqrt(n) });

/** Every engine's results are near the twin's; and with threads or without, they are the same to the bit. */
async function expectAgreement(what: string, run: KernelRun, tolerance: Tolerance) {
  const want = await runKernel(reference, run);
  const got = await runKernel(relaxed, run);
  const wrong = (found: typeof got) => verdictOf({ name: what, run, tolerance }, found, want).wrong;
  expect([what, ...wrong(got)]).toEqual([what]);
  expect([what, ...wrong(await runKernel(plain, run))]).toEqual([what]);
  expect(await runKernel(threads, run)).toEqual(got);
  return got;
}

type Numbers = Float32Array<ArrayBuffer>;

/** Numbers of which some are replaced, by position. */
function changed(data: Float32Array, values: Readonly<Record<number, number>>): Numbers {
  const copy = new Float32Array(data);
  for (const [at, value] of Object.entries(values)) copy[Number(at)] = value;
  return copy;
}

interface Axis {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly chunk?: number;
}

/** A run of which nobody asks for more than what one hook stores. */
function alone(run: KernelRun, wanted: string): KernelRun {
  const hooks = Object.entries(run.hooks ?? {}).map(([name, hook]) => {
    return [name, name === wanted || !hook.stores ? hook : unused] as const;
  });
  const [store] = run.hooks?.[wanted].stores ?? [];
  const results = Object.entries(run.results ?? {}).filter(([name]) => name === store.binding);
  return { ...run, hooks: Object.fromEntries(hooks), results: Object.fromEntries(results) };
}

function reduceRun(mode: ReduceMode, axis: Axis, operand: Float32Array): KernelRun {
  const constants = reduceConstants(mode, axis);
  const length = axis.outer * constants.PARTS * axis.inner;
  return {
    kernel: "reduce",
    constants,
    hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
    reads: { operand0: operand },
    results: { result0: { length, dtype: mode === "argmax" ? "i32" : "f32" } },
  };
}

function expectReduction(mode: ReduceMode, axis: Axis, operand?: Float32Array) {
  const { outer, size, inner } = axis;
  const data = operand ?? uniform([outer * size * inner]).data;
  const what = `${mode} of [${outer}, ${size}, ${inner}]`;
  return expectAgreement(what, reduceRun(mode, axis, data), mode === "sum" ? summed(size) : EXACT);
}

describe.each(Object.keys(REDUCE_MODES) as ReduceMode[])("%s", (mode) => {
  it("takes rows and columns of all sizes around vectors", async () => {
    // A position of one is always 0, as where nothing is computed.
    for (const size of mode === "argmax" ? SIZES.slice(1) : SIZES) {
      for (const outer of [1, 3]) await expectReduction(mode, { outer, size, inner: 1 });
      for (const inner of [2, 3, 4, 5, 17, 33]) await expectReduction(mode, { outer: 2, size, inner });
    }
  });

  it("combines pieces of a long axis of few results", async () => {
    for (const axis of [
      { outer: 1, size: 40_001, inner: 1 },
      { outer: 3, size: 33_000, inner: 1 },
      { outer: 1, size: 3001, inner: 17 },
      { outer: 2, size: 12_000, inner: 3 },
    ]) {
      await expectReduction(mode, axis);
    }
  });

  it("keeps NaN and infinities, wherever they lie", async () => {
    for (const [outer, size, inner] of [
      [2, 11, 1],
      [1, 7, 6],
      [1, 40_001, 1],
      [1, 6001, 5],
    ]) {
      const data = uniform([outer * size * inner]).data;
      for (const at of [0, 1, data.length - inner - 1, data.length - 1]) {
        for (const value of [Number.NaN, Infinity, -Infinity])
          await expectReduction(mode, { outer, size, inner }, changed(data, { [at]: value }));
        const two = changed(data, { [at]: Number.NaN, [data.length - inner]: Number.NaN, [inner]: Infinity });
        await expectReduction(mode, { outer, size, inner }, two);
      }
      await expectReduction(
        mode,
        { outer, size, inner },
        data.map(() => -Infinity),
      );
    }
  });
});

it("the sum of a long axis keeps its digits", async () => {
  const data = uniform([262_143], 0.5, 1).data;
  const run = reduceRun("sum", { outer: 1, size: data.length, inner: 1 }, data);
  await expectAgreement("sum of 262143 numbers of one sign", run, { rtol: 3e-7, atol: 0 });
});

it("parts of an axis have results of their own, the last one shorter", async () => {
  for (const mode of ["sum", "max"] as const) {
    for (const inner of [1, 3, 17]) await expectReduction(mode, { outer: 2, size: 67, inner, chunk: 16 });
  }
});

function softmaxRun(rows: number, size: number, logarithm: boolean, operand: Float32Array): KernelRun {
  return {
    kernel: "softmax",
    constants: softmaxConstants(rows, size, logarithm),
    hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
    reads: { operand0: operand },
    results: { result0: { length: rows * size } },
  };
}

describe("softmax", () => {
  it.each([false, true])("takes rows of all sizes around vectors; logarithm: %s", async (logarithm) => {
    for (const size of SIZES) {
      const data = uniform([3 * size], -5, 5).data;
      await expectAgreement(`${size}`, softmaxRun(3, size, logarithm, data), TIGHT);
      const gradient: KernelRun = {
        ...softmaxRun(3, size, logarithm, data),
        kernel: "softmaxGradient",
        hooks: { element: loadFrom("operand0"), arriving: loadFrom("operand1"), store: storeTo("result0") },
        reads: {
          operand0: logarithm ? uniform([3 * size], -3, 0).data : uniform([3 * size], 0, 1).data,
          operand1: uniform([3 * size]).data,
        },
      };
      await expectAgreement(`gradient, ${size}`, gradient, summed(size));
    }
  });

  it.each([false, true])("gives masked elements nothing; logarithm: %s", async (logarithm) => {
    for (const size of [3, 10, 33]) {
      const data = uniform([size * size], -5, 5).data.map((x, i) => (i % size > i / size ? -Infinity : x));
      const run = softmaxRun(size, size, logarithm, data);
      const { result0 } = await expectAgreement(`[${size}, ${size}]`, run, TIGHT);
      const masked = result0.slice(0, size * size).filter((_, i) => data[i] === -Infinity);
      expect(new Set(masked)).toEqual(new Set([logarithm ? -Infinity : 0]));
    }
  });

  it.each([false, true])("is NaN in rows with NaN, +∞ or nothing; logarithm: %s", async (logarithm) => {
    for (const size of [5, 21]) {
      const data = uniform([4 * size]).data;
      const strange = changed(data, { 1: Number.NaN, [size]: Infinity });
      strange.fill(-Infinity, 2 * size, 3 * size);
      const { result0 } = await expectAgreement(`${size}`, softmaxRun(4, size, logarithm, strange), TIGHT);
      expect(result0.subarray(0, 3 * size).every((x) => Number.isNaN(x))).toBe(true);
      expect(result0.subarray(3 * size, 4 * size).some((x) => Number.isNaN(x))).toBe(false);
    }
  });
});

function crossEntropyRun(
  rows: number,
  classes: number,
  smoothing: number,
  logits: Float32Array,
  labels = indices([rows], classes).data,
): KernelRun {
  return {
    kernel: "crossEntropy",
    constants: crossEntropyConstants(rows, classes, smoothing),
    hooks: {
      logit: loadFrom("operand0"),
      label: loadFrom("operand1"),
      storeLoss: storeTo("result0"),
      storeGradient: storeTo("result1"),
      storeHit: storeTo("result2"),
      storeTotal: storeTo("result3"),
      storeCorrect: storeTo("result4"),
    },
    reads: { operand0: logits, operand1: labels },
    results: {
      result0: { length: rows },
      result1: { length: rows * classes },
      result2: { length: rows },
      result3: { length: 1 },
      result4: { length: 1, dtype: "i32" },
    },
  };
}

describe("crossEntropy", () => {
  it.each([0, 0.2])("takes rows of all sizes around vectors; smoothing %f", async (smoothing) => {
    for (const classes of SIZES) {
      for (const rows of [1, 5]) {
        const logits = uniform([rows * classes], -5, 5).data;
        await expectAgreement(`${classes}`, crossEntropyRun(rows, classes, smoothing, logits), TIGHT);
      }
    }
  });

  it("adds up the losses and hits of many parts", async () => {
    const logits = uniform([3001 * 10], -5, 5).data;
    const got = await expectAgreement("totals", crossEntropyRun(3001, 10, 0.1, logits), TIGHT);
    expect(got.result4[0]).toBeGreaterThan(100);
  });

  it.each(["storeLoss", "storeGradient", "storeHit", "storeTotal", "storeCorrect"])(
    "gives %s alone, in one part and in several",
    async (wanted) => {
      for (const [rows, smoothing] of [
        [40, 0],
        [1700, 0.2],
      ]) {
        const run = crossEntropyRun(rows, 10, smoothing, uniform([rows * 10], -5, 5).data);
        await expectAgreement(`${wanted} of ${rows} rows`, alone(run, wanted), TIGHT);
      }
    },
  );

  it("counts the first of equal logits as the answer", async () => {
    const logits = Float32Array.from({ length: 6 * 5 }, () => 2);
    const labels = Int32Array.from([0, 1, 2, 3, 4, 0]);
    const { result2 } = await expectAgreement("ties", crossEntropyRun(6, 5, 0, logits, labels), TIGHT);
    expect([...result2.subarray(0, 6)]).toEqual([1, 0, 0, 0, 0, 1]);
  });

  it.each([0, 0.2])("keeps NaN, infinities and masks; smoothing %f", async (smoothing) => {
    for (const classes of [5, 21]) {
      const labels = Int32Array.from({ length: 6 }, () => 1);
      const logits = changed(uniform([6 * classes]).data, {
        // A NaN; an answer that is infinite; one that is masked, and not; nothing but masks.
        0: Number.NaN,
        [classes + 1]: Infinity,
        [2 * classes + 1]: -Infinity,
        [3 * classes + 2]: -Infinity,
      });
      logits.fill(-Infinity, 4 * classes, 5 * classes);
      const run = crossEntropyRun(6, classes, smoothing, logits, labels);
      await expectAgreement(`${classes}`, run, TIGHT);
    }
  });
});

function normRun(
  kernel: string,
  constants: KernelRun["constants"],
  x: Float32Array,
  size: number,
): KernelRun {
  return {
    kernel,
    constants,
    hooks: {
      element: loadFrom("operand0"),
      weight: loadFrom("operand1"),
      bias: loadFrom("operand2"),
      store: storeTo("result0"),
      ...(kernel === "batchNorm" && { storeMean: storeTo("result1"), storeVariance: storeTo("result2") }),
    },
    reads: { operand0: x, operand1: uniform([size], 0.5, 2).data, operand2: uniform([size]).data },
    results: {
      result0: { length: x.length },
      ...(kernel === "batchNorm" && { result1: { length: size }, result2: { length: size } }),
    },
  };
}

function gradientRun(
  kernel: string,
  constants: KernelRun["constants"],
  x: Float32Array,
  size: number,
  parts: number,
  arriving = uniform([x.length], -1, 1.5).data,
): KernelRun {
  return {
    kernel,
    constants,
    hooks: {
      element: loadFrom("operand0"),
      arriving: loadFrom("operand1"),
      weight: loadFrom("operand2"),
      store: storeTo("result0"),
      storeWeight: storeTo("result1"),
      storeBias: storeTo("result2"),
    },
    reads: { operand0: x, operand1: arriving, operand2: uniform([size], 0.5, 2).data },
    results: {
      result0: { length: x.length },
      result1: { length: parts * size },
      result2: { length: parts * size },
    },
  };
}

/** Results are of the size of 1; sums of `count` of them are larger. */
const near = (count: number): Tolerance => ({
  rtol: 1e-5,
  atol: 1e-5 * Math.sqrt(Math.max(count, 16) / 16),
});

describe("layer norms", () => {
  it("take rows of all sizes around vectors", async () => {
    for (const size of SIZES) {
      for (const rows of [1, 9]) {
        const constants = layerNormConstants(rows, size, 1e-5);
        const x = uniform([rows * size], -1.7, 1.7).data;
        const parts = layerNormParts(constants);
        await expectAgreement(`${size}`, normRun("layerNorm", constants, x, size), near(1));
        const gradient = gradientRun("layerNormGradient", constants, x, size, parts);
        await expectAgreement(`gradient, ${size}`, gradient, near(rows));
      }
    }
  });

  it("are NaN in rows with NaN or infinities, and nowhere else", async () => {
    for (const size of [6, 23]) {
      const constants = layerNormConstants(4, size, 1e-5);
      const x = changed(uniform([4 * size]).data, { 0: Number.NaN, [2 * size - 1]: Infinity });
      const { result0 } = await expectAgreement("forward", normRun("layerNorm", constants, x, size), near(1));
      expect(result0.subarray(0, 2 * size).every((y) => Number.isNaN(y))).toBe(true);
      expect(result0.subarray(2 * size).some((y) => Number.isNaN(y))).toBe(false);
      const parts = layerNormParts(constants);
      await expectAgreement("x", gradientRun("layerNormGradient", constants, x, size, parts), near(4));
      const arriving = changed(uniform([4 * size]).data, { 1: Infinity, [3 * size]: Number.NaN });
      const numbers = uniform([4 * size]).data;
      const gradient = gradientRun("layerNormGradient", constants, numbers, size, parts, arriving);
      await expectAgreement("gradient", gradient, near(4));
    }
  });
});

describe.each(["store", "storeWeight", "storeBias"])("%s of a norm's gradient alone", (wanted) => {
  it("is as with the others", async () => {
    const x = uniform([9 * 21], -1.7, 1.7).data;
    const rows = layerNormConstants(9, 21, 1e-5);
    const layer = gradientRun("layerNormGradient", rows, x, 21, layerNormParts(rows));
    await expectAgreement("layer norm", alone(layer, wanted), near(9));
    const channels = batchNormConstants(3, 9, 7, 1e-5);
    const batch = gradientRun("batchNormGradient", channels, x, 9, 1);
    await expectAgreement("batch norm", alone(batch, wanted), near(21));
  });
});

describe("batch norms", () => {
  it.each([
    [9, 1, 1],
    [9, 5, 1],
    [7, 19, 1],
    [3, 2, 2],
    [3, 2, 3],
    [3, 2, 5],
    [2, 3, 17],
    [2, 3, 65],
    // In pieces of the images, some of which are shorter.
    [8300, 3, 1],
    [2100, 18, 1],
    [701, 2, 49],
    [5, 2, 8200],
  ])("of [%i, %i, %i]", async (images, channels, inner) => {
    const constants = batchNormConstants(images, channels, inner, 1e-5);
    const count = images * channels * inner;
    for (const offset of [0, 1e4]) {
      const x = uniform([count], offset - 1.7, offset + 1.7).data;
      await expectAgreement("forward", normRun("batchNorm", constants, x, channels), near(1));
      const gradient = gradientRun("batchNormGradient", constants, x, channels, 1);
      await expectAgreement("gradient", gradient, near(images * inner));
    }
  });

  it.each([
    [9, 6, 1],
    [4, 3, 6],
    [8300, 3, 1],
    [701, 2, 49],
  ])(
    "of [%i, %i, %i] are NaN in a channel with NaN or an infinity, and nowhere else",
    async (images, channels, inner) => {
      const constants = batchNormConstants(images, channels, inner, 1e-5);
      const count = images * channels * inner;
      const x = uniform([count]).data;
      for (const value of [Number.NaN, Infinity]) {
        // Of the second channel, in the last image.
        const at = count - (channels - 1) * inner;
        const strange = changed(x, { [at]: value });
        const forward = await expectAgreement(
          "x",
          normRun("batchNorm", constants, strange, channels),
          near(1),
        );
        for (const name of ["result1", "result2"])
          expect([...forward[name].subarray(0, channels)].map(Number.isNaN)).toEqual(
            Array.from({ length: channels }, (_, channel) => channel === 1),
          );
        await expectAgreement(
          "x",
          gradientRun("batchNormGradient", constants, strange, channels, 1),
          near(count),
        );
        const arriving = changed(uniform([count]).data, { [at]: value });
        const gradient = gradientRun("batchNormGradient", constants, x, channels, 1, arriving);
        await expectAgreement("gradient", gradient, near(count));
      }
    },
  );
});
