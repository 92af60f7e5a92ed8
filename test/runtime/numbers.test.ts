/** Sizes, offsets and factors that shaders read at run time: launches that differ in nothing else share a pipeline. */
import { describe, expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { arrayOf, type DType, type Elements } from "../../src/dtypes.ts";
import { launchDetails } from "../../src/inspect/launches.ts";
import { programFor } from "../../src/inspect/programFor.ts";
import { kernelNamed } from "../../src/kernels/index.ts";
import { specialiseLaunch } from "../../src/kernels/specialise.ts";
import type { Sequential } from "../../src/nn/model/model.ts";
import { launchesOf, type Program } from "../../src/program.ts";
import { uniform } from "../../src/random.ts";
import type { Engine, EngineBuffer, Outputs } from "../../src/runtime/engine.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { useEngines } from "../helpers/engines.ts";
import { openMlp } from "../helpers/mlp.ts";
import { block, convNet, normalised, openStep, stack } from "../inspect/samples.ts";

const engines = useEngines();
const data = digits({ train: 96, test: 10 });

/** The program with all numbers as constants. */
function withConstantsOnly(program: Program): Program {
  return { ...program, dispatches: program.dispatches.map(({ numbers: _, ...dispatch }) => dispatch) };
}

/** Made-up values: whole numbers are valid indices of rows and classes, and moments are positive. */
function sample(dtype: DType, length: number): Elements {
  const values = new (arrayOf(dtype))(length);
  for (let i = 0; i < length; i++) values[i] = dtype === "f32" ? uniform(1, 1, i) / 10 : i % 8;
  return values;
}

/** Runs two steps of the program on memory of its own. @returns outputs, and the state behind the steps */
async function steps(engine: Engine, program: Program): Promise<{ outputs: Outputs; state: Elements[] }> {
  const memory: Record<"state" | "data", Record<string, EngineBuffer>> = { state: {}, data: {} };
  for (const { name, kind, dtype, length } of program.buffers) {
    if (kind !== "state" && kind !== "data") continue;
    memory[kind][name] = engine.buffer(name, dtype, length, sample(dtype, length));
  }
  const executable = await engine.compile(program, { ...memory, maxSteps: 2, asWritten: true });
  program.scalars.forEach(({ dtype }, slot) => {
    for (const row of [0, 1]) executable.table[dtype][row * 64 + slot] = dtype === "f32" ? 0.01 : row;
  });
  const outputs = await executable.run(2);
  const state = await Promise.all(Object.values(memory.state).map((buffer) => buffer.read()));
  for (const buffer of [...Object.values(memory.state), ...Object.values(memory.data)]) buffer.release();
  executable.release();
  return { outputs, state };
}

it.each([
  ["a network of convolutions", convNet],
  ["a network with equal layers", stack],
])("computes %s to the bit as with constants", async (_name, model) => {
  const { step, release } = await openStep(engines.gpu, model());
  const { program } = step;
  release();
  expect(program.dispatches.every(({ numbers }) => numbers !== undefined)).toBe(true);
  const read = launchesOf(program).flatMap((launch) => specialiseLaunch(program, launch).numbers);
  expect(read.length).toBeGreaterThan(0);
  const [numbers, constants] = [
    await steps(engines.gpu, program),
    await steps(engines.gpu, withConstantsOnly(program)),
  ];
  expect(numbers).toEqual(constants);
  const all = [...Object.values(numbers.outputs), ...numbers.state].flatMap((values) => Array.from(values));
  expect(all.every(Number.isFinite)).toBe(true);
  expect(all.some((value) => value !== 0)).toBe(true);
});

it("gives equal layers and a last smaller batch pipelines of one kind", async () => {
  const engine = await connect({ tune: false });
  try {
    const hidden = [32, 32, 32];
    const whole = await openMlp(engine, data.train, { batchSize: 32, hidden });
    const { pipelines } = engine;
    if (!pipelines) throw new Error("no program has been compiled");
    const ofWhole = pipelines.size;
    expect(ofWhole).toBeLessThan(launchesOf(whole.step.program).length);
    const smaller = await openMlp(engine, data.train, { batchSize: 25, hidden });
    expect(pipelines.size - ofWhole).toBeLessThan(ofWhole / 2);
    // Both on one engine, in turns: each has its own numbers.
    const alone = await openMlp(engines.gpu, data.train, { batchSize: 32, hidden });
    const first = await whole.run(1);
    const [other] = await smaller.run(1);
    expect(other).toBeGreaterThan(0);
    expect([first, await whole.run(1)]).toEqual([await alone.run(1), await alone.run(1)]);
    for (const one of [whole, smaller, alone]) one.release();
  } finally {
    await engine.destroy();
  }
});

it("ends the inner loop of a weight's gradient at a constant, and of other products at a number", async () => {
  const { step, release } = await openStep(engines.gpu, stack());
  release();
  const products = launchesOf(step.program).filter((launch) =>
    launch.every(({ kernel }) => kernel === "matmul"),
  );
  const ofWeights = products.filter((launch) => launch.every(({ constants }) => constants.TRANSPOSE_A === 1));
  const others = products.filter((launch) => launch.every(({ constants }) => constants.TRANSPOSE_A === 0));
  expect(ofWeights.length).toBeGreaterThan(0);
  expect(others.length).toBeGreaterThan(0);
  for (const launch of others) {
    const names = specialiseLaunch(step.program, launch).numbers.map(({ name }) => name.replace(/_\d+$/, ""));
    expect(names).toContain("K");
  }
  for (const launch of ofWeights) {
    const { code, numbers } = specialiseLaunch(step.program, launch);
    const names = numbers.map(({ name }) => name.replace(/_\d+$/, ""));
    expect(names).toContain("N");
    expect(names).not.toContain("K");
    // A loop over K that reads a number would begin with a declaration of it.
    expect(code).not.toMatch(/let K(_\d+)? =/);
  }
});

describe("on wide devices", () => {
  const traits = { workgroupBytes: 16384, workgroupInvocations: 256 };

  /** The programs of a batch and of a last smaller one. */
  async function programs(model: () => Sequential): Promise<Program[]> {
    const of = async (batch: number) => {
      const { step, release } = await openStep(engines.cpu, model(), batch);
      release();
      return programFor(step.program, traits);
    };
    return [await of(16), await of(12)];
  }

  /** Number of kinds of shaders. */
  function kinds(programs: readonly Program[]): number {
    return new Set(programs.flatMap((program) => launchDetails(program).map(({ code }) => code))).size;
  }

  it.each([
    ["a network of convolutions", convNet],
    ["a transformer block", block],
  ])("a batch and a last smaller batch of %s share shaders", async (_name, model) => {
    const both = await programs(model);
    const added = kinds(both) - kinds(both.slice(0, 1));
    expect(added).toBeLessThan(0.6 * kinds(both.slice(1)));
    expect(kinds(both)).toBeLessThan(0.85 * kinds(both.map(withConstantsOnly)));
  });

  it("compute to the bit as with constants", async () => {
    const [, program] = await programs(normalised);
    const numbers = await steps(engines.gpu, program);
    expect(numbers).toEqual(await steps(engines.gpu, withConstantsOnly(program)));
    const all = [...Object.values(numbers.outputs), ...numbers.state].flatMap((values) => Array.from(values));
    expect(all.every(Number.isFinite)).toBe(true);
    expect(all.some((value) => value !== 0)).toBe(true);
  }, 240_000);
});

it("names no constant that a kernel's shader does not have", async () => {
  const { step, release } = await openStep(engines.gpu, convNet());
  release();
  for (const { kernel, constants, numbers = [] } of step.program.dispatches) {
    const declared = kernelNamed(kernel).constants;
    for (const name of numbers) {
      expect(declared).toHaveProperty(name);
      expect(constants).toHaveProperty(name);
    }
  }
});
