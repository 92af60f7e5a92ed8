/** Every kernel agrees with its CPU twin: the same program from the same data, on both engines. */
import { describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import { difference, differences } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { type KernelRun, runKernel } from "../helpers/kernel-run.ts";
import type { KernelCase } from "./cases/case.ts";
import { crossEntropyCases } from "./cases/crossEntropy.ts";
import { elementwiseCases } from "./cases/elementwise.ts";
import { matmulCases } from "./cases/matmul.ts";
import { optimizerCases, padding } from "./cases/optimizer.ts";
import { reduceCases } from "./cases/reduce.ts";
import { softmaxCases } from "./cases/softmax.ts";

/** By kernel. A new kernel needs a line here, or the last test fails. */
const cases: Readonly<Record<string, readonly KernelCase[]>> = {
  elementwise: elementwiseCases,
  reduce: reduceCases,
  softmax: softmaxCases,
  crossEntropy: crossEntropyCases,
  matmul: matmulCases,
  ...optimizerCases,
};

const engines = useEngines();

/** Runs on both engines. @returns the GPU's memory, and how it differs from the CPU's */
async function compare({ run, tolerance }: KernelCase) {
  const want = await runKernel(engines.cpu, run);
  const got = await runKernel(engines.gpu, run);
  const names = Object.keys({ ...run.updates, ...run.results });
  return {
    got,
    want,
    wrong: differences(...names.map((name) => difference(name, got[name], want[name], tolerance))),
  };
}

describe.each(Object.entries(cases))("%s", (_kernel, ofKernel) => {
  it.each(ofKernel.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const { want, wrong } = await compare(one);
    expect(wrong).toEqual([]);
    expect(proves(one.run, want)).toEqual([]);
  });
});

/** What was to be computed but is all zeros: then a kernel that does nothing would pass. */
function proves(run: KernelRun, want: Awaited<ReturnType<typeof runKernel>>): string[] {
  return Object.keys({ ...run.updates, ...run.results }).filter(
    // A single index, count or gradient of one class may well be 0.
    (name) => want[name].length > 64 + 10 && want[name].every((value) => value === 0),
  );
}

describe("optimizers", () => {
  const padded = Object.values(optimizerCases)
    .flat()
    .filter(({ run }) => run.reads?.gradients.length === 4 * 64 + 64);

  it.each(padded.map((one) => [`${one.run.kernel}, ${one.name}`, one] as const))(
    "leave the padding of the arena zero: %s",
    async (_name, one) => {
      const { got, want } = await compare(one);
      for (const name of Object.keys(one.run.updates ?? {})) {
        for (const memory of [got[name], want[name]]) {
          expect(padding.filter((i) => memory[i] !== 0)).toEqual([]);
        }
      }
    },
  );
});

it("every kernel has cases", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(kernels).sort());
  expect(Object.entries(cases).filter(([, ofKernel]) => ofKernel.length === 0)).toEqual([]);
});
