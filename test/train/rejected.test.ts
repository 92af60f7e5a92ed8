/**
 * Functions that a caller writes by mistake with `async`: what they return is refused, and their own rejection, which
 * nobody awaits then, does not end the process.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { augment } from "../../src/augment/index.ts";
import { type Dataset, dataset } from "../../src/data/index.ts";
import {
  compile,
  cpu,
  createTrainer,
  dense,
  evaluate,
  type FitOptions,
  fit,
  flatten,
  iota,
  type Metric,
  type Model,
  meanSquaredError,
  mul,
  optimizer,
  sequential,
  session,
  sgd,
  sub,
} from "../../src/index.ts";
import { objective } from "../../src/minimize/index.ts";

const COUNT = 6;
const data: Dataset = dataset({
  inputs: { data: Float32Array.from({ length: COUNT * 4 }, (_, i) => Math.sin(i)), shape: [4] },
  targets: { data: Float32Array.from({ length: COUNT * 2 }, (_, i) => Math.cos(i)), shape: [2] },
});
const images: Dataset = dataset({
  inputs: { data: data.inputs.data, shape: [1, 2, 2] },
  targets: { data: data.targets.data, shape: [2] },
});
const settings = { loss: meanSquaredError, optimizer: sgd(), batchSize: 3, epochs: 2 } as const;

const unhandled: unknown[] = [];
const listen = (reason: unknown) => unhandled.push(reason);
beforeAll(() => void process.on("unhandledRejection", listen));
afterAll(() => void process.off("unhandledRejection", listen));
beforeEach(() => {
  unhandled.length = 0;
});

const fault = new Error("of the function's own");
/** A function with `async` that fails. */
const failing = async (): Promise<never> => {
  await null;
  throw fault;
};
// The types refuse such functions; people without types write them.
const own = failing as () => never;

const trained = (options: Partial<FitOptions>, model: Model = dense(2)) =>
  fit(cpu(), model, data, { ...settings, ...options } as FitOptions);
const ofEpoch = (options: Partial<FitOptions>) => async () => await trained(options);
const trainer = () => createTrainer(cpu(), dense(2), { inputShape: [4], optimizer: sgd() });

const metric = (parts: Partial<Metric>): Metric => ({
  name: "own",
  trace: ({ outputs }) => ({ outputs }),
  finish: () => 0,
  ...parts,
});

const numbered = (factor: (step: number) => number) =>
  optimizer({
    name: "own",
    learningRate: 0.1,
    scalars: { factor },
    update: ({ parameter, gradient, factor }) => ({ parameter: sub(parameter, mul(gradient, factor)) }),
  });

const CASES: Record<string, () => unknown> = {
  "the loss of fit": ofEpoch({ loss: own }),
  "the loss of a session": () => session(cpu(), dense(2), data, { ...settings, loss: own }),
  "the loss of evaluate": () => evaluate(trainer(), data, { loss: own }),
  "a loss object": ofEpoch({ loss: { name: "own", apply: own } as never }),
  "a metric's trace": ofEpoch({ validation: data, metrics: [metric({ trace: own })] }),
  "a metric's finish": ofEpoch({ validation: data, metrics: [metric({ finish: own })] }),
  "a metric's finish, in evaluate": () =>
    evaluate(trainer(), data, { loss: meanSquaredError, metrics: [metric({ finish: own })] }),
  "an augmentation": ofEpoch({ augment: { name: "own", apply: own } as never }),
  "an augmentation of values": ofEpoch({
    augment: augment({ kind: "values", name: "own", images: false, apply: own }),
  }),
  "an augmentation of batches": ofEpoch({ augment: augment({ kind: "batch", name: "own", apply: own }) }),
  "an augmentation that moves pixels": async () =>
    await fit(cpu(), sequential(flatten(), dense(2)), images, {
      ...settings,
      augment: augment({ kind: "affine", name: "own", map: own }),
    }),
  "a schedule": ofEpoch({ schedule: own }),
  "a schedule's factor": ofEpoch({ schedule: { name: "own", factor: own } as never }),
  "a layer": async () => await trained({}, own),
  "a layer of a sequence": async () => await trained({}, sequential(dense(2), own)),
  "a layer, in createTrainer": () => createTrainer(cpu(), own, { inputShape: [4] }),
  "the body of trainer.compile": () => trainer().compile(own),
  "the body of compile": () => compile(cpu(), { x: [2] }, own),
  "an output of a body": () => compile(cpu(), { x: [2] }, () => ({ y: failing() }) as never),
  "an optimizer's update": ofEpoch({ optimizer: { ...sgd(), update: own } as never }),
  "an optimizer's number of the step": async () => await trained({ optimizer: numbered(own) }),
  "an optimizer's number of a later step": async () =>
    await trained({ optimizer: numbered((step) => (step < 3 ? 1 : own())) }),
  "an initialiser": async () => await trained({}, dense(2, { init: own })),
  "the loss of an objective": () => objective(trainer(), { x: [1, 4] }, own, { x: new Float32Array(4) }),
  "scalars of a step": async () => {
    const step = await trainer().compile((_, model) => ({ y: model(iota([1, 4], 1)) }));
    return step.runMany(1, own);
  },
};

describe("a function that is async by mistake, and fails", () => {
  it.each(Object.keys(CASES))("%s", async (name) => {
    let refusal: unknown;
    try {
      await CASES[name]();
    } catch (error) {
      refusal = error;
    }
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(unhandled).toEqual([]);
    expect(refusal).toBeInstanceOf(Error);
    expect((refusal as Error).message).toContain("a Promise");
  });
});
