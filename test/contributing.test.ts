/** The examples of CONTRIBUTING.md, taken from the page: their types are right, and they do what the page says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  compile,
  conv2d,
  createTrainer,
  dense,
  flatten,
  gradients,
  type Layer,
  type Metric,
  type Model,
  type Optimizer,
  type OptimizerOptions,
  ops,
  type Shape,
  sequential,
  type Tensor,
} from "../src/index.ts";
import { normals, uniforms } from "../src/random.ts";
import { wasmKernels } from "../src/wasm/kernels/index.ts";
import type { WasmKernel } from "../src/wasm/kernels/kernel.ts";
import { ENGINES, useEngines } from "./helpers/engines.ts";
import { blocksOf, Examples, readPage } from "./helpers/examples.ts";
import { RULES } from "./helpers/import-rules.ts";
import { uniform } from "./helpers/samples.ts";
import { measure, squares } from "./metrics/samples.ts";

const engines = useEngines();
let page = "";
let examples: Examples;
let prelu: (options?: { slope?: number }) => Layer;
let signum: (options?: OptimizerOptions & { momentum?: number }) => Optimizer;
let reciprocalRank: () => Metric<"reciprocalRank", number>;
let cumulativeSum: (x: Tensor) => Tensor;
const WASM_KERNEL = "src/wasm/kernels/cumulativeSum.ts";
const CUMULATIVE_SUM = "src/nn/graph/ops/cumulativeSum.ts";

beforeAll(async () => {
  page = await readPage("CONTRIBUTING.md");
  const [layer] = blocksOf(page, "ts", "Add a layer");
  const [rule] = blocksOf(page, "ts", "Add an optimizer");
  const [metric] = blocksOf(page, "ts", "Add a metric");
  const [shader] = blocksOf(page, "wgsl", "Add a kernel");
  const [kernel, loops, op] = blocksOf(page, "ts", "Add a kernel");
  examples = await Examples.write({
    "prelu.ts": layer,
    "signum.ts": rule,
    "reciprocalRank.ts": metric,
    "shaders/cumulativeSum.wgsl": shader,
    "src/kernels/cumulativeSum.ts": kernel,
    [WASM_KERNEL]: loops,
    [CUMULATIVE_SUM]: op,
  });
  ({ prelu } = await examples.load("prelu.ts"));
  ({ signum } = await examples.load("signum.ts"));
  ({ reciprocalRank } = await examples.load("reciprocalRank.ts"));
  ({ cumulativeSum } = await examples.load(CUMULATIVE_SUM));
  const written: { cumulativeSum: WasmKernel } = await examples.load(WASM_KERNEL);
  Object.assign(wasmKernels, { cumulativeSum: written.cumulativeSum });
});

afterAll(() => examples?.remove());

describe("the examples of CONTRIBUTING.md", () => {
  it("are all tested here", () => {
    const blocks = [...blocksOf(page, "ts"), ...blocksOf(page, "wgsl")];
    expect(blocks).toHaveLength(examples.names.length);
  });

  it("have no type error", () => examples.checkTypes());
});

describe("the layer of CONTRIBUTING.md", () => {
  it.each(ENGINES)("trains on the %s: the loss falls, its parameters move", async (kind) => {
    const models: [Model, Shape][] = [
      [sequential(dense(16), prelu(), dense(1)), [3]],
      [sequential(conv2d(4, 3), prelu({ slope: 0 }), flatten(), dense(1)), [2, 5, 4]],
    ];
    for (const [model, inputShape] of models) {
      const trainer = createTrainer(engines[kind], model, {
        inputShape,
        optimizer: adam({ learningRate: 0.02 }),
        seed: 1,
      });
      const before = await trainer.weights();
      const step = await trainer.compile(
        ({ x, y }, call) => ({ minimize: ops.meanSquaredError(call(x), y) }),
        {
          inputs: { x: [12, ...inputShape], y: [12, 1] },
          maxSteps: 40,
        },
      );
      step.write({ x: uniform([12, ...inputShape]).data, y: uniform([12, 1]).data });
      const { loss } = await step.runMany(40, () => ({}));
      expect(loss[39]).toBeLessThan(loss[0] / 4);
      const after = await trainer.weights();
      expect(after["1.weight"].shape).toEqual([inputShape.length === 1 ? 16 : 4]);
      after["1.weight"].data.forEach((value, i) => {
        expect(Math.abs(value - before["1.weight"].data[i])).toBeGreaterThan(1e-4);
      });
      trainer.release();
      step.release();
    }
  });

  it("computes what it says, and refuses what it cannot", async () => {
    const trainer = createTrainer(engines.cpu, prelu({ slope: 0.5 }), { inputShape: [2] });
    const step = await trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [2, 2] } });
    const { y } = await step.run({ x: Float32Array.of(1, -2, 0, -3) });
    expect([...y]).toEqual([1, -1, 0, -1.5]);
    expect(() => prelu({ slope: Number.NaN })).toThrow("prelu: slope is NaN; give a finite number");
    expect(() => createTrainer(engines.cpu, prelu(), { inputShape: [] })).toThrow(
      "expected [batch, channels, …]",
    );
  });
});

describe("the optimizer of CONTRIBUTING.md", () => {
  it.each(ENGINES)(
    "trains on the %s by the sign of a momentum, weights decay, and one launch is all",
    async (kind) => {
      const trainer = createTrainer(engines[kind], sequential(dense(7), dense(1)), {
        inputShape: [3],
        optimizer: signum({ learningRate: 0.01, momentum: 0.5, weightDecay: 0.1 }),
        seed: 1,
      });
      const step = await trainer.compile(
        ({ x, y }, call) => ({ minimize: ops.meanSquaredError(call(x), y) }),
        {
          inputs: { x: [12, 3], y: [12, 1] },
          maxSteps: 30,
        },
      );
      expect(step.program.dispatches.filter(({ label }) => label === "optimizer")).toHaveLength(1);
      step.write({ x: uniform([12, 3]).data, y: uniform([12, 1]).data });
      const before = await trainer.weights();
      const [first] = (await step.run()).loss;
      const after = await trainer.weights();
      const { arenas } = await trainer.snapshot();
      expect(Object.keys(arenas)).toEqual(["parameters", "mean"]);
      for (const [name, { data }] of Object.entries(after)) {
        const offset = trainer.layout.offset(name);
        data.forEach((value, i) => {
          const direction = Math.sign(arenas.mean[offset + i]);
          expect(value).toBeCloseTo(before[name].data[i] - 0.01 * direction, 6);
        });
      }
      const { loss } = await step.runMany(30, () => ({}));
      expect(loss[29]).toBeLessThan(first / 2);
      trainer.release();
      step.release();
    },
  );

  it("has a default learning rate, and takes one by its short name", () => {
    expect(signum().learningRate).toBe(0.001);
    expect(signum({ lr: 0.01 }).learningRate).toBe(0.01);
  });

  it("refuses what makes no sense", () => {
    expect(() => signum({ learningRate: -1 })).toThrow(
      "signum: learningRate is -1; give a finite number from 0",
    );
  });
});

describe("the kernel of CONTRIBUTING.md", () => {
  it.each(ENGINES)(
    "adds up rows on the %s, with what stands before and behind it, and has a gradient",
    async (kind) => {
      const [rows, size] = [67, 9];
      const computed = await compile(engines[kind], { x: [rows, size] }, ({ x }) => {
        const y = ops.square(cumulativeSum(ops.mul(x, 2)));
        return { y, dx: gradients(ops.sum(y), [x])[0] };
      });
      const x = Float32Array.from({ length: rows * size }, (_, i) => ((i * 7) % 5) - 2);
      const { y, dx } = await computed({ x });
      for (let row = 0; row < rows; row++) {
        const sums: number[] = [];
        for (let i = 0; i < size; i++) sums.push((sums[i - 1] ?? 0) + 2 * x[row * size + i]);
        for (let i = 0; i < size; i++) {
          expect(y[row * size + i]).toBe(sums[i] ** 2);
          expect(dx[row * size + i]).toBe(sums.slice(i).reduce((total, sum) => total + 4 * sum, 0));
        }
      }
      // A kernel of its own, into which the product before it and the square behind it are fused.
      const call = computed.program.dispatches.find(({ kernel }) => kernel === "cumulativeSum");
      expect(call?.hooks.element.code).toContainEqual(expect.objectContaining({ op: "call", fn: "mul" }));
      expect(call?.hooks.store.code).toContainEqual(expect.objectContaining({ op: "call", fn: "square" }));
      computed.release();
    },
  );

  it("refuses what has no axis", async () => {
    await expect(compile(engines.cpu, { x: [] }, ({ x }) => ({ y: cumulativeSum(x) }))).rejects.toThrow(
      /cumulativeSum.*: a tensor without axes has nothing to add up/,
    );
  });
});

describe("the metric of CONTRIBUTING.md", () => {
  const [COUNT, CLASSES] = [53, 5];
  const labels = Array.from(uniforms(COUNT, 3, 1), (u) => Math.floor(u * CLASSES));
  // In steps of a half, so that there are ties.
  const noise = Array.from(normals(COUNT * CLASSES, 3, 0), (value) => Math.round(2 * value) / 2);
  const outputs = labels.map((_, i) => noise.slice(i * CLASSES, (i + 1) * CLASSES));
  const ranks = outputs.map((row, i) => row.filter((value) => value >= row[labels[i]]).length);

  it.each(ENGINES)("is the mean of 1 / rank on the %s, in batches of any size", async (kind) => {
    expect(new Set(ranks).size).toBe(CLASSES);
    const mean = ranks.reduce((sum, rank) => sum + 1 / rank, 0) / COUNT;
    for (const batchSize of [COUNT, 20]) {
      const { metrics } = await measure(engines[kind], {
        outputs,
        targets: labels,
        classes: CLASSES,
        batchSize,
        metrics: [reciprocalRank()],
      });
      expect(metrics.reciprocalRank).toBeCloseTo(mean, 6);
    }
  });

  it("refuses what has no classes", async () => {
    const regression = measure(engines.cpu, {
      outputs: [[1], [2]],
      targets: [1, 2],
      loss: squares,
      metrics: [reciprocalRank()],
    });
    await expect(regression).rejects.toThrow(
      "the outputs are [2, 1]; expected [samples, classes], and a data set with classes",
    );
  });
});

it("CONTRIBUTING.md names every place that has an import rule", () => {
  const places = RULES.map(({ place }) => place).filter((place) => place !== "src/wgsl.d.ts");
  expect(places.filter((place) => !page.includes(`\`${place}\``))).toEqual([]);
});
