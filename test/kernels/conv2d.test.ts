/** Convolutions of wide devices give what those of narrow ones give, to the bit. */
import { describe, expect, it } from "vitest";
import type { Elements } from "../../src/dtypes.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { useEngines } from "../helpers/engines.ts";
import { type KernelRun, runKernel } from "../helpers/kernel-run.ts";
import { imageCases } from "./cases/images.ts";

const engines = useEngines();

/** The run of a wide device's kernel as a narrow device computes it. */
function inBlocks(run: KernelRun): KernelRun {
  const kernel = run.kernel.replace("Tiled", "").replace("depthwise", "conv");
  const traits = { narrow: true, workgroupBytes: 16384, workgroupInvocations: 256 };
  const dispatch = { label: "", kernel, constants: { ...run.constants, LANES: 1 }, hooks: {}, bindings: {} };
  return { ...run, kernel, constants: variantsOf(dispatch, traits)[0].constants };
}

/** The run without slices, which add up in another order. */
function unsliced(run: KernelRun): KernelRun {
  if ((run.constants.SLICES ?? 1) === 1) return run;
  const constants = { ...run.constants, SLICES: 1, GROUP_X: 16, GROUP_Y: 4, RUN: 1 };
  return { ...run, constants };
}

/** Some elements as NaN and infinities. */
function withEdges(elements: Elements): Elements {
  const EDGES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return Float32Array.from(elements, (value, i) => (i % 29 === 5 ? EDGES[((i / 29) % 3) | 0] : value));
}

// The weight's gradient of a depthwise convolution is shared by lanes, which add up in another order.
const equal = Object.keys(imageCases).filter(
  (kernel) =>
    /Tiled$|^depthwise/.test(kernel) &&
    /^(conv|depthwise)/.test(kernel) &&
    kernel !== "depthwiseWeightGradient",
);

describe.each(equal)("%s", (kernel) => {
  it.each(imageCases[kernel].map(({ name, run }) => [name, run] as const))(
    "%s: the bits of blocks, with numbers and with NaN and infinities among them",
    async (_name, run) => {
      const { a, b } = run.reads as Record<string, Elements>;
      for (const reads of [run.reads, { a: withEdges(a), b }, { a, b: withEdges(b) }]) {
        const got = await runKernel(engines.gpu, { ...unsliced(run), reads });
        // Every NaN is like another; 0 is not −0.
        expect(got).toEqual(await runKernel(engines.gpu, { ...inBlocks(run), reads }));
      }
    },
  );
});
