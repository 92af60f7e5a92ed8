/** Dropout: how much it zeroes, that it keeps the mean, and that its mask is a function of seed, step and layer. */
import { describe, expect, it } from "vitest";
import {
  createTrainer,
  dropout,
  type Engine,
  gradients,
  init,
  type Model,
  sequential,
  sgd,
  sum,
} from "../../../src/index.ts";
import { DEVICES, ENGINES, useEngines } from "../../helpers/engines.ts";
import { uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const SAMPLES = 40;
const FEATURES = 500;
const shape = [SAMPLES, FEATURES] as const;
const COUNT = SAMPLES * FEATURES;
const ones = new Float32Array(COUNT).fill(1);

interface Setting {
  readonly seed?: number;
  /** Of the step that draws the mask. */
  readonly step?: number;
  readonly training?: boolean;
}

/** What a model makes of `x`, and the gradient of its sum. */
async function applied(
  engine: Engine,
  model: Model,
  x: Float32Array,
  { seed = 1, step = 1, training = true }: Setting = {},
) {
  const trainer = createTrainer(engine, model, { inputShape: [FEATURES], seed });
  const compiled = await trainer.compile(
    (inputs, call) => {
      const y = call(inputs.x);
      return { y, dx: gradients(sum(y), [inputs.x])[0] };
    },
    { inputs: { x: shape }, training },
  );
  const { y, dx } = await compiled.run({ x }, { step });
  compiled.release();
  trainer.release();
  return { y: y as Float32Array, dx: dx as Float32Array };
}

const mask = async (engine: Engine, model: Model, setting?: Setting) =>
  (await applied(engine, model, ones, setting)).y;

describe.each(ENGINES)("dropout on the %s", (kind) => {
  it.each([0.1, 0.5, 0.9])("zeroes a part of %f and keeps the mean", async (rate) => {
    const y = await mask(engines[kind], dropout(rate));
    const zeros = y.filter((value) => value === 0).length;
    // Five standard deviations of a binomial count.
    const allowed = 5 * Math.sqrt(COUNT * rate * (1 - rate));
    expect(Math.abs(zeros - rate * COUNT)).toBeLessThan(allowed);
    const kept = Math.fround(1 / (1 - rate));
    expect(y.every((value) => value === 0 || Math.abs(value - kept) <= 1e-6 * kept)).toBe(true);
    const mean = y.reduce((total, value) => total + value, 0) / COUNT;
    expect(Math.abs(mean - 1)).toBeLessThan(allowed / (1 - rate) / COUNT + 1e-6);
  });

  it("sends the gradient through what it kept, and through nothing else", async () => {
    const { y, dx } = await applied(engines[kind], dropout(0.4), ones);
    expect(dx).toEqual(y);
    expect(new Set(y).size).toBe(2);
  });

  it("does nothing in evaluation, and nothing at rate 0", async () => {
    const { data: x } = uniform(shape);
    expect((await applied(engines[kind], dropout(0.5), x, { training: false })).y).toEqual(x);
    expect((await applied(engines[kind], dropout(0), x)).y).toEqual(x);
  });

  it("has the same mask for the same seed and step, and another for another", async () => {
    const engine = engines[kind];
    const first = await mask(engine, dropout(), { seed: 1, step: 1 });
    expect(await mask(engine, dropout(), { seed: 1, step: 1 })).toEqual(first);
    for (const other of [
      { seed: 1, step: 2 },
      { seed: 2, step: 1 },
    ]) {
      expect(part(first, await mask(engine, dropout(), other))).toBeCloseTo(0.5, 1);
    }
  });

  it("has a mask of its own in each layer", async () => {
    const both = await mask(engines[kind], sequential(dropout(0.5), dropout(0.5)));
    // One mask twice would keep a half; two masks keep a quarter, four times as large.
    expect(both.filter((value) => value === 4).length / COUNT).toBeCloseTo(0.25, 1);
    expect(both.every((value) => value === 0 || value === 4)).toBe(true);
  });

  it("has another mask in each step of training", async () => {
    const trainer = createTrainer(engines[kind], (x, scope) => dropout().apply(x, scope), {
      inputShape: [FEATURES],
      seed: 3,
    });
    const step = await trainer.compile((inputs, call) => ({ y: call(inputs.x) }), {
      inputs: { x: shape },
      maxSteps: 3,
    });
    step.write({ x: ones });
    const { y } = await step.runMany(3, (i) => ({ step: i + 1 }));
    const masks = [0, 1, 2].map((i) => (y as Float32Array).subarray(i * COUNT, (i + 1) * COUNT));
    expect(part(masks[0], masks[1])).toBeCloseTo(0.5, 1);
    expect(part(masks[1], masks[2])).toBeCloseTo(0.5, 1);
    expect(part(masks[0], masks[2])).toBeCloseTo(0.5, 1);
  });
});

it.each(DEVICES)("has the same mask on the %s as on the CPU, bit for bit", async (kind) => {
  for (const setting of [{}, { seed: 2 ** 40 + 5, step: 7 }, { seed: 0, step: 123_456 }]) {
    const model = sequential(dropout(0.3), dropout(0.2));
    const [want, got] = [await mask(engines.cpu, model, setting), await mask(engines[kind], model, setting)];
    expect(new Uint8Array(got.buffer)).toEqual(new Uint8Array(want.buffer));
  }
});

it("counts the steps that train", async () => {
  // Dropout of a weight that is never changed: from step to step, only the mask is another.
  const model: Model = (_x, scope) =>
    dropout().apply(scope.parameter("weight", [FEATURES], { init: init.constantValue(1) }), scope);
  const trainer = createTrainer(engines.cpu, model, { inputShape: [1], optimizer: sgd({ learningRate: 0 }) });
  const step = await trainer.compile(({ x }, call) => ({ minimize: sum(call(x)) }), {
    inputs: { x: [1, 1] },
  });
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) losses.push((await step.run()).loss[0]);
  expect(new Set(losses).size).toBe(3);
  expect(trainer.steps).toBe(3);
});

/** The part of positions at which one of two masks is zero and the other is not. */
function part(a: Float32Array, b: Float32Array): number {
  return a.filter((value, i) => (value === 0) !== (b[i] === 0)).length / a.length;
}
