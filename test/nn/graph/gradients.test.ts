/** Every op's gradient rule against central differences, and the gradients of these gradients. */
import { afterAll, describe, expect, it } from "vitest";
import { gradients, stepWindow, sum } from "../../../src/index.ts";
import { gridSample } from "../../../src/nn/graph/ops/gridSample.ts";
import { sampleUniform } from "../../../src/nn/graph/ops/sampleRandom.ts";
import { constantValue, inputSource } from "../../../src/nn/graph/ops/source.ts";
import { registeredOps, topological } from "../../../src/nn/graph/tensor.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";
import { gradientErrors, gradientFunctions, traced } from "../../helpers/finite-differences.ts";
import { OpsTable } from "../../helpers/ops-table.ts";
import { elementwiseCases } from "./gradient-cases/elementwise.ts";
import { imageCases } from "./gradient-cases/images.ts";
import { normCases } from "./gradient-cases/norms.ts";
import { productCases } from "./gradient-cases/products.ts";
import { shapeCases } from "./gradient-cases/shapes.ts";

/** By op, then by name. */
const cases = { ...elementwiseCases, ...shapeCases, ...productCases, ...imageCases, ...normCases };

/** Ops that no case can be made for. */
const WITHOUT_CASE: Readonly<Record<string, string>> = {
  source: "has no inputs",
  stepScalar: "has no inputs, and takes its value from the step table",
  random: "has no inputs",
  sampleUniform: "has only samples' numbers as inputs",
  window: "refuses a gradient, see below",
  gridSample: "refuses a gradient, see below",
};

const all = Object.entries(cases).flatMap(([op, ofOp]) =>
  Object.entries(ofOp).map(([name, fn]) => ({ op, name, fn })),
);
const engines = useEngines();
const table = new OpsTable(cases);
afterAll(() => table.write());

describe.each(ENGINES)("gradients on the %s agree with differences", (kind) => {
  it.each(all)("$op: $name", async ({ op, fn }) => {
    expect(await gradientErrors(engines[kind], fn, table.noting(op, kind))).toEqual([]);
  });
});

describe("gradients of gradients agree with differences", () => {
  it.each(all)("$op: $name", async ({ op, fn }) => {
    for (const [name, gradient] of gradientFunctions(fn)) {
      const errors = await gradientErrors(engines.cpu, gradient, table.noting(op, "second"));
      expect(errors, `gradient of ${name}`).toEqual([]);
    }
  });
});

describe("the cases", () => {
  it("cover the table of all ops", () => {
    const covered = [...Object.keys(cases), ...Object.keys(WITHOUT_CASE)].sort();
    // Ops that only rewrites make are tested where graphs are lowered.
    const ops = [...registeredOps.values()].filter(({ gradient }) => gradient !== "internal");
    expect(covered).toEqual(ops.map(({ name }) => name).sort());
  });

  it.each(all)("use the op they stand for: $op: $name", ({ op, fn }) => {
    expect(topological([traced(fn)]).map((node) => node.op.name)).toContain(op);
  });
});

it("a gradient that is not built is refused, not taken for zero", () => {
  const v = inputSource("v", [5]);
  const window = stepWindow(v, "start", 2);
  expect(() => gradients(window, [v], window)).toThrow(/window: .*not built/);
  const image = inputSource("image", [1, 1, 4, 4]);
  const sampled = gridSample(image, inputSource("grid", [1, 2, 3, 3]));
  expect(() => gradients(sampled, [image], sampled)).toThrow(/gridSample: .*not built/);
});

it("what is random in a sample is constant to gradients", () => {
  const samples = inputSource("samples", [3], "i32");
  const [gradient] = gradients(sum(sampleUniform(samples, 2, 5)), [samples]);
  expect(constantValue(gradient)).toBe(0);
});
