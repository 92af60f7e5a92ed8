/** Numbers that go wrong in a step: training stops before it, leaves it out, or goes back. */
import { describe, expect, it } from "vitest";
import {
  add,
  choose,
  cpu,
  DivergenceError,
  dense,
  equal,
  exp,
  fit,
  greater,
  type LossFunction,
  mean,
  meanSquaredError,
  ops,
  type SessionOptions,
  sequential,
  session,
  sgd,
  square,
  stepScalar,
  sub,
  type TrainingEvent,
} from "wgrad";
import { dataset } from "wgrad/data";
import { uniform } from "../helpers/samples.ts";

const good = dataset({
  name: "samples",
  inputs: { data: uniform([22, 2]).data, shape: [2] },
  targets: { data: uniform([22]).data },
});
/** One of them has an input whose square no 32-bit float holds. */
const [bad, badFirst] = [13, 0].map((at) => {
  const inputs = good.inputs.data.slice() as Float32Array;
  inputs[at * 2] = 3e38;
  return dataset({ name: "samples", inputs: { data: inputs, shape: [2] }, targets: good.targets });
});

/** Six steps in each epoch, the last of them smaller; the fourth has the bad sample. */
async function open(options: SessionOptions = {}, data = bad) {
  const events: TrainingEvent[] = [];
  const one = await session(cpu(), sequential(dense(3), dense(1)), data, {
    loss: meanSquaredError(),
    optimizer: sgd({ learningRate: 0.01, momentum: 0.9 }),
    batchSize: 4,
    shuffle: false,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { one, events };
}

const failureOf = (work: PromiseLike<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

describe("stop", () => {
  it.each([{}, { recover: { every: 1 } }, { accumulate: 2 }, { dropLast: true }])(
    "leaves the model as it was before the step: %j",
    async (options) => {
      const { one, events } = await open(options);
      const { one: same } = await open(options, good);
      const error = await failureOf(one.advance(9));
      expect(error).toBeInstanceOf(DivergenceError);
      expect(error.message).toMatch(/^session: the loss became \w+ in step 4 \(epoch 1\): .*; use a lower/);
      expect(error.report).toMatchObject({ step: 4, epoch: 1 });
      expect(events).toEqual([{ kind: "stopped", step: 4, epoch: 1, report: error.report }]);
      expect(one.place).toEqual({ steps: 3, epoch: 1, stepsOfEpoch: 3 });
      await same.advance(3);
      expect((await one.snapshot()).trainer).toEqual((await same.snapshot()).trainer);
      // The step is the next one, and goes wrong again.
      expect((await failureOf(one.advance(1))).message).toBe(error.message);
    },
  );

  it("in the first step, too", async () => {
    const { one } = await open({}, badFirst);
    const { one: same } = await open({}, badFirst);
    expect(await failureOf(one.advance(5))).toBeInstanceOf(DivergenceError);
    expect(one.place.steps).toBe(0);
    expect((await one.snapshot()).trainer).toEqual((await same.snapshot()).trainer);
  });

  it("ends the calls behind it as well, and none before", async () => {
    const { one } = await open();
    const calls = [one.advance(2), one.advance(3), one.advance(1), one.advance(2)];
    const [first, ...others] = await Promise.all(calls.map(failureOf));
    expect(first).toBe(undefined);
    expect(others[0]).toBeInstanceOf(DivergenceError);
    expect(others.every((error) => error === others[0])).toBe(true);
    expect(one.place.steps).toBe(3);
  });

  it("takes the steps again at the rates that they had", async () => {
    const run = async (data: typeof good) => {
      const { one } = await open(
        { recover: { every: 1e6 }, epochs: 2, schedule: (step) => 1 / (step + 1) },
        data,
      );
      await one.advance(1);
      one.learningRate = 0.05;
      await one.advance(1);
      one.learningRate = 0.002;
      await failureOf(one.advance(data === good ? 1 : 4));
      return (await one.snapshot()).trainer;
    };
    expect(await run(bad)).toEqual(await run(good));
  });
});

/** A thousand samples, and a loss that is infinite in one step, with gradients that are finite, while the rate is above `most`. */
const many = dataset({
  name: "samples",
  inputs: { data: uniform([1000, 2]).data, shape: [2] },
  targets: { data: uniform([1000]).data },
});
const infiniteIn =
  (step: number, most = 0): LossFunction =>
  (x, y) => {
    const high = greater(stepScalar("learningRate"), most);
    const large = choose(equal(stepScalar("step"), step), choose(high, 1000, 0), 0);
    return add(ops.meanSquaredError(x, y), sub(exp(large), 1));
  };

describe("steps in several submits", () => {
  it("ends with the step that went wrong: none behind it is reported, and the run has a position", async () => {
    const reported: number[] = [];
    const run = fit(cpu(), dense(1), many, {
      loss: infiniteIn(31),
      batchSize: 1,
      onProgress: ({ samples }) => void reported.push(samples),
    });
    expect(await failureOf(run)).toBeInstanceOf(DivergenceError);
    expect(reported.length).toBeGreaterThan(3);
    expect(reported.at(-1)).toBe(30);
    expect(run.place.steps).toBe(30);
    await run.checkpoint();
  });

  it("a rollback reports the same, however many steps a submit has", async () => {
    const losses = async (together: boolean) => {
      const { one, events } = await open(
        {
          loss: infiniteIn(78, 0.006),
          batchSize: 2,
          onNonFinite: { policy: "rollback", every: 50 },
          // A snapshot that is due ends a submit.
          recover: together ? false : { every: 1 },
        },
        many,
      );
      const told = await one.advance(120);
      expect(events).toMatchObject([{ kind: "rolledBack", step: 78, to: 50 }]);
      return { losses: told.losses, loss: told.loss, trainer: (await one.snapshot()).trainer };
    };
    expect(await losses(false)).toEqual(await losses(true));
  });
});

it.each(["stop", "skip", "rollback"] as const)(
  "waits for onEvent, whose failure ends the call, but hides no divergence: %s",
  async (onNonFinite) => {
    const failure = new Error("no room for the log");
    const { one } = await open({ onNonFinite, onEvent: async () => Promise.reject(failure) });
    const error = await failureOf(one.advance(9));
    if (onNonFinite === "stop") expect(error).toBeInstanceOf(DivergenceError);
    else expect(error).toBe(failure);
  },
);

describe("skip", () => {
  it("leaves the step out; means are of the others", async () => {
    const { one, events } = await open({ onNonFinite: "skip" });
    const told = await one.advance(6);
    expect(told.losses.map(Number.isFinite)).toEqual([true, true, true, false, true, true]);
    const sizes = [4, 4, 4, 4, 4, 2];
    const sum = told.losses.reduce(
      (all, loss, i) => (Number.isFinite(loss) ? all + loss * (sizes[i] ?? 0) : all),
      0,
    );
    expect(told.loss).toBeCloseTo(sum / 18, 12);
    expect(told.samples).toBe(22);
    expect(events).toEqual([{ kind: "skipped", step: 4, epoch: 1, inARow: 1 }]);
    expect(one.trainer.steps).toBe(6);
    await one.trainer.weights();
  });

  it("stops where the update itself overflows, and where all steps of an epoch are skipped", async () => {
    const { one } = await open({ onNonFinite: "skip", optimizer: sgd({ learningRate: 3e38 }) }, good);
    expect((await failureOf(one.advance(3))).message).toContain(
      "gradients or weights became not finite in step 1",
    );
    const never = { name: "never", apply: (x: Parameters<typeof square>[0]) => mean(square(square(x))) };
    const { one: all, events } = await open({ onNonFinite: "skip", loss: never, batchSize: 22 }, bad);
    expect((await failureOf(all.advance(3))).message).toMatch(/^session: 1 step was skipped, as many/);
    expect(events).toEqual([
      { kind: "skipped", step: 1, epoch: 1, inARow: 1 },
      { kind: "stopped", step: 1, epoch: 1 },
    ]);
  });
});

describe("rollback", () => {
  it("takes steps again at a lower rate, and stops after its attempts", async () => {
    const { one, events } = await open({ onNonFinite: { policy: "rollback", attempts: 2, factor: 0.1 } });
    expect(await failureOf(one.advance(5))).toBeInstanceOf(DivergenceError);
    expect(events.map(({ kind, step }) => [kind, step])).toEqual([
      ["rolledBack", 4],
      ["rolledBack", 4],
      ["stopped", 4],
    ]);
    expect(one.learningRate).toBeCloseTo(1e-4, 12);
  });

  it.each([undefined, 1])("the same steps whenever snapshots came: every %j", async (every) => {
    // Diverges within some steps, until the rate is low enough.
    const run = async (options: SessionOptions) => {
      const { one, events } = await open(
        {
          optimizer: sgd({ learningRate: 1e6 }),
          onNonFinite: { policy: "rollback", attempts: 30, factor: 0.01, every: 2 },
          ...options,
        },
        good,
      );
      const { losses } = await one.advance(14);
      return { losses, events, rate: one.learningRate, trainer: (await one.snapshot()).trainer };
    };
    const whole = await run({});
    expect(whole.events.length).toBeGreaterThan(0);
    expect(whole.losses.every(Number.isFinite)).toBe(true);
    expect(await run({ recover: { every } as object })).toEqual(whole);
  });

  it("an epoch of fit is that of the steps at the lower rate", async () => {
    const events: TrainingEvent[] = [];
    const history = await fit(cpu(), dense(1), good, {
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 1e12 }),
      batchSize: 4,
      epochs: 3,
      onNonFinite: { policy: "rollback", attempts: 20, factor: 0.01 },
      onEvent: (event) => events.push(event),
    });
    expect(events.length).toBeGreaterThan(0);
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(history.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });
});

it.each<[unknown, string]>([
  ["halt", 'session: onNonFinite is "halt"; give "stop", "skip", "rollback", or { policy'],
  [{ policy: "stop" }, "session: onNonFinite is"],
  [{ policy: "rollback", factor: 1 }, "session: onNonFinite.factor is 1"],
  [{ policy: "rollback", attempts: 0 }, "session: onNonFinite.attempts is 0"],
  [{ policy: "rollback", rate: 0.5 }, 'session: onNonFinite: there is no option "rate"'],
])("%j is refused", async (onNonFinite, message) => {
  await expect(open({ onNonFinite: onNonFinite as "stop" })).rejects.toThrow(message);
});
