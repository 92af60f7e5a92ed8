/** Declared costs, held against what the twins do. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { digits } from "../../src/data/index.ts";
import { arrayOf, type Elements } from "../../src/dtypes.ts";
import * as wgrad from "../../src/index.ts";
import { dispatchCost } from "../../src/kernels/cost.ts";
import { kernels } from "../../src/kernels/index.ts";
import { type Dispatch, type Program, STEP_SLOTS } from "../../src/program.ts";
import { type CompileOptions, memoryOf } from "../../src/runtime/engine.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { programTraffic } from "../helpers/traffic.ts";
import type { KernelCase } from "./cases/case.ts";
import { crossEntropyCases } from "./cases/crossEntropy.ts";
import { elementwiseCases, elementwiseFoursCases } from "./cases/elementwise.ts";
import { elementwise4Cases } from "./cases/elementwise4.ts";
import { imageCases } from "./cases/images.ts";
import { matmulCases, matmulTiledCases } from "./cases/matmul.ts";
import { normCases } from "./cases/norms.ts";
import { reduceCases } from "./cases/reduce.ts";
import { scatterRowsCases } from "./cases/scatterRows.ts";
import { softmaxCases, softmaxGradientCases } from "./cases/softmax.ts";

afterEach(() => void vi.restoreAllMocks());

describe("positions of load hooks", () => {
  const cases: Readonly<Record<string, readonly KernelCase[]>> = {
    elementwise: elementwiseCases,
    elementwise4: elementwise4Cases,
    elementwiseFours: elementwiseFoursCases,
    reduce: reduceCases,
    softmax: softmaxCases,
    softmaxGradient: softmaxGradientCases,
    scatterRows: scatterRowsCases,
    crossEntropy: crossEntropyCases,
    matmul: matmulCases,
    matmulTiled: matmulTiledCases,
    ...imageCases,
    ...normCases,
  };
  const loading = Object.values(kernels).filter(({ hooks }) => Object.values(hooks).includes("load"));

  it.each(loading.map(({ name }) => name))("of %s lie below what it declares, and reach it", async (name) => {
    const kernel = kernels[name];
    const { loads } = kernel;
    const { twin } = kernel;
    const hooks = Object.keys(kernel.hooks).filter((hook) => kernel.hooks[hook] === "load");
    const runs: { hook: string; part: number }[] = [];
    vi.spyOn(kernel, "twin").mockImplementation((call) => {
      const ends = new Map<string, number>();
      const load = Object.entries(call.load).map(([hook, run]) => [
        hook,
        (start: number, count: number) => {
          ends.set(hook, Math.max(ends.get(hook) ?? 0, start + count));
          return run(start, count);
        },
      ]);
      Array.from(twin({ ...call, load: Object.fromEntries(load) }) ?? []);
      const declared = loads?.(call.constants) ?? {};
      for (const [hook, end] of ends) runs.push({ hook, part: end / declared[hook] });
    });
    for (const { run } of cases[name]) await runKernel(wgrad.cpu(), run);
    expect(new Set(runs.map(({ hook }) => hook))).toEqual(new Set(hooks));
    // Windows may leave out a last column, and the last element need not be a maximum.
    expect(runs.filter(({ part }) => !(part > 0.95 && part <= 1))).toEqual([]);
  });
});

/** The programs that training compiles, with memory for a step of each, as it stands after an epoch. */
async function programsOf(model: wgrad.Model, options: wgrad.FitOptions) {
  const { train } = digits({ train: 50, test: 1 });
  const engine = wgrad.cpu();
  const compiled: { program: Program; options: CompileOptions }[] = [];
  const compile = engine.compile.bind(engine);
  engine.compile = async (program, options = {}) => {
    compiled.push({ program, options });
    return compile(program, options);
  };
  const read = () =>
    Promise.all(
      compiled.map(async ({ program, options }) => ({
        program,
        memory: await Promise.all(
          program.buffers.map(async (spec): Promise<Elements> => {
            if (spec.values) return Float32Array.from(spec.values);
            return (await memoryOf(spec, options)?.read()) ?? new (arrayOf(spec.dtype))(spec.length);
          }),
        ),
      })),
    );
  let programs: Awaited<ReturnType<typeof read>> = [];
  // The data set is there until the run has ended.
  const onEnd = async () => {
    programs = await read();
  };
  const callbacks = [{ name: "reader", onEnd }];
  await wgrad.fit(engine, model, train, {
    ...options,
    batchSize: 20,
    epochs: 1,
    validation: train,
    callbacks,
  });
  return programs;
}

describe("bytes moved", () => {
  const { batchNorm, conv2d, dense, dropout, maxPool2d, relu, sequential, sigmoid } = wgrad;

  it.each([
    ["an MLP", sequential(dense(12), relu(), dense(9), sigmoid(), dense(10)), {}],
    [
      "an MLP with all there is",
      sequential(dense(12), batchNorm(), relu(), dropout(0.3), dense(10)),
      {
        clip: { norm: 1, value: 1 },
        penalty: { l1: 0.1, l2: 0.1 },
        accumulate: 2,
        optimizer: wgrad.rmsprop(),
      },
    ],
    [
      "a ConvNet",
      sequential(conv2d(3, 5), maxPool2d(2), relu(), conv2d(4, 3), maxPool2d(2), relu(), dense(10)),
      {},
    ],
  ])("in a step of %s are those that the twins touch", async (_name, model, options) => {
    const programs = await programsOf(model, options);
    // Training on full batches and on what is left over, and evaluation.
    expect(programs).toHaveLength(3);
    for (const { program, memory } of programs) {
      const row = new Float32Array(STEP_SLOTS);
      const traffic = programTraffic(program, memory, { f32: row, u32: new Uint32Array(row.buffer) });
      const line = ({ kernel, label }: Dispatch, bytes: number) => `${label} ${kernel}: ${bytes}`;
      const declared = program.dispatches.map((dispatch) =>
        line(dispatch, dispatchCost(program, dispatch).bytes),
      );
      expect(declared).toEqual(program.dispatches.map((dispatch, i) => line(dispatch, traffic[i])));
    }
  });
});
