/** NaN and infinities go through every op and every kernel as they do in 64 bits, on every engine and adapter. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import "../../src/index.ts";
import "../../src/nn/graph/ops/gridSample.ts";
import "../../src/nn/graph/ops/sampleRandom.ts";
import { kernels } from "../../src/kernels/index.ts";
import { registeredOps } from "../../src/nn/graph/tensor.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { wasm } from "../../src/wasm/index.ts";
import { ADAPTERS } from "../helpers/adapters.ts";
import { difference, differences } from "../helpers/compare.ts";
import { needsBuild } from "../helpers/programs.ts";
import { kernelCases } from "../kernels/cases/index.ts";
import { elementwiseCases } from "../nn/graph/gradient-cases/elementwise.ts";
import { imageCases } from "../nn/graph/gradient-cases/images.ts";
import { normCases } from "../nn/graph/gradient-cases/norms.ts";
import { productCases } from "../nn/graph/gradient-cases/products.ts";
import { shapeCases } from "../nn/graph/gradient-cases/shapes.ts";
import { decode, encode, type ProgramRun, runAll } from "../platforms/programs.js";
import { asPyTorch } from "./as-pytorch.ts";
import { flagCases } from "./flag-cases.ts";
import { casesOfFunction, casesOfKernel, knownCase, type NanCase } from "./nan-cases.ts";

needsBuild();

const functions = { ...elementwiseCases, ...shapeCases, ...productCases, ...imageCases, ...normCases };

/** Ops that can meet no NaN, or meet it in a kernel's case. */
const WITHOUT_CASE: Readonly<Record<string, string>> = {
  source: "has no inputs",
  stepScalar: "has no inputs",
  random: "has no inputs",
  sampleUniform: "has only samples' numbers as inputs",
  window: "moves what is in memory, by a position of the step table",
  gridSample: "has a case of its own, in as-pytorch.ts",
};

const RTOL = 1e-4;
const ATOL = 1e-5;

let cases: NanCase[] = [];
beforeAll(async () => {
  const made = [
    ...Object.entries(functions).map(([op, ofOp]) => {
      const [name, fn] = Object.entries(ofOp)[0];
      return casesOfFunction(`${op}: ${name}`, fn);
    }),
    ...Object.entries(asPyTorch).map(([name, known]) => [knownCase(`as PyTorch: ${name}`, known)]),
    ...Object.entries(kernelCases).map(([kernel, ofKernel]) => casesOfKernel(kernel, ofKernel)),
    flagCases(),
  ];
  cases = (await Promise.all(made)).flat();
});

it("the cases cover every op and every kernel", () => {
  const ops = [...registeredOps.values()]
    .filter(({ gradient }) => gradient !== "internal")
    .map(({ name }) => name);
  expect([...Object.keys(functions), ...Object.keys(WITHOUT_CASE)].sort()).toEqual(ops.sort());
  expect(Object.keys(kernelCases).sort()).toEqual(Object.keys(kernels).sort());
});

it("the cases expect NaN and infinities", () => {
  const strange = cases.filter(({ want }) =>
    Object.values(want).some((values) => !Array.from(values).every(Number.isFinite)),
  );
  expect(strange.length).toBeGreaterThan(cases.length / 2);
});

/** The engines that need no adapter. */
const PROCESSOR: Readonly<Record<string, () => Engine>> = { "CPU engine": cpu, "wasm engine": wasm };

async function here(open: () => Engine, runs: readonly ProgramRun[]) {
  const engine = open();
  try {
    return decode(await runAll(engine, encode(runs)));
  } finally {
    await engine.destroy();
  }
}

async function elsewhere(place: string, runs: readonly ProgramRun[]) {
  const folder = await mkdtemp(join(tmpdir(), "wgrad-nan-"));
  try {
    return await ADAPTERS[place](runs, folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

describe.each([...Object.keys(PROCESSOR), ...Object.keys(ADAPTERS)])("%s", (place) => {
  it("gives NaN and infinities where they belong, and nowhere else", async () => {
    const runs = cases.map(({ run }) => run);
    const { found } = place in PROCESSOR ? await here(PROCESSOR[place], runs) : await elsewhere(place, runs);
    const wrong = cases.flatMap(({ name, want }, i) =>
      differences(
        ...Object.keys(want).map((output) =>
          difference(`${name}: ${output}`, found[i][output], want[output], { rtol: RTOL, atol: ATOL }),
        ),
      ),
    );
    expect(wrong).toEqual([]);
  }, 240_000);
});
