/** A lost device: training goes on on another, with the same numbers to the bit, wherever it was lost. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  adam,
  connect,
  cpu,
  DeviceLostError,
  dense,
  dropout,
  type Engine,
  evaluate,
  type FitOptions,
  type FitRun,
  fit,
  predict,
  predictor,
  type RecoverOptions,
  reduceOnPlateau,
  relu,
  type SessionOptions,
  type SessionState,
  sequential,
  session,
  type TrainingEvent,
} from "wgrad";
import { checkpoints, earlyStopping } from "wgrad/callbacks";
import { makeBlobs, split } from "wgrad/data";
import { losable } from "../helpers/losable.ts";

const [train, test] = split(makeBlobs({ count: 100, features: 4, classes: 3 }), [0.8, 0.2]);
const model = () => sequential(dense(6), relu(), dropout(0.1), dense(3));
/** Five steps in each epoch, the last of them smaller. */
const OPTIONS = {
  optimizer: adam({ learningRate: 0.01 }),
  batchSize: 18,
  seed: 3,
  validation: test,
} satisfies SessionOptions;
const STEPS = Math.ceil(train.count / OPTIONS.batchSize);

/** Everything that comes of a run but its times. */
async function outcome(run: FitRun, weightsAtEnd?: () => unknown) {
  const epochs = (await run).map(({ epoch, loss, accuracy, validation }) => ({
    epoch,
    loss,
    accuracy,
    validation,
  }));
  return { epochs, weights: weightsAtEnd ? weightsAtEnd() : await run.trainer.weights() };
}

function watched(recover: RecoverOptions | true = true, change: FitOptions = {}) {
  const events: TrainingEvent[] = [];
  const onEvent = (event: TrainingEvent) => void events.push(event);
  const options: FitOptions = { ...OPTIONS, epochs: 3, recover, onEvent, ...change };
  return { events, options };
}

const kinds = (events: readonly TrainingEvent[]) => events.map(({ kind }) => kind);
const failureOf = (work: PromiseLike<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

let expected: Awaited<ReturnType<typeof outcome>>;
async function unbroken() {
  expected ??= await outcome(fit(cpu(), model(), train, { ...OPTIONS, epochs: 3 }));
  return expected;
}

describe("fit, where the device is lost", () => {
  it.each<[string, RecoverOptions]>([
    // No snapshot: the clock would decide when one comes, and shift the calls behind it.
    ["from the beginning", { every: 1e6 }],
    ["from snapshots after each submit", { every: 1 }],
  ])("at any of its calls, goes on to the same numbers %s", async (_what, recover) => {
    const whole = await unbroken();
    const phases = new Set<string>();
    for (let at = 1; ; at++) {
      // Read while the run goes on: afterwards, nobody recovers.
      let weights: unknown;
      const last = {
        name: "last",
        async onEnd({ trainer }: FitRun) {
          weights = await trainer.weights();
        },
      };
      const { events, options } = watched(recover, { callbacks: [last] });
      const one = losable(at, undefined, recover.every === 1 ? undefined : 1);
      const run = fit(one.engine, model(), train, options);
      expect(await outcome(run, () => weights)).toEqual(whole);
      expect(run.trainer.steps).toBe(3 * STEPS);
      if (one.calls.length < at) break;
      phases.add(one.calls[at - 1]);
      // A loss with the last call of all is noticed by nobody, and a snapshot's by the next step, if there is one.
      if (events.length > 0) expect(kinds(events)).toEqual(["lost", "recovered"].slice(0, events.length));
    }
    expect([...phases].map((call) => call.replace(/^(\w+ \w+).*/, "$1"))).toEqual(
      expect.arrayContaining([
        "buffer parameters",
        "write blobs",
        "compile train",
        "compile evaluate",
        "run train",
        "run evaluate",
        "read parameters",
      ]),
    );
  });

  it("again while it goes back, at any call, goes on to the same numbers", async () => {
    const whole = await unbroken();
    for (let at = 1; at < 40; at += 2) {
      const second = losable(at);
      const first = losable(40, () => second);
      const { events, options } = watched();
      const run = fit(first.engine, model(), train, options);
      expect(await outcome(run)).toEqual(whole);
      if (second.calls.length < at) break;
      expect(kinds(events).filter((kind) => kind === "lost").length).toBeGreaterThan(0);
    }
  });

  it.each([1, 2, 4, 7])("tells nothing twice: lost at its %i. progress", async (at) => {
    const { engine, lose } = losable();
    let told = 0;
    const progress: number[] = [];
    const { events, options } = watched(true, {
      onProgress({ epoch, samples }) {
        progress.push(epoch * 1e6 + samples);
        if (++told === at) lose();
      },
    });
    const run = fit(engine, model(), train, options);
    expect(await outcome(run)).toEqual(await unbroken());
    expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b));
    expect(kinds(events)).toEqual(["lost", "recovered"]);
    run.release();
  });

  it("in callbacks that read and load weights, and in evaluations of theirs, goes on to the same numbers", async () => {
    const engines: Engine[] = [];
    const next = losable();
    const devices = [losable(0, () => next), next];
    const { events, options } = watched(true, {
      callbacks: [
        {
          name: "loses",
          async onEpoch({ epoch }, { trainer }) {
            engines.push(trainer.engine);
            if (epoch < 3) devices[epoch - 1].lose();
            // One waits for the other.
            const [evaluation, { data }] = await Promise.all([
              evaluate(trainer, test),
              predict(trainer, test),
              trainer.weights(),
              trainer.snapshot(),
            ]);
            expect(evaluation.loss).toBeGreaterThan(0);
            expect(data.length).toBe(test.count * 3);
            return undefined;
          },
        },
        earlyStopping({ patience: 5, restoreBest: false }),
      ],
    });
    const run = fit(devices[0].engine, model(), train, options);
    expect(await outcome(run)).toEqual(await unbroken());
    expect(new Set(engines).size).toBe(3);
    expect(kinds(events)).toEqual(["lost", "recovered", "lost", "recovered"]);
  });

  it("again and again, tries as often as it may, and from anew once steps have come back", async () => {
    // Lost with their first buffer, not at all, with the first, with a later one, not at all.
    const lives = [1, 0, 1, 3, 0];
    let connections = 0;
    let current = losable();
    const connect = async () => {
      current = losable(lives[connections++]);
      return current.engine;
    };
    let told = 0;
    const onProgress = () => {
      told++;
      if (told === 2 || told === 6) current.lose();
    };
    const { events, options } = watched({ connect, attempts: 3 }, { epochs: 6, onProgress });
    const run = fit(current.engine, model(), train, options);
    const whole = await outcome(fit(cpu(), model(), train, { ...OPTIONS, epochs: 6 }));
    expect(await outcome(run)).toEqual(whole);
    expect(connections).toBe(5);
    const attempts = events.map((event) => ("attempt" in event ? event.attempt : event.kind));
    expect(attempts).toEqual([1, 2, "recovered", 1, 2, 3, "recovered"]);
  });

  it("and no other is to be had, ends with the error, the reason and the newest good state", async () => {
    const { engine, lose } = losable();
    let tries = 0;
    const connectNone = () => {
      tries++;
      return Promise.reject(new Error("no adapter today"));
    };
    const { events, options } = watched(
      { connect: connectNone, attempts: 2, every: 1 },
      { onProgress: ({ epoch }) => epoch === 2 && lose() },
    );
    const run = fit(engine, model(), train, options);
    const error = await failureOf(run);
    expect(error).toBeInstanceOf(DeviceLostError);
    expect(error.message).toMatch(/the GPU device was lost: .*no adapter today/s);
    expect(error.cause.message).toBe("no adapter today");
    expect(tries).toBe(2);
    expect(kinds(events)).toEqual(["lost", "lost"]);
    const state = error.state as SessionState;
    expect(state.steps).toBeGreaterThan(0);
    // It can be gone on from.
    const { epochs, weights } = await unbroken();
    using one = await session(cpu(), model(), train, OPTIONS);
    one.restore(state);
    const { losses } = await one.advance(3 * STEPS - state.steps);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(await one.trainer.weights()).toEqual(weights);
    expect(await one.evaluate()).toEqual(epochs[2].validation);
  });

  it("without the option, ends with the error and the state", async () => {
    const { engine, lose } = losable();
    const error = await failureOf(fit(engine, model(), train, { ...OPTIONS, onProgress: lose }));
    expect(error).toBeInstanceOf(DeviceLostError);
    expect(error.state.steps).toBeLessThan(STEPS);
    expect(error.state.trainer.arenas.parameters).toBeInstanceOf(Float32Array);
  });

  it("after weights were loaded, and after a break, goes on from them", async () => {
    const outcomeOf = async (lossAt: number) => {
      const source = fit(cpu(), model(), train, { ...OPTIONS, seed: 9, epochs: 1 });
      await source;
      const { engine, lose } = losable();
      let told = 0;
      const { options } = watched(true, { onProgress: () => ++told === lossAt && lose() });
      const run = fit(engine, model(), train, options);
      await run.trainer.load(await source.trainer.weights());
      for await (const { epoch } of run) if (epoch === 1) break;
      return outcome(run);
    };
    const whole = await outcomeOf(0);
    for (const at of [1, 5, 6]) expect(await outcomeOf(at)).toEqual(whole);
  });

  it("while a checkpoint is written, and while one is resumed, goes on to the same numbers", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wgrad-recovery-"));
    try {
      const path = join(folder, "run.safetensors");
      const one = losable();
      const losing = { name: "losing", onEpoch: () => void one.lose() };
      const { events, options } = watched(true, { epochs: 2, callbacks: [losing, checkpoints(path)] });
      await fit(one.engine, model(), train, options);
      expect(kinds(events)).toEqual(["lost", "recovered"]);
      for (const at of [16, 22, 28]) {
        const resumed = watched(true, { resume: path });
        expect(await outcome(fit(losable(at).engine, model(), train, resumed.options))).toEqual(
          await unbroken(),
        );
        expect(kinds(resumed.events)).toEqual(["lost", "recovered"]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("a session", () => {
  const open = async (engine: Engine, options: SessionOptions = {}) =>
    session(engine, model(), train, { ...OPTIONS, recover: true, ...options });

  it("keeps calls that overlap, its place and its numbers", async () => {
    using whole = await open(cpu());
    const expected = await whole.advance(19);
    const { engine, lose } = losable();
    using one = await open(engine, { recover: { every: 3 } });
    const going = [one.advance(1), one.advance(7), one.advance(2), one.advance(9)];
    going[1].then(lose);
    const told = await Promise.all(going);
    expect(told.map(({ place }) => place.steps)).toEqual([1, 8, 10, 19]);
    expect(told.flatMap(({ losses }) => losses)).toEqual(expected.losses);
    expect(one.place).toEqual(whole.place);
    expect(await one.trainer.weights()).toEqual(await whole.trainer.weights());
  });

  it("takes steps again at the rates that they had, by hand and by a schedule", async () => {
    const run = async (loses: boolean) => {
      const { engine, lose } = losable();
      const schedule = reduceOnPlateau({ patience: 0 });
      using one = await open(engine, { epochs: 9, schedule, recover: { every: 1e6 } });
      const losses: number[] = [];
      for (const [i, rate] of [0.01, 0.02, 0.005].entries()) {
        one.learningRate = rate;
        losses.push(...(await one.advance(5)).losses);
        one.history = [...one.history, [1, 2, 0.5][i]];
      }
      if (loses) lose();
      const last = await one.advance(4);
      return { losses, last: last.losses, rate: last.learningRate, weights: await one.trainer.weights() };
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("evaluates, and gives snapshots, of the step where it was", async () => {
    using whole = await open(cpu());
    await whole.advance(6);
    const second = losable();
    const { engine, lose } = losable(0, () => second);
    using one = await open(engine);
    await one.advance(6);
    lose();
    expect(await one.evaluate()).toEqual(await whole.evaluate());
    second.lose();
    const { trainer, ...state } = await one.snapshot();
    expect(state).toMatchObject({ steps: 6, learningRate: 0.01 });
    expect(trainer).toEqual((await whole.snapshot()).trainer);
  });

  it("is restored after the loss, and goes on from there", async () => {
    const { engine, lose } = losable();
    using one = await open(engine);
    await one.advance(3);
    const state = await one.snapshot();
    const { losses } = await one.advance(4);
    lose();
    one.restore(state);
    expect((await one.advance(4)).losses).toEqual(losses);
  });

  it("takes weights that were loaded in the middle for its own", async () => {
    const run = async (loses: boolean) => {
      const { engine, lose } = losable();
      using one = await open(engine, { recover: { every: 1e6 } });
      await one.advance(3);
      const weights = await one.trainer.weights();
      await one.advance(3);
      await one.trainer.load(weights);
      await one.advance(1);
      if (loses) lose();
      return { ...(await one.advance(5)), weights: await one.trainer.weights(), hostMilliseconds: 0 };
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("reads a stream up to its place again", async () => {
    const stream = {
      name: "stream",
      count: train.count,
      inputs: { shape: train.inputs.shape, type: "f32" as const, scale: train.inputs.scale },
      targets: { shape: [] as number[], type: "i32" as const, scale: 1 },
      classes: 3,
      async *open() {
        const size = train.inputs.data.length / train.count;
        for (let at = 0; at < train.count; at += 15) {
          const end = Math.min(train.count, at + 15);
          yield {
            inputs: train.inputs.data.subarray(at * size, end * size),
            targets: train.targets.data.subarray(at, end),
          };
        }
      },
    };
    const run = async (loses: boolean) => {
      const { engine, lose } = losable();
      const dataMemory = 2 * 40 * (4 * 4 + 4 + 8);
      using one = await session(engine, model(), stream, { ...OPTIONS, dataMemory, recover: { every: 2 } });
      const { losses } = await one.advance(6);
      if (loses) lose();
      return [...losses, ...(await one.advance(9)).losses];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("ends where it is released meanwhile, and where its signal aborts", async () => {
    const { engine, lose } = losable();
    const stop = new AbortController();
    using aborted = await open(engine, {
      signal: stop.signal,
      recover: {
        connect: () => {
          stop.abort(new Error("enough"));
          return Promise.reject(new Error("none"));
        },
      },
    });
    const connect = async () => {
      released.release();
      return cpu();
    };
    const released = await open(engine, { recover: { connect } });
    lose();
    await expect(aborted.advance(4)).rejects.toThrow("enough");
    await expect(released.advance(4)).rejects.toThrow("session: it was released");
  });
});

it("a predictor goes on with the trainer", async () => {
  const { engine, lose } = losable();
  using one = await session(engine, model(), train, { ...OPTIONS, recover: true });
  const classify = predictor(one.trainer, { probabilities: "softmax" });
  const before = await classify(test);
  lose();
  expect(await classify(test)).toEqual(before);
});

describe("on a GPU", () => {
  it("two runs on one engine go on on one other, which the first one's destroy() frees", async () => {
    const engine = await connect();
    let told = 0;
    const onProgress = () => void (++told === 4 && engine.device.destroy());
    const runs = [3, 4].map((seed) =>
      fit(engine, model(), train, { ...watched(true, { onProgress }).options, seed }),
    );
    const [first] = await Promise.all(runs.map((run) => outcome(run)));
    const whole = await connect();
    expect(first).toEqual(await outcome(fit(whole, model(), train, { ...OPTIONS, epochs: 3 })));
    await whole.destroy();
    const next = runs[0].trainer.engine;
    expect(next).not.toBe(engine);
    expect(runs[1].trainer.engine).toBe(next);
    await engine.destroy();
    await expect(runs[0].trainer.weights()).rejects.toThrow("destroyed");
  });

  it("goes on on an engine of another kind, where connect gives one", async () => {
    const engine = await connect();
    const { options } = watched(
      { connect: async () => cpu() },
      { onProgress: ({ epoch }) => epoch === 2 && engine.device.destroy() },
    );
    const run = fit(engine, model(), train, options);
    const { epochs } = await outcome(run);
    expect(run.trainer.engine.kind).toBe("cpu");
    const { epochs: same } = await unbroken();
    for (const [i, { loss }] of epochs.entries()) expect(loss).toBeCloseTo(same[i].loss, 4);
    await engine.destroy();
  });
});

it.each<[string, unknown, string]>([
  ["a number of attempts", { attempts: 0 }, "fit: recover.attempts is 0"],
  ["a distance", { every: 1.5 }, "fit: recover.every is 1.5"],
  ["an option", { evry: 1 }, 'fit: recover: there is no option "evry"'],
  ["a kind", "yes", "fit: recover"],
])("refuses %s that is none", async (_what, recover, message) => {
  expect(() => fit(cpu(), model(), train, { recover: recover as true })).toThrow(message);
});
