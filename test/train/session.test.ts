/** A session has one position, which moves step by step, over the ends of epochs; the steps are those of `fit`. */
import { describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  cosineDecay,
  cpu,
  DivergenceError,
  dense,
  dropout,
  type Engine,
  evaluate,
  fit,
  reduceOnPlateau,
  relu,
  type Session,
  type SessionOptions,
  sequential,
  session,
  sgd,
} from "wgrad";
import { type Dataset, digits, type Stream, stream } from "wgrad/data";
import { topK } from "wgrad/metrics";
import { heldByHost } from "../../scripts/heap.mjs";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";

const engines = useEngines();
const { train, test } = digits({ train: 60, test: 20 });
const model = () => sequential(dense(6), batchNorm(), relu(), dropout(0.2), dense(10));
const OPTIONS = { batchSize: 16, seed: 3, optimizer: adam({ learningRate: 0.01 }) };

/** Of two slots, with two batches each. */
const MEMORY = 2 * 40 * 800;

const open = (engine: Engine, options: SessionOptions = {}, data: Dataset | Stream = train) =>
  session(engine, model(), data, { ...OPTIONS, ...options });

/** The samples as a stream, in chunks of other sizes than batches and slots, and how often it was begun and closed. */
function streamed() {
  const seen = { opened: 0, closed: 0 };
  const data = stream({
    count: train.count,
    inputs: { type: "u8", shape: [784], scale: 1 / 255 },
    targets: { type: "u8" },
    classes: 10,
    async *open() {
      seen.opened++;
      try {
        for (let at = 0; at < train.count; at += 7) {
          const end = Math.min(at + 7, train.count);
          yield {
            inputs: train.inputs.data.slice(at * 784, end * 784),
            targets: train.targets.data.slice(at, end),
          };
        }
      } finally {
        seen.closed++;
      }
    },
  });
  return { data, seen };
}

/** What the steps come to, taken so many at a time. */
async function taken(one: Session, counts: readonly number[]) {
  const losses: number[] = [];
  for (const count of counts) losses.push(...(await one.advance(count)).losses);
  return { losses, weights: await one.trainer.weights() };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("an epoch's steps are those of fit, to the bit, with what they come to", async () => {
    const options = { ...OPTIONS, epochs: 2, validation: test, schedule: cosineDecay() };
    const run = fit(engines[kind], model(), train, options);
    const history = await run;
    using one = await open(engines[kind], options);
    expect(one.stepsPerEpoch).toBe(4);
    for (const { loss, accuracy, validation } of history) {
      const told = await one.advance(4);
      expect(told).toMatchObject({ steps: 4, samples: 60, loss, accuracy });
      expect(told.losses).toHaveLength(4);
      expect(await one.evaluate()).toEqual(validation);
    }
    expect(one.finished).toBe(true);
    expect(await one.trainer.weights()).toEqual(await run.trainer.weights());
  });

  it.each([
    ["resident", train, {}],
    ["in parts, of a set that is larger than its memory", train, { dataMemory: MEMORY }],
    ["of a stream", streamed().data, { dataMemory: MEMORY }],
  ] as [string, Dataset | Stream, SessionOptions][])(
    "steps are the same however many are taken at a time, over the ends of epochs: %s",
    async (_what, data, options) => {
      using whole = await open(engines[kind], options, data);
      const expected = await taken(whole, [10]);
      expect(whole.place).toEqual({ steps: 10, epoch: 3, stepsOfEpoch: 2 });
      using parts = await open(engines[kind], options, data);
      expect(await taken(parts, [1, 2, 1, 5, 1])).toEqual(expected);
      expect(parts.place).toEqual(whole.place);
    },
  );

  it.each([
    ["resident", train, {}],
    ["of a stream", streamed().data, { dataMemory: MEMORY }],
  ] as [string, Dataset | Stream, SessionOptions][])(
    "a snapshot is of the exact step, in mid-epoch, too: %s",
    async (_what, data, options) => {
      using first = await open(engines[kind], options, data);
      await first.advance(6);
      first.learningRate = 0.02;
      first.history = [0.5];
      const state = structuredClone(await first.snapshot());
      const expected = await taken(first, [5]);
      using other = await open(engines[kind], options, data);
      await other.advance(3);
      other.restore(state);
      expect(other.place).toEqual({ steps: 6, epoch: 2, stepsOfEpoch: 2 });
      expect([other.learningRate, other.history]).toEqual([0.02, [0.5]]);
      expect(await taken(other, [2, 3])).toEqual(expected);
      // And back in the session itself.
      first.restore(state);
      expect(await taken(first, [5])).toEqual(expected);
    },
  );
});

it("the learning rate can be changed between steps; a schedule's factor is multiplied with it", async () => {
  const rates: number[] = [];
  using one = await open(engines.cpu, { epochs: 2, schedule: (step) => 1 - step / 10 });
  expect(one.learningRate).toBe(0.01);
  rates.push((await one.advance(2)).learningRate);
  one.learningRate = 1;
  rates.push((await one.advance(1)).learningRate);
  expect(rates).toEqual([expect.closeTo(0.009, 12), expect.closeTo(0.8, 12)]);
  using still = await open(engines.cpu);
  await still.advance(1);
  const before = await still.trainer.weights();
  still.learningRate = 0;
  await still.advance(1);
  expect((await still.trainer.weights())["0.weight"]).toEqual(before["0.weight"]);
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, "0.1" as never])
    expect(() => Object.assign(still, { learningRate: wrong })).toThrow("session: learningRate is");
  expect(still.learningRate).toBe(0);
});

it("a schedule goes by the history that is given to the session", async () => {
  using one = await open(engines.cpu, { epochs: 4, schedule: reduceOnPlateau({ patience: 0 }) });
  await one.advance(4);
  one.history = [1, 2];
  expect((await one.advance(1)).learningRate).toBeCloseTo(0.001, 12);
  for (const [wrong, words] of [
    [5, "session: history is 5; expected an array"],
    [["1"], 'session: history holds "1"; expected numbers'],
  ] as const)
    expect(() => Object.assign(one, { history: wrong })).toThrow(words);
  expect(one.history).toEqual([1, 2]);
});

it.each(ENGINES)(
  "on the %s, steps under way when it is released end with an error that says so",
  async (kind) => {
    const one = await open(engines[kind], { batchSize: 5 });
    const steps = one.advance(100_000);
    setTimeout(() => one.release(), 20);
    await expect(steps).rejects.toThrow("session: it was released; open another");
  },
);

it("evaluates the validation set, or another, as evaluate does", async () => {
  using one = await open(engines.cpu, { validation: test, metrics: [topK(3)] });
  await one.advance(3);
  const options = { metrics: [topK(3)] };
  expect(await one.evaluate()).toEqual(await evaluate(one.trainer, test, options));
  const [again, others] = await Promise.all([one.evaluate(test), one.evaluate(train)]);
  expect(again).toEqual(await one.evaluate());
  expect(others).toEqual(await evaluate(one.trainer, train, options));
  using without = await open(engines.cpu);
  await expect(without.evaluate()).rejects.toThrow("there is nothing to evaluate");
  await expect(without.evaluate({} as never)).rejects.toThrow("session: evaluate: the data");
});

it("takes the steps there are, and no more", async () => {
  using one = await open(engines.cpu, { epochs: 2, dropLast: true });
  expect(one.stepsPerEpoch).toBe(3);
  expect(await one.advance(100)).toMatchObject({ steps: 6, samples: 96 });
  expect(one.finished).toBe(true);
  await expect(one.advance()).rejects.toThrow("session: all 2 epochs are over");
  for (const wrong of [0, -1, 1.5, Number.NaN])
    await expect(one.advance(wrong)).rejects.toThrow("number of steps is");
});

it("calls that overlap are taken in order, and a state waits for none of them", async () => {
  using one = await open(engines.cpu);
  using expected = await open(engines.cpu);
  const state = await expected.snapshot();
  const going = [one.advance(1), one.advance(5), one.advance(3)];
  expect(() => one.restore(state)).toThrow("session: restore: steps are being taken");
  const told = await Promise.all(going);
  expect(told.map(({ place }) => place.steps)).toEqual([1, 6, 9]);
  expect(told.flatMap(({ losses }) => losses)).toEqual((await expected.advance(9)).losses);
  expect(await one.trainer.weights()).toEqual(await expected.trainer.weights());
});

it("a few submits at most are under way, however many steps are asked for at once", async () => {
  using one = await open(engines.cpu);
  const { step } = one;
  let [now, most] = [0, 0];
  const run = step.executable.run.bind(step.executable);
  step.executable.run = async (count) => {
    most = Math.max(most, ++now);
    return run(count).finally(() => now--);
  };
  await Promise.all(Array.from({ length: 20 }, () => one.advance(1)));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(5);
});

it("a signal ends it between two steps, and it can go on", async () => {
  const controller = new AbortController();
  using one = await open(engines.cpu, { signal: controller.signal });
  await one.advance(1);
  controller.abort(new Error("enough"));
  await expect(one.advance(5)).rejects.toThrow("enough");
  expect(one.place.steps).toBe(1);
  const other = new AbortController();
  const epochs = 1000;
  const schedule = (step: number) => {
    if (step === 5) other.abort(new Error("now"));
    return 1;
  };
  using stopped = await open(engines.cpu, { signal: other.signal, epochs, schedule });
  await expect(stopped.advance(1000)).rejects.toThrow("now");
  const { steps } = stopped.place;
  expect(steps).toBeGreaterThan(5);
  expect(steps).toBeLessThan(100);
  expect(stopped.trainer.steps).toBe(steps);
  using onward = await open(engines.cpu, { epochs, schedule: () => 1 });
  onward.restore(await stopped.snapshot());
  using whole = await open(engines.cpu);
  await whole.advance(steps);
  expect((await onward.advance(3)).losses).toEqual((await whole.advance(3)).losses);
});

it("a step that is refused is not taken, and those before it are", async () => {
  const schedule = (step: number) => (step === 5 ? Number.NaN : 1);
  using one = await open(engines.cpu, { epochs: 2, schedule });
  await one.advance(4);
  await expect(one.advance(2)).rejects.toThrow("session: the schedule schedule gave NaN at step 5");
  expect(one.place.steps).toBe(one.trainer.steps);
  expect(one.place.steps).toBeLessThan(6);
});

it("a loss that is no number ends it", async () => {
  using one = await open(engines.cpu, { optimizer: sgd({ learningRate: 1e38 }) });
  await expect(one.advance(20)).rejects.toThrow(DivergenceError);
});

it("a stream that ends too early is told of, and one that is left is closed", async () => {
  const short = streamed();
  const data = { ...short.data, count: 70 };
  using one = await open(engines.cpu, { dataMemory: MEMORY }, data);
  await expect(one.advance(5)).rejects.toThrow("it ended after 60 samples, but count is 70");
  const { data: whole, seen } = streamed();
  const left = await open(engines.cpu, { dataMemory: MEMORY }, whole);
  await left.advance(2);
  left.release();
  for (let i = 0; i < 100 && seen.closed < seen.opened; i++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(seen).toEqual({ opened: 1, closed: 1 });
});

describe("a state is refused, and nothing is changed:", () => {
  it.each<[string, SessionOptions, string]>([
    ["of another batch size", { batchSize: 8 }, "batchSize is 8, this session's 16"],
    ["of another seed", { seed: 4 }, "seed is 4, this session's 3"],
    ["of another order", { shuffle: false }, "shuffle is false, this session's true"],
    ["of another optimizer", { optimizer: sgd() }, "optimizer is sgd, this one's adam"],
  ])("%s", async (_what, options, message) => {
    using other = await open(engines.cpu, options);
    using one = await open(engines.cpu);
    await one.advance(2);
    const before = await one.snapshot();
    const state = await other.snapshot();
    expect(() => one.restore(state)).toThrow(message);
    expect(await one.snapshot()).toEqual(before);
  });

  it.each<[string, unknown, string]>([
    ["nothing", undefined, "the state is undefined"],
    ["a trainer's", { steps: 0, arenas: {} }, "give the result of a session's snapshot()"],
    ["without a number of steps", { steps: -1 }, "the state's steps are -1"],
    ["past the end", { steps: 9 }, "from 0 to 8"],
    ["with a rate that is none", { learningRate: Number.NaN }, "the state's learningRate is NaN"],
    ["with a history of words", { history: ["low"] }, 'the state\'s history holds "low"'],
  ])("%s", async (_what, changed, message) => {
    using one = await open(engines.cpu, { epochs: 2 });
    const state = await one.snapshot();
    const whole = typeof changed === "object" && !("arenas" in (changed as object));
    expect(() => one.restore((whole ? { ...state, ...(changed as object) } : changed) as never)).toThrow(
      message,
    );
    expect(await one.snapshot()).toEqual(state);
  });
});

it.each<[string, SessionOptions, string]>([
  ["a schedule without an end", { schedule: cosineDecay() }, "epochs is not given"],
  ["an option of fit's epochs", { callbacks: [] } as never, 'session: there is no option "callbacks"'],
  ["a first epoch that is none", { firstEpoch: 0.5 }, "session: firstEpoch is 0.5"],
])("refuses %s", async (_what, options, message) => {
  await expect(open(engines.cpu, options)).rejects.toThrow(message);
});

it("epochs may be numbered from another on", async () => {
  using one = await open(engines.cpu, { firstEpoch: 2, shuffle: true, augment: undefined });
  using other = await open(engines.cpu);
  const { losses } = await other.advance(4);
  expect((await one.advance(4)).losses).not.toEqual(losses);
  expect(one.place.epoch).toBe(3);
});

describe("what it holds of an engine", () => {
  it("is given back when it is released, once, and by the garbage collector where it is dropped", async () => {
    const { engine, books } = await connectInstrumented();
    const live = () => books.liveBytes;
    const use = async () => {
      const one = await open(engine, { validation: test });
      await one.advance(5);
      await one.evaluate();
      await one.evaluate(train);
      return one;
    };
    const before = live();
    const one = await use();
    expect(live()).toBeGreaterThan(before);
    one.release();
    one.release();
    expect(live()).toBe(before);
    await expect(one.advance()).rejects.toThrow("session: it was released");
    await expect(one.evaluate()).rejects.toThrow("session: it was released");
    await expect(one.snapshot()).rejects.toThrow("session: it was released");
    const dropped = async () => {
      for (let i = 0; i < 3; i++) await use();
    };
    await dropped();
    expect(live()).toBeGreaterThan(before);
    for (let i = 0; i < 50 && live() > before; i++) await heldByHost();
    expect(live()).toBe(before);
    await expect(session(engine, sequential(dense(7)), train, OPTIONS)).rejects.toThrow("classes 0 to 6");
    expect(live()).toBe(before);
    await engine.destroy();
  });
});

it("goes on, on another engine", async () => {
  using one = await open(engines.cpu);
  await one.advance(5);
  await using other = cpu();
  using next = await open(other);
  next.restore(await one.snapshot());
  expect((await next.advance(4)).losses).toEqual((await one.advance(4)).losses);
});
