/** All that can take long takes a signal: the signal's reason is the error, nothing is left behind, and the engine goes on. */
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";
import { augment, brightness, preview } from "../src/augment/index.ts";
import { readCsv } from "../src/csv/index.ts";
import { digits, gunzip, makeBlobs, mnist, readIdx, stream } from "../src/data/index.ts";
import {
  compile,
  connect,
  createTrainer,
  dense,
  evaluate,
  fit,
  mul,
  ops,
  predict,
  predictor,
  relu,
  sequential,
  session,
} from "../src/index.ts";
import { gradientDescent, lbfgs, newtonCG, objective } from "../src/minimize/index.ts";
import {
  crossValidate,
  gridSearch,
  learningCurve,
  randomSearch,
  successiveHalving,
} from "../src/search/index.ts";
import { openWasm } from "../src/wasm/open.ts";
import { CountedSignal, momentsOf } from "./helpers/signals.ts";

// Of one thread: with more, the memory of a module is free only when the next is loaded.
const engine = openWasm(1);
afterAll(() => engine.destroy());
const data = makeBlobs({ count: 60, features: 4, classes: 3 });
const images = digits({ train: 12, test: 4 }).train;
const model = sequential(dense(4), relu(), dense(3));
const training = { batchSize: 10, epochs: 2 };
const searching = {
  data,
  validation: data,
  model: () => model,
  fit: { batchSize: 30 },
  space: { epochs: [1, 2] },
};

const open = async () => {
  const trainer = createTrainer(engine, model, { inputShape: [4] });
  return { trainer, weights: await trainer.weights() };
};

async function minimised(
  minimiser: typeof lbfgs,
  options: Parameters<typeof newtonCG>[1] & { learningRate?: number },
) {
  const { trainer } = await open();
  const loss = await objective(trainer, { x: [6, 4] }, ({ x }, call) => ops.mean(ops.square(call(x))), {
    x: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
  });
  try {
    const { position } = await minimiser(loss, { maxSteps: 4, ...options });
    return [...position];
  } finally {
    loss.release();
    trainer.release();
  }
}

/** 4 MiB and the header of an IDX file: more than is unpacked at once. */
const large = (() => {
  const bytes = new Uint8Array(8 + 4 * 2 ** 20);
  bytes.set([0, 0, 8, 1, 0, 64, 0, 0]);
  return gzipSync(bytes, { level: 1 });
})();

/** With a clock on which each piece of work takes so long that a page gets its turn afterwards. */
async function onSlowMachine<T>(work: () => Promise<T>): Promise<T> {
  let now = performance.now();
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    now += 1000;
    return now;
  });
  try {
    return await work();
  } finally {
    clock.mockRestore();
  }
}

const sumOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);

/** Each call with a signal, and its result in a form that can be compared. */
const CALLS: Readonly<Record<string, (signal: AbortSignal | undefined) => Promise<unknown>>> = {
  fit: async (signal) => {
    using run = fit(engine, model, data, { ...training, validation: data, signal });
    return (await run).map(({ loss, validation }) => [loss, validation?.loss]);
  },
  advance: async (signal) => {
    using one = await session(engine, model, data, { ...training, signal });
    return (await one.advance(12)).losses;
  },
  "session.evaluate": async (signal) => {
    using one = await session(engine, model, data, { ...training, signal });
    return (await one.evaluate(data)).loss;
  },
  evaluate: async (signal) => {
    const { trainer } = await open();
    using _ = trainer;
    return await evaluate(trainer, data, { batchSize: 7, signal });
  },
  predict: async (signal) => {
    const { trainer } = await open();
    using _ = trainer;
    return (await predict(trainer, data, { batchSize: 8, signal })).data;
  },
  predictor: async (signal) => {
    const { trainer } = await open();
    using _ = trainer;
    const call = predictor(trainer, { batchSize: 8, signal });
    try {
      return (await call(data)).data;
    } finally {
      call.release();
    }
  },
  "trainer.load": async (signal) => {
    const { trainer, weights } = await open();
    using _ = trainer;
    return await trainer.load(weights, { signal });
  },
  "trainer.compile": async (signal) => {
    const { trainer } = await open();
    using _ = trainer;
    using step = await trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [2, 4] }, signal });
    return step.program.name;
  },
  compile: async (signal) => {
    using double = await compile(engine, { x: [3] }, ({ x }) => ({ y: mul(x, 2) }), { signal });
    return (await double({ x: Float32Array.of(1, 2, 3) })).y;
  },
  connect: async (signal) => {
    const gpu = await connect({ tune: false, signal });
    await gpu.destroy();
    return gpu.kind;
  },
  crossValidate: async (signal) =>
    (await crossValidate(engine, model, data, { ...training, folds: 3, signal })).mean,
  learningCurve: async (signal) => {
    const options = { ...training, sizes: [20, 40], validation: data, signal };
    return (await learningCurve(engine, model, data, options)).points;
  },
  gridSearch: async (signal) => (await gridSearch(engine, { ...searching, signal })).trials,
  randomSearch: async (signal) => (await randomSearch(engine, { ...searching, trials: 2, signal })).trials,
  successiveHalving: async (signal) => {
    const options = {
      ...searching,
      space: { batchSize: [10, 20] },
      fit: {},
      configurations: 3,
      maxEpochs: 2,
    };
    return (await successiveHalving(engine, { ...options, signal })).trials;
  },
  lbfgs: (signal) => minimised(lbfgs, { signal }),
  newtonCG: (signal) => minimised(newtonCG, { signal }),
  gradientDescent: (signal) =>
    minimised((loss, options) => gradientDescent(loss, { learningRate: 0.1, ...options }), { signal }),
  preview: async (signal) => preview(engine, images, augment(brightness(0.2)), { samples: [0, 1], signal }),
  gunzip: (signal) =>
    onSlowMachine(async () => sumOf((await gunzip(large, "zeros", { signal })).subarray(0, 100))),
  readIdx: (signal) => onSlowMachine(async () => (await readIdx(large, "zeros", { signal })).shape),
  readCsv: async (signal) => (await readCsv(new Blob(["a,b\n1,2\n3,4\n"]), { signal })).numbers("b"),
};

describe.each(Object.entries(CALLS))("%s", (_name, call) => {
  it("ends with the signal's reason at whatever moment it aborts, and leaves the engine as it was", async () => {
    const counted = new CountedSignal();
    const result = await call(counted.signal);
    expect(counted.asked).toBeGreaterThan(0);
    expect(counted.listeners).toBe(0);
    const { end } = engine.space;
    for (const moment of momentsOf(counted.asked)) {
      const aborting = new CountedSignal(moment);
      const outcome = await call(aborting.signal).then(
        (value) => ({ value }),
        (error: unknown) => error,
      );
      // The number of submits depends on how long they take.
      if (aborting.asked >= moment) expect(outcome, `asked ${moment} times`).toBe(aborting.reason);
      else expect([moment > 1, outcome]).toEqual([true, { value: result }]);
      // What was being compiled is freed once that is done.
      await vi.waitFor(() => expect(engine.space.end).toBe(end), { timeout: 10_000, interval: 5 });
      expect(aborting.listeners).toBe(0);
    }
    expect(await call(undefined)).toEqual(result);
  });

  it("begins nothing where the signal has aborted before, and refuses what is no signal", async () => {
    const aborted = new CountedSignal();
    aborted.abort();
    await expect(call(aborted.signal)).rejects.toBe(aborted.reason);
    expect(aborted.listeners).toBe(0);
    const none = "now" as unknown as AbortSignal;
    const refused = await call(none).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TypeError);
    expect((refused as Error).message).toMatch(/^\w+: signal is "now"; give that of an AbortController/);
  });
});

describe("what is stuck", () => {
  /** A stream of bytes of which nothing more comes, and what its reader said in the end. */
  function stuck(first = "a,b\n1,2\n") {
    const state: { cancelled?: unknown } = {};
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(first)),
      cancel: (reason) => {
        state.cancelled = reason;
      },
    });
    return { response: new Response(body), state };
  }

  async function abortedSoon(call: (signal: AbortSignal) => Promise<unknown>) {
    const counted = new CountedSignal();
    setTimeout(() => counted.abort(), 20);
    await expect(call(counted.signal)).rejects.toBe(counted.reason);
    return counted.reason;
  }

  it("a server that falls silent is let go of by readCsv", async () => {
    const { response, state } = stuck();
    const reason = await abortedSoon((signal) => readCsv(response, { signal }));
    expect(state.cancelled).toBe(reason);
  });

  it("a server that falls silent is not waited for by trainer.load", async () => {
    const { trainer } = await open();
    const before = await trainer.weights();
    await abortedSoon((signal) => trainer.load(stuck().response, { signal }));
    expect(await trainer.weights()).toEqual(before);
    trainer.release();
  });

  it("mnist fetches nothing for a signal that has aborted", async () => {
    const aborted = new CountedSignal();
    aborted.abort();
    let fetched = 0;
    const fetch = async () => {
      fetched++;
      return new Response("");
    };
    await expect(mnist({ fetch, mirrors: ["x:"], dir: "", signal: aborted.signal })).rejects.toBe(
      aborted.reason,
    );
    expect(fetched).toBe(0);
  });

  it("a stream that gives no more samples is closed by fit, session and evaluate", async () => {
    let counted = new CountedSignal();
    let closed = 0;
    const slow = stream({
      count: 40,
      inputs: { type: "f32", shape: [4] },
      targets: { type: "u8" },
      classes: 3,
      async *open() {
        try {
          yield { inputs: new Float32Array(40).fill(0.5), targets: new Uint8Array(10) };
          counted.abort();
          await new Promise((resolve) => setTimeout(resolve, 100));
          yield { inputs: new Float32Array(120).fill(0.5), targets: new Uint8Array(30) };
        } finally {
          closed++;
        }
      },
    });
    const { reason, signal } = counted;
    const run = fit(engine, model, slow, { batchSize: 10, epochs: 1, signal });
    await expect(Promise.resolve(run)).rejects.toBe(reason);
    // Not after the stream's next samples.
    expect(closed).toBe(0);
    await vi.waitFor(() => expect(closed).toBe(1), { timeout: 10_000 });
    using one = await session(engine, model, slow, { batchSize: 10 });
    counted = new CountedSignal();
    await expect(evaluate(one.trainer, slow, { signal: counted.signal })).rejects.toBe(counted.reason);
    await vi.waitFor(() => expect(closed).toBe(2), { timeout: 10_000 });
    // A session reads anew.
    expect((await one.advance(4)).steps).toBe(4);
  });
});

it("a signal that lives long has no listener after many calls", async () => {
  const counted = new CountedSignal();
  const { trainer } = await open();
  for (let i = 0; i < 100; i++) {
    await predict(trainer, data, { signal: counted.signal });
    await evaluate(trainer, data, { signal: counted.signal });
  }
  expect(counted.listeners).toBe(0);
  trainer.release();
});

describe("a search", () => {
  it("that was aborted goes on from its record", async () => {
    const lines: string[] = [];
    const record = {
      read: async () => lines.join(""),
      append: async (text: string) => {
        lines.push(text);
      },
    };
    const controller = new AbortController();
    const search = { ...searching, space: { epochs: [1, 2, 3] }, record };
    const aborted = gridSearch(engine, {
      ...search,
      signal: controller.signal,
      onTrial: (_trial, { done }) => {
        if (done === 2) controller.abort(new Error("later"));
      },
    });
    await expect(aborted).rejects.toThrow("later");
    const recorded: boolean[] = [];
    const { trials } = await gridSearch(engine, {
      ...search,
      onTrial: (_trial, progress) => recorded.push(progress.recorded),
    });
    expect(recorded).toEqual([true, true, false]);
    expect(trials).toEqual((await gridSearch(engine, { ...search, record: undefined })).trials);
  });
});

describe("a minimiser", () => {
  it("leaves the model at the best point so far", async () => {
    const { trainer } = await open();
    const loss = await objective(trainer, { x: [6, 4] }, ({ x }, call) => ops.mean(ops.square(call(x))), {
      x: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    });
    const controller = new AbortController();
    const losses: number[] = [];
    const onStep = (_step: number, value: number) => {
      losses.push(value);
      if (losses.length === 3) controller.abort(new Error("enough"));
    };
    await expect(lbfgs(loss, { onStep, tolerance: 0, signal: controller.signal })).rejects.toThrow("enough");
    expect((await loss.at(await loss.position())).loss).toBe(losses[2]);
    loss.release();
    trainer.release();
  });
});
