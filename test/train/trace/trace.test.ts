/** What the tracer says of the first number that is not finite, and what it leaves as it was. */
import { expect, it } from "vitest";
import {
  adam,
  batchNorm,
  choose,
  conv2d,
  DeviceLostError,
  dense,
  dropout,
  type Engine,
  EngineError,
  flatten,
  greater,
  type Layer,
  type Model,
  maxPool2d,
  meanSquaredError,
  ops,
  relu,
  type SessionOptions,
  sequential,
  session,
  sgd,
} from "wgrad";
import { dataset } from "wgrad/data";
import { isWritten } from "../../../src/kernels/index.ts";
import { lowerApart } from "../../../src/nn/graph/lower/apart.ts";
import { buildStep } from "../../../src/nn/training/step.ts";
import { checkProgram } from "../../../src/program.ts";
import { MemoryLimitError } from "../../../src/runtime/limits.ts";
import { captured, probed, readings } from "../../../src/train/trace/probed.ts";
import { reportInWords, type TracedStep, traceNonFinite } from "../../../src/train/trace/trace.ts";
import type { Training } from "../../../src/train/training.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";
import { uniform } from "../../helpers/samples.ts";

const engines = useEngines();

const samples = dataset({
  inputs: { data: uniform([12, 3]).data, shape: [3] },
  targets: { data: uniform([12]).data },
});

const STEP: TracedStep = { epoch: 1, size: 4, start: 4, learningRate: 0.1 };

/** A session whose batches are in order, before its first step. */
async function begun(engine: Engine, model: Model, options: SessionOptions = {}, data = samples) {
  const settings = { batchSize: 4, loss: meanSquaredError(), optimizer: sgd(), shuffle: false, ...options };
  const training = (await session(engine, model, data, settings)) as Training;
  for await (const _ of training.source.read({ epoch: 1, seed: 0, shuffle: false }));
  return training;
}

const of = (name: string, apply: Layer["apply"]): Layer => ({ name, apply });

const traced = async (training: Training, step: Partial<TracedStep> = {}) =>
  traceNonFinite(training.parts, training.source, { ...STEP, ...step });

it.each(ENGINES)("the op that made NaN of numbers is named, on the %s", async (kind) => {
  const root = of("root", (x) => ops.sqrt(ops.sub(x, 10)));
  using training = await begun(engines[kind], sequential(dense(5), root, dense(1)));
  const report = await traced(training);
  expect(report).toMatchObject({
    step: 1,
    epoch: 1,
    place: "op",
    phase: "forward",
    layer: "1.root",
    op: "sqrt",
    shape: [4, 5],
    element: 0,
    value: Number.NaN,
  });
  expect(report.largest?.operands).toBeGreaterThan(8);
  expect(report.largest?.operands).toBeLessThan(12);
  expect(report.largest?.step).toBeGreaterThanOrEqual(report.largest?.operands as number);
  expect(reportInWords(report)).toMatch(
    /^step 1 \(epoch 1\): sqrt in 1\.root made NaN of finite numbers \(tensor \[4, 5\], the largest number before was 1[01]\)$/,
  );
});

it("an infinity that does no harm is not blamed for another layer's NaN", async () => {
  // exp(200) is infinite, and 1 / (1 + exp(200)) is 0, as it should be.
  const logistic = of("logistic", (x) => ops.div(1, ops.add(1, ops.exp(ops.add(ops.mul(x, 0), 200)))));
  const masked = of("masked", (x) => choose(greater(x, -1), x, ops.log(ops.sub(x, 1e6))));
  const bad = of("bad", (x) => ops.log(ops.sub(x, 1e6)));
  using training = await begun(engines.cpu, sequential(dense(4), logistic, masked, bad, dense(1)));
  expect(await traced(training)).toMatchObject({ layer: "3.bad", op: "log" });
});

it("nothing is blamed where nothing is wrong, and the trainer is as it was", async () => {
  using training = await begun(engines.cpu, sequential(dense(4), batchNorm(), dropout(0.5), dense(1)), {
    optimizer: adam(),
  });
  await training.advance(2);
  const before = await training.trainer.snapshot();
  expect(await traced(training)).toEqual({ step: 3, epoch: 1, place: "unknown" });
  expect(await training.trainer.snapshot()).toEqual(before);
});

it("where the gradient is the first, its op is named, its layer, and the parameters that it spoils", async () => {
  const root = of("root", (x) => ops.sqrt(ops.mul(x, 0)));
  using training = await begun(engines.cpu, sequential(dense(5), dense(5), root, dense(1)));
  const report = await traced(training);
  expect(report).toMatchObject({
    place: "op",
    phase: "backward",
    layer: "2.root",
    op: "div",
    gradients: ["0.weight", "0.bias", "1.weight", "1.bias"],
  });
  expect(reportInWords(report)).toMatch(/gradient/);
});

it("the optimizer's op is named, with the parameter's element", async () => {
  using training = await begun(engines.cpu, dense(1), { optimizer: adam() });
  const state = await training.trainer.snapshot();
  state.arenas.first[1] = 3e38;
  training.trainer.restore(state);
  const report = await traced(training, { learningRate: 100 });
  expect(report).toMatchObject({ place: "op", phase: "update", layer: "optimizer", tensor: "weight" });
  expect(report).toMatchObject({ shape: [1, 3], element: 1, value: expect.any(Number) });
  expect(report.largest?.operands).toBeGreaterThan(1e37);
  expect(await training.trainer.snapshot()).toEqual(state);
});

it("a batch of which the last is smaller, parts of a batch, and another epoch's order are traced as they were read", async () => {
  const broken = dataset({
    inputs: { data: uniform([10, 3]).data, shape: [3] },
    targets: { data: uniform([10]).data },
  });
  using training = await begun(engines.cpu, dense(1), { accumulate: 2 }, broken);
  const inputs = Object.entries(training.source.data).find(([name]) => name.endsWith("inputs"));
  inputs?.[1].write(Float32Array.of(Number.NEGATIVE_INFINITY), 9 * 3 + 1);
  expect(await traced(training)).toMatchObject({ place: "unknown" });
  const last = { start: 8, size: 2 };
  const found = { place: "input", sample: 9, element: 1, shape: [3], value: Number.NEGATIVE_INFINITY };
  expect(await traced(training, last)).toMatchObject(found);
  for await (const _ of training.source.read({ epoch: 2, seed: 0, shuffle: true }));
  const reports = await Promise.all([0, 4].map((start) => traced(training, { start })));
  reports.push(await traced(training, last));
  expect(reports.filter(({ place }) => place === "input")).toMatchObject([{ ...found, step: 1 }]);
});

it("where the step does not fit op by op, it is traced as it is trained", async () => {
  const root = of("root", (x) => ops.sqrt(ops.sub(x, 10)));
  using training = await begun(engines.cpu, sequential(dense(5), root, dense(1)));
  const { engine } = training.trainer;
  const compile = engine.compile.bind(engine);
  try {
    engine.compile = async (program, options) => {
      if (program.dispatches.some(({ op }) => op === "sqrt"))
        throw new MemoryLimitError("program train", 2, 1, "use a smaller batch");
      return compile(program, options);
    };
    // The root rides along where the first layer's product is stored.
    const report = await traced(training);
    expect(report).toMatchObject({ layer: "0.dense", op: "matmul add sub squareRoot", value: Number.NaN });
  } finally {
    engine.compile = compile;
  }
});

it("where there is no memory for a trace, the report says no more than the step, and the trainer is as it was", async () => {
  const root = of("root", (x) => ops.sqrt(ops.sub(x, 10)));
  using training = await begun(engines.cpu, sequential(dense(5), root, dense(1)));
  const before = await training.trainer.snapshot();
  const { engine } = training.trainer;
  const compile = engine.compile.bind(engine);
  try {
    engine.compile = async ({ name }) => {
      throw new EngineError(`program ${name}: no memory`);
    };
    expect(await traced(training)).toEqual({ step: 1, epoch: 1, place: "unknown" });
    engine.compile = async () => {
      throw new DeviceLostError("lost");
    };
    await expect(traced(training)).rejects.toThrow(DeviceLostError);
  } finally {
    engine.compile = compile;
  }
  expect(await training.trainer.snapshot()).toEqual(before);
});

/** The step of a model of many kinds, op by op, and as it is trained. */
async function bothForms() {
  const model = sequential(
    conv2d(3, 3, { padding: 1 }),
    batchNorm(),
    relu(),
    maxPool2d(2),
    flatten(),
    dense(4),
    dropout(0.3),
    dense(2),
  );
  const images = dataset({
    inputs: { data: uniform([6, 1, 4, 4]).data, shape: [1, 4, 4] },
    targets: { data: Uint8Array.of(0, 1, 0, 1, 1, 0) },
    classes: 2,
  });
  const options = { loss: undefined, optimizer: sgd({ momentum: 0.9 }), clip: { norm: 0.1 }, batchSize: 3 };
  const training = await begun(engines.cpu, model, options, images);
  const { trainer, source, parts } = training;
  const { trainingStep } = await import("../../../src/train/trainingSteps.ts");
  const { body, options: how } = trainingStep(parts, source, 3);
  const layout = { parameters: trainer.layout, statistics: trainer.statistics };
  const { optimizer } = trainer;
  const request = { ...how, model: trainer.model, layout, optimizer, training: true };
  const apart = buildStep({
    ...request,
    body: (call, part) => body({}, call, part),
    lowered: lowerApart,
  });
  return { training, apart };
}

it("op by op, a step has an op in each launch, and comes to the same numbers", async () => {
  const { training, apart } = await bothForms();
  expect(apart.dispatches.every(({ op, joined }) => op && !joined)).toBe(true);
  expect(apart.dispatches.length).toBeGreaterThan(3 * training.program.dispatches.length);
  checkProgram(apart, isWritten);
  const { trainer, source } = training;
  const before = await trainer.snapshot();
  await training.advance(1);
  const after = await trainer.snapshot();
  trainer.restore(before);
  const executable = await trainer.engine.compile(apart, { state: trainer.memory, data: source.data });
  const { CompiledStep } = await import("../../../src/train/compiledStep.ts");
  const step = new CompiledStep(trainer, executable, true, []);
  await step.run({}, { batchStart: 0, epoch: 1 });
  const now = await trainer.snapshot();
  let changed = 0;
  for (const [name, values] of Object.entries(after.arenas)) {
    values.forEach((value, i) => {
      expect(Math.abs(now.arenas[name][i] - value), `${name} ${i}`).toBeLessThan(1e-6);
      if (value !== before.arenas[name][i]) changed++;
    });
  }
  expect(changed).toBeGreaterThan(100);
  training.release();
});

it("probes count what is not finite, and measure the rest, whatever is among it", async () => {
  const { training, apart } = await bothForms();
  const { trainer, source } = training;
  const state = await trainer.snapshot();
  const at = trainer.layout.offset("0.weight");
  state.arenas.parameters.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -7e30], at);
  trainer.restore(state, { nonFinite: "allow" });
  const both = probed(apart);
  checkProgram(both.program, isWritten);
  const memory = { state: trainer.memory, data: source.data };
  const { CompiledStep } = await import("../../../src/train/compiledStep.ts");
  for (const [i, { kernel }] of apart.dispatches.entries())
    checkProgram(captured(apart, i), isWritten), expect(kernel).toBeTruthy();
  // The weights themselves, as the optimizer leaves them.
  const step = new CompiledStep(trainer, await trainer.engine.compile(both.program, memory), true, []);
  const seen = readings(both, await step.run({}, { batchStart: 0, epoch: 1 }));
  const after = (await trainer.snapshot()).arenas.parameters;
  const stored = seen
    .filter(({ view }) => apart.buffers[view.buffer].name === "parameters" && view.offset === 0)
    .at(-1);
  const finite = after.filter(Number.isFinite);
  expect(stored).toMatchObject({
    bad: after.length - finite.length,
    largest: finite.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  });
  expect(stored?.bad).toBeGreaterThan(3);
  training.release();
});
