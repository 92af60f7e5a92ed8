/** A run of a step is refused as a whole, and then nothing has changed, or it is accepted and counts. */
import { describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  createTrainer,
  dense,
  dropout,
  EngineError,
  mean,
  mul,
  ops,
  sequential,
  stepScalar,
} from "wgrad";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const x = Float32Array.of(1, 2, 3, 4);
const y = Float32Array.of(1, -1);

async function open(kind: (typeof ENGINES)[number]) {
  const trainer = createTrainer(engines[kind], dense(1), { inputShape: [2], optimizer: adam() });
  const step = await trainer.compile(
    ({ x, y }, model) => ({ minimize: mul(ops.meanSquaredError(model(x), y), stepScalar("factor")) }),
    { name: "train", inputs: { x: [2, 2], y: [2] }, maxSteps: 4 },
  );
  return { trainer, step };
}

/** What one step with nothing refused before it makes of the weights. */
async function afterOneStep({ trainer, step }: Awaited<ReturnType<typeof open>>) {
  await step.run({ x, y }, { factor: 1 });
  return trainer.weights();
}

describe.each(ENGINES)("a refused run on the %s", (kind) => {
  type Opened = Awaited<ReturnType<typeof open>>;
  it.each<[string, string | typeof EngineError, (opened: Opened) => Promise<unknown>]>([
    [
      "of too many steps",
      "takes 1 to 4 steps (maxSteps), got 9",
      ({ step }) => step.runMany(9, () => ({ factor: 1 })),
    ],
    ["of no steps", "got 0", ({ step }) => step.runMany(0, () => ({ factor: 1 }))],
    ["profiled, of too many", "got 9", ({ step }) => step.profile(9, () => ({ factor: 1 }))],
    ["without a scalar", 'step scalar "factor" is undefined', ({ step }) => step.run()],
    [
      "without the last scalar of several",
      'step scalar "factor" is NaN',
      ({ step }) => step.runMany(3, (i) => ({ factor: i < 2 ? 1 : Number.NaN })),
    ],
    [
      "whose scalars throw",
      "no more",
      ({ step }) =>
        step.runMany(3, (i) => {
          if (i === 2) throw new Error("no more");
          return { factor: 1 };
        }),
    ],
    [
      "of one good and one bad input",
      'input "y" takes 2 elements, got 3',
      ({ step }) => step.run({ x: Float32Array.of(9, 9, 9, 9), y: new Float32Array(3) }, { factor: 1 }),
    ],
    [
      "of good inputs without a scalar",
      'step scalar "factor" is undefined',
      ({ step }) => step.run({ x: Float32Array.of(9, 9, 9, 9) }),
    ],
  ])("%s changes nothing, and is not counted", async (_what, message, run) => {
    const expected = await afterOneStep(await open(kind));
    const opened = await open(kind);
    opened.step.write({ x, y });
    const table = opened.step.executable.table.f32.slice();
    await expect(run(opened)).rejects.toThrow(message);
    expect(opened.trainer.steps).toBe(0);
    expect(opened.step.executable.table.f32).toEqual(table);
    await opened.step.run({}, { factor: 1 });
    expect(opened.trainer.steps).toBe(1);
    expect(await opened.trainer.weights()).toEqual(expected);
  });

  it("before its inputs were given writes none of them", async () => {
    const { step } = await open(kind);
    await expect(step.run({ x }, { factor: 1 })).rejects.toThrow('input "y" was never given');
    await expect(step.run({ y }, { factor: 1 })).rejects.toThrow('input "x" was never given');
    await step.run({ x, y }, { factor: 1 });
  });
});

it("inputs are written together or not at all", async () => {
  const { step } = await open("cpu");
  step.write({ x, y });
  const { loss } = await step.run({}, { factor: 1 });
  const again = await open("cpu");
  again.step.write({ x, y });
  expect(() => again.step.write({ x: new Float32Array(4), y: new Float32Array(5) })).toThrow(EngineError);
  expect((await again.step.run({}, { factor: 1 })).loss).toEqual(loss);
});

it("a count that random numbers go by is a whole number", async () => {
  const trainer = createTrainer(engines.cpu, sequential(dropout(0.5)), { inputShape: [4] });
  const step = await trainer.compile(({ x }, model) => ({ y: mean(model(x)) }), { inputs: { x: [2, 4] } });
  const inputs = { x: new Float32Array(8) };
  for (const wrong of [-1, 1.5, Number.POSITIVE_INFINITY]) {
    await expect(step.run(inputs, { step: wrong })).rejects.toThrow(
      `step scalar "step" is ${wrong}; give it a whole number from 0`,
    );
  }
});

it.each(ENGINES)("weights and snapshots are of the moment in which they are asked for: %s", async (kind) => {
  const open = async () => {
    const model = sequential(dense(3), batchNorm(), dense(1));
    const trainer = createTrainer(engines[kind], model, {
      inputShape: [2],
      optimizer: adam({ learningRate: 0.1 }),
    });
    const step = await trainer.compile(
      ({ x, y }, model) => ({ minimize: ops.meanSquaredError(model(x), y) }),
      {
        inputs: { x: [2, 2], y: [2] },
      },
    );
    await step.run({ x, y });
    return { trainer, step };
  };
  const still = await open();
  const [weights, state] = [await still.trainer.weights(), await still.trainer.snapshot()];
  const moving = await open();
  const asked = [moving.trainer.weights(), moving.trainer.snapshot()];
  for (let i = 0; i < 3; i++) await moving.step.run();
  expect(await Promise.all(asked)).toEqual([weights, state]);
});
