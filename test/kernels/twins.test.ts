/** Every kernel agrees with its CPU twin: the same program from the same data, on both engines. */
import { describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import { useEngines } from "../helpers/engines.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import type { KernelCase } from "./cases/case.ts";
import { kernelCases as cases } from "./cases/index.ts";
import { verdictOf } from "./cases/verdict.ts";
import { WIDE, waysOf } from "./cases/ways.ts";

const engines = useEngines();

describe.each(Object.entries(cases))("%s", (_kernel, ofKernel) => {
  it.each(ofKernel.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const { run } = one;
    const want = await runKernel(engines.cpu, run);
    if ((run.constants.LANES ?? 1) > 1 && !engines.gpu.device.features.has("subgroups")) {
      await expect(runKernel(engines.gpu, run)).rejects.toThrow(/subgroups/);
      return;
    }
    expect(verdictOf(one, await runKernel(engines.gpu, run), want).wrong).toEqual([]);
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

describe("a verdict", () => {
  const one: KernelCase = {
    name: "a copy",
    run: {
      kernel: "elementwise",
      constants: {},
      updates: { state: new Float32Array(80).fill(3) },
      results: { result0: { length: 16 } },
    },
    tolerance: { rtol: 0, atol: 0.25 },
    padding: [79],
  };
  const memory = (value: number, state: number, padded = 0) => ({
    result0: new Float32Array(80).fill(value),
    state: new Float32Array(80).fill(state).fill(padded, 79),
  });

  it("is passed by what is within the tolerance, and tells the largest difference", () => {
    expect(verdictOf(one, memory(1, 2.25), memory(1, 2))).toEqual({ wrong: [], largest: 0.25 });
  });

  it("is not passed by other numbers, NaN, writes to padding, or a twin that did nothing", () => {
    expect(verdictOf(one, memory(1, 2.5), memory(1, 2)).wrong).toEqual([
      expect.stringMatching(/^state: 79 of 80 are wrong/),
    ]);
    const none = verdictOf(one, memory(Number.NaN, 2), memory(1, 2));
    expect(none).toEqual({ wrong: [expect.stringMatching(/^result0: 80 of 80/)], largest: Number.NaN });
    expect(verdictOf(one, memory(1, 2, 0.125), memory(1, 2)).wrong).toEqual([
      "state: the device wrote to padding at 79",
    ]);
    expect(verdictOf(one, memory(0, 2), memory(0, 2)).wrong).toEqual(["result0: the twin computed nothing"]);
  });
});

describe("the ways of all cases", () => {
  const ways = waysOf(WIDE);
  /** Cases of several kernels may have the same numbers, each in memory of its own. */
  const memories: unknown[] = [];
  const keyOf = ({ kernel, constants, reads, hooks }: KernelCase["run"]) => {
    if (!memories.includes(reads)) memories.push(reads);
    return JSON.stringify([kernel, Object.entries(constants).sort(), memories.indexOf(reads), hooks]);
  };

  it("hold every kernel, and each size that it is tested with", () => {
    const narrow = waysOf([
      { narrow: true, subgroupSize: 8, workgroupBytes: 16384, workgroupInvocations: 256 },
    ]);
    const found = [...ways, ...narrow].map(({ case: { run } }) => run.kernel);
    expect(new Set(found)).toEqual(new Set(Object.keys(kernels)));
    const sizes = new Set(ways.map(({ case: { run } }) => run.reads));
    const missing = Object.values(cases)
      .flat()
      .filter(({ run }) => run.reads && !sizes.has(run.reads));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it("hold each once, with the first device's guesses first", () => {
    const same = ways.map(({ case: { run } }) => keyOf(run));
    expect(same.filter((one, i) => same.indexOf(one) !== i)).toEqual([]);
    const guesses = waysOf([WIDE[0]]);
    const first = ways.slice(0, 20).map(({ variant }) => variant);
    expect(first).toEqual(guesses.slice(0, 20).map(({ variant }) => variant));
    // A variant is named by what it changes.
    expect(ways.filter(({ variant }) => /^matmulTiled .*GROUP_X \d+.*SLICES \d+/.test(variant))).not.toEqual(
      [],
    );
  });
});
