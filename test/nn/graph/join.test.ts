/** Dispatches that share a launch: which do, and that it changes nothing but the number of launches. */
import { describe, expect, it } from "vitest";
import { digits } from "../../../src/data/digits/digits.ts";
import {
  adam,
  connect,
  createTrainer,
  dense,
  matmul,
  mul,
  ops,
  type Program,
  relu,
  sequential,
  sum,
  type Tensor,
} from "../../../src/index.ts";
import { isWritten } from "../../../src/kernels/index.ts";
import { sharedBindings } from "../../../src/kernels/launch.ts";
import { checkProgram, launchesOf, MAX_STORAGE_BINDINGS } from "../../../src/program.ts";
import { useEngines } from "../../helpers/engines.ts";
import { programOf } from "../../helpers/graph-run.ts";
import { openMlp } from "../../helpers/mlp.ts";
import { randomGraph } from "../../helpers/random-graphs.ts";

const engines = useEngines();
const { train: data } = digits({ train: 128, test: 1 });

describe("the step of a three-layer MLP", () => {
  it("has at most 8 launches, and reads its batch where the data set lies", async () => {
    const training = await openMlp(engines.cpu, data, { batchSize: 32 });
    const { program } = training.step;
    expect(launchesOf(program).length).toBeLessThanOrEqual(8);
    const temporaries = program.buffers
      .filter(({ kind }) => kind === "temporary")
      .map(({ length }) => length);
    expect(temporaries).not.toContain(32 * 784);
    const weightGradients = program.dispatches.filter(({ bindings }) =>
      Object.values(bindings).some(({ buffer }) => program.buffers[buffer].name === "gradients"),
    );
    // Three products, each with its bias's sums, and the optimizer.
    expect(weightGradients).toHaveLength(4);
    training.release();
  });

  it("is the same to the bit with every dispatch in a launch of its own", async () => {
    const joined = await openMlp(engines.gpu, data, { batchSize: 32, hidden: [48, 20] });
    const engine = await connect();
    const compile = engine.compile.bind(engine);
    const apart = (program: Program): Program => ({
      ...program,
      dispatches: program.dispatches.map((dispatch) => ({ ...dispatch, joined: false })),
    });
    engine.compile = (program, options) => compile(apart(program), options);
    const separate = await openMlp(engine, data, { batchSize: 32, hidden: [48, 20] });
    expect(launchesOf(separate.step.program).length).toBeGreaterThan(launchesOf(joined.step.program).length);
    expect(await separate.run(10)).toEqual(await joined.run(10));
    expect(await separate.trainer.weights()).toEqual(await joined.trainer.weights());
    joined.release();
    await engine.destroy();
  });
});

it("products of one input with several weights are one launch", async () => {
  const trainer = createTrainer(engines.cpu, sequential(dense(4), relu()), {
    inputShape: [8],
    optimizer: adam(),
  });
  const step = await trainer.compile(
    ({ x, a, b, c }) => ({ a: matmul(x, a), b: matmul(x, b), c: matmul(x, c) }),
    { inputs: { x: [8, 16], a: [16, 16], b: [16, 16], c: [16, 16] }, training: false },
  );
  expect(launchesOf(step.program)).toHaveLength(1);
});

it("no launch writes more outputs than every device can", async () => {
  const trainer = createTrainer(engines.cpu, (x) => x, { inputShape: [1] });
  const sums = ({ a }: { a: Tensor }) =>
    Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`times${i}`, sum(mul(a, i))]));
  const { program } = await trainer.compile(sums, { inputs: { a: [4] }, training: false });
  const written = launchesOf(program).map((launch) => {
    const shared = sharedBindings(launch).map(({ view }) => program.buffers[view.buffer].kind);
    return shared.filter((kind) => kind === "output").length;
  });
  expect(written).toEqual([4, 4, 1]);
});

it("what depends on each other never shares one, nor what would bind too much", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const program = programOf(randomGraph(seed));
    expect(() => checkProgram(program, isWritten)).not.toThrow();
    for (const launch of launchesOf(program))
      expect(sharedBindings(launch).length).toBeLessThanOrEqual(MAX_STORAGE_BINDINGS);
  }
});

it("a program that joins what depends on each other is refused", async () => {
  const trainer = createTrainer(engines.cpu, sequential(dense(4), relu(), dense(3)), {
    inputShape: [8],
    optimizer: adam(),
  });
  const inputs = { x: [2, 8], y: { shape: [2], dtype: "i32" } } as const;
  const step = await trainer.compile(({ x, y }, model) => ({ minimize: ops.crossEntropy(model(x), y) }), {
    inputs,
  });
  const dispatches = step.program.dispatches.map((dispatch, i) =>
    i === 1 ? { ...dispatch, joined: true } : dispatch,
  );
  expect(() => checkProgram({ ...step.program, dispatches }, isWritten)).toThrow(
    /is joined to .* on which it depends/,
  );
});
