/**
 * Errors thrown by what a caller gives to a run: callbacks, functions of options, streams, the body of a loop. The caller
 * gets the very value that was thrown, be it an Error or not; nothing goes on afterwards, nothing is left in memory, no
 * rejection is unhandled, and the engine is used as before.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Dataset, dataset, stream } from "../../src/data/index.ts";
import {
  type Callback,
  cpu,
  dense,
  type Engine,
  type FitOptions,
  type FitRun,
  fit,
  type Metric,
  meanSquaredError,
  predict,
  relu,
  sequential,
  session,
  sgd,
  sum,
} from "../../src/index.ts";
import type { Data } from "../../src/train/source.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";

const COUNT = 22;
const inputs = Float32Array.from({ length: COUNT * 4 }, (_, i) => Math.sin(i));
const targets = Float32Array.from({ length: COUNT * 2 }, (_, i) => Math.cos(i));
const data: Dataset = dataset({
  inputs: { data: inputs, shape: [4] },
  targets: { data: targets, shape: [2] },
});
const model = () => sequential(dense(3), relu, dense(2));
const settings = {
  loss: meanSquaredError,
  optimizer: sgd(),
  batchSize: 5,
  epochs: 2,
  validation: data,
} as const;

interface Place {
  readonly engine: Engine;
  readonly bytes: () => number;
}
const places: Record<string, Place> = {};
beforeAll(async () => {
  const { engine, books } = await connectInstrumented();
  places.gpu = { engine, bytes: () => books.liveBytes };
  for (const own of [openWasm(2), cpu()]) places[own.kind] = { engine: own, bytes: () => own.memory().total };
});
afterAll(async () => {
  for (const { engine } of Object.values(places)) await engine.destroy();
});

const unhandled: unknown[] = [];
const listen = (reason: unknown) => unhandled.push(reason);
beforeAll(() => void process.on("unhandledRejection", listen));
afterAll(() => void process.off("unhandledRejection", listen));
beforeEach(() => {
  unhandled.length = 0;
});

/** Long enough for what goes on behind a caller's back to show. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Memory comes back once the device has ended what it was doing. */
async function returned(bytes: () => number, before: number): Promise<void> {
  for (let i = 0; i < 200 && bytes() !== before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(bytes()).toBe(before);
}

/** Throws at the `n`th call. */
function throwing(n: number, value: unknown, how: "sync" | "async" = "sync") {
  let calls = 0;
  return (): undefined => {
    if (++calls !== n) return undefined;
    if (how === "async") return Promise.reject(value) as never;
    throw value;
  };
}

/** What a caller gives, with a fault in it. */
interface Given {
  readonly options?: FitOptions;
  readonly data?: Data;
  readonly body?: (run: FitRun) => unknown;
}

/** A stream of the data set's samples, in two chunks, and what its iterator does. */
function streamed(open: (chunks: { inputs: Float32Array; targets: Float32Array }[]) => unknown): Data {
  const chunks = [0, 1].map((part) => {
    const [first, last] = [part * 11, part * 11 + 11];
    return { inputs: inputs.slice(4 * first, 4 * last), targets: targets.slice(2 * first, 2 * last) };
  });
  return stream({
    name: "stream",
    count: COUNT,
    inputs: { type: "f32", shape: [4] },
    targets: { type: "f32", shape: [2] },
    open: () => open(chunks) as never,
  });
}

const callback = (parts: Omit<Callback, "name">): Given => ({
  options: { callbacks: [{ name: "own", ...parts }] },
});

/** By the place where the value is thrown. */
const GIVEN: Record<string, (value: unknown, how: "sync" | "async") => Given> = {
  onStart: (value, how) => callback({ onStart: throwing(1, value, how) }),
  "onEpoch of the first epoch": (value, how) => callback({ onEpoch: throwing(1, value, how) }),
  "onEpoch of the last epoch": (value, how) => callback({ onEpoch: throwing(2, value, how) }),
  onEnd: (value, how) => callback({ onEnd: throwing(1, value, how) }),
  "onProgress at the first step": (value, how) => ({ options: { onProgress: throwing(1, value, how) } }),
  "onProgress in the second epoch": (value, how) => {
    const fault = throwing(1, value, how);
    return { options: { onProgress: ({ epoch }) => (epoch === 2 ? fault() : undefined) } };
  },
  onCompiled: (value, how) => ({ options: { onCompiled: throwing(1, value, how) } }),
  "the body of for await": (value, how) => ({ body: throwing(1, value, how) }),
  "a metric's finish": (value) => ({
    options: { metrics: [metric({ finish: throwing(1, value) as never })] },
  }),
  "a metric's trace": (value) => ({ options: { metrics: [metric({ trace: throwing(1, value) as never })] } }),
  "the loss": (value) => ({
    options: {
      loss: () => {
        throw value;
      },
    },
  }),
  augment: (value) => ({
    options: {
      augment: {
        name: "own",
        apply: () => {
          throw value;
        },
      },
    },
  }),
  "the schedule at the first step": (value) => schedule(0, value),
  "the schedule at the sixth step": (value) => schedule(5, value),
  "open of a stream": (value) => ({
    data: streamed(() => {
      throw value;
    }),
  }),
  "a stream's first chunk": (value, how) => ({
    data: streamed(() => ({ [Symbol.asyncIterator]: () => ({ next: throwing(1, value, how) }) })),
  }),
  "a stream's generator": (value) => ({
    data: streamed(async function* (chunks) {
      yield chunks[0];
      throw value;
    }),
  }),
};

function metric(parts: Partial<Metric>): Metric {
  return {
    name: "own",
    trace: ({ outputs }) => ({ sum: sum(outputs) }),
    finish: ({ sum: [all] }) => all,
    ...parts,
  };
}

function schedule(at: number, value: unknown): Given {
  let asked = 0;
  return {
    options: {
      schedule(step) {
        // The first question is asked when the options are checked.
        if (step === at && ++asked === (at === 0 ? 2 : 1)) throw value;
        return 1;
      },
    },
  };
}

async function trained(engine: Engine, given: Given): Promise<{ run: FitRun; error?: { value: unknown } }> {
  const run = fit(engine, model(), given.data ?? data, { ...settings, ...given.options });
  try {
    for await (const _ of run) await given.body?.(run);
    return { run };
  } catch (value) {
    return { run, error: { value } };
  }
}

/**
 * Where callbacks hear nothing: before they were started; of the loop's own body, which ends the run as `break` does; of
 * each other's end.
 */
const UNHEARD = ["onCompiled", "a metric's trace", "the loss", "augment", "the body of for await", "onEnd"];

/** A software GPU beside other work takes its time. */
const PATIENCE = { timeout: 300_000 };

/** Values that are thrown; the strange ones on the CPU, where a run is quickest. */
const VALUES: Record<string, readonly unknown[]> = {
  gpu: [new Error("thrown"), undefined],
  wasm: [new Error("thrown"), undefined],
  cpu: [new Error("thrown"), undefined, null, "text", 0, { own: true }],
};

describe.each(["gpu", "wasm", "cpu"])("on the %s, a value thrown by", (kind) => {
  it.each(Object.entries(GIVEN))("%s comes out, and nothing is left", PATIENCE, async (name, given) => {
    const { engine, bytes } = places[kind];
    const alone = await trained(engine, {});
    const want = await alone.run.trainer.weights();
    alone.run.release();
    await settled();
    const before = bytes();
    for (const value of VALUES[kind]) {
      for (const how of ["sync", "async"] as const) {
        const told: unknown[] = [];
        const { options, ...others } = given(value, how);
        const listener: Callback = { name: "listener", onError: (error) => void told.push(error) };
        const callbacks = [listener, ...(options?.callbacks ?? [])];
        const { run, error } = await trained(engine, { ...others, options: { ...options, callbacks } });
        expect(error && Object.is(error.value, value), `${how} ${String(value)}`).toBe(true);
        expect(told).toEqual(UNHEARD.includes(name) ? [] : [value]);
        const { steps } = run.trainer;
        await settled();
        expect(run.trainer.steps).toBe(steps);
        run.release();
        await settled();
        await returned(bytes, before);
        expect(unhandled).toEqual([]);
      }
    }
    // The engine is used as before.
    const again = await trained(engine, {});
    expect(await again.run.trainer.weights()).toEqual(want);
    again.run.release();
  });
});

describe("after a value thrown in the middle of a run", () => {
  it.each(Object.entries(GIVEN).filter(([name]) => /onProgress|schedule|onEpoch|body|finish/.test(name)))(
    "by %s, weights can be read, and the run goes on or says why not",
    async (_name, given) => {
      const { engine } = places.cpu;
      const want = await trained(engine, {});
      const { run } = await trained(engine, given(undefined, "async"));
      const weights = await run.trainer.weights();
      expect(Object.keys(weights)).toHaveLength(4);
      expect((await predict(run.trainer, inputs)).data).toHaveLength(2 * COUNT);
      // What threw once throws no more: the rest of the run is as if nothing had been.
      await run;
      expect(run.history).toHaveLength(2);
      expect(await run.trainer.weights()).toEqual(await want.run.trainer.weights());
    },
  );
});

it("an error of onError does not hide the first one", async () => {
  const first = { first: true };
  for (const how of ["sync", "async"] as const) {
    const { error } = await trained(
      places.cpu.engine,
      callback({ onEpoch: throwing(1, first, how), onError: throwing(1, "second", how) }),
    );
    expect(error?.value).toBe(first);
  }
  await settled();
  expect(unhandled).toEqual([]);
});

describe.each(["gpu", "wasm", "cpu"])("a session on the %s", (kind) => {
  it("goes on after a schedule that threw undefined", async () => {
    const { engine } = places[kind];
    let fails = false;
    const options = {
      ...settings,
      schedule(step: number) {
        if (step === 3 && fails) throw undefined;
        return 1 / (1 + step);
      },
    };
    const whole = await session(engine, model(), data, options);
    const { losses } = await whole.advance(6);
    whole.release();
    const broken = await session(engine, model(), data, options);
    fails = true;
    const thrown = await broken.advance(6).then(
      () => "nothing",
      (error) => error,
    );
    expect(thrown).toBe(undefined);
    fails = false;
    const { steps } = broken.place;
    const rest = await broken.advance(6 - steps);
    expect(rest.losses).toEqual(losses.slice(steps));
    broken.release();
    await settled();
    expect(unhandled).toEqual([]);
  });
});
