/** A checkpoint written in the middle of an epoch goes on to the same numbers, to the bit: of that epoch and of all later ones. */
import { describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  cosineDecay,
  dense,
  dropout,
  type Engine,
  type Epoch,
  type FitOptions,
  fit,
  type Layer,
  reduceOnPlateau,
  relu,
  sequential,
  sgd,
} from "wgrad";
import { augment, rotate, translate } from "wgrad/augment";
import { type Callback, earlyStopping } from "wgrad/callbacks";
import { digits, type Stream, stream } from "wgrad/data";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const { train, test } = digits({ train: 62, test: 20 });
const model = (): Layer => sequential(dense(6), batchNorm(), relu(), dropout(0.2), dense(10));

/** The training set as a stream, in chunks that no batch divides. */
const streamed: Stream = stream({
  name: "streamed digits",
  count: train.count,
  inputs: { shape: [784], type: "u8", scale: train.inputs.scale },
  targets: { shape: [], type: "u8" },
  classes: 10,
  async *open() {
    for (let at = 0; at < train.count; at += 7) {
      const end = Math.min(at + 7, train.count);
      yield {
        inputs: train.inputs.data.slice(784 * at, 784 * end),
        targets: train.targets.data.slice(at, end),
      };
    }
  },
});

/** What does not depend on the clock. */
const told = (epochs: readonly Epoch[]) =>
  epochs.map(({ epoch, loss, accuracy, validation }) => ({ epoch, loss, accuracy, validation }));

interface Way {
  readonly options: () => FitOptions;
  readonly data?: typeof train | Stream;
}

const WAYS: Readonly<Record<string, Way>> = {
  "Adam, a schedule, augmentation, and a smaller last batch": {
    options: () => ({
      batchSize: 4,
      optimizer: adam({ learningRate: 0.01 }),
      schedule: cosineDecay(),
      augment: augment(rotate(10), translate(1)),
    }),
  },
  "momentum, a plateau, dropLast, and batches in parts": {
    options: () => ({
      batchSize: 6,
      accumulate: 2,
      dropLast: true,
      optimizer: sgd({ learningRate: 0.5, momentum: 0.9 }),
      schedule: reduceOnPlateau({ patience: 0 }),
    }),
  },
  "a stream, shuffled within the samples in memory": {
    data: streamed,
    options: () => ({ batchSize: 3, dataMemory: 40_000 }),
  },
  "early stopping, whose best epoch was before": {
    options: () => ({
      batchSize: 4,
      optimizer: sgd({ learningRate: 2 }),
      callbacks: [earlyStopping({ patience: 2, monitor: "accuracy" })],
    }),
  },
};

function open(engine: Engine, { options, data = train }: Way, change: FitOptions = {}) {
  return fit(engine, model(), data, { epochs: 4, seed: 5, validation: test, ...options(), ...change });
}

async function outcome(run: ReturnType<typeof fit>) {
  const history = told(await run);
  return { history, stoppedBy: run.stoppedBy, weights: await run.trainer.weights() };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(Object.entries(WAYS))(
    "with %s",
    async (_name, way) => {
      const engine = engines[kind];
      const whole = await outcome(open(engine, way));
      // From onProgress, of every epoch.
      const checkpoints: { at: string; bytes: Promise<Uint8Array> }[] = [];
      const begun = open(engine, way, {
        onProgress: ({ epoch, samples }) =>
          void checkpoints.push({ at: `${epoch}: ${samples}`, bytes: begun.checkpoint() }),
      });
      expect(await outcome(begun)).toEqual(whole);
      expect(checkpoints.length).toBeGreaterThan(4);
      // A GPU compiles the steps of each run anew.
      const chosen = checkpoints.filter((_, i) => (kind === "gpu" ? i === 2 : i < 4 || i % 3 === 0));
      for (const { at, bytes } of chosen) {
        const run = open(engine, way, { resume: await bytes });
        const steps = run.trainer.steps;
        expect(await outcome(run), at).toEqual(whole);
        expect(run.trainer.steps, at).toBeGreaterThan(steps);
      }
    },
    180_000,
  );
});

describe("a checkpoint of a run that was aborted in the middle of an epoch", () => {
  it.each(ENGINES)("goes on to the bit: on the %s", async (kind) => {
    const way = WAYS["early stopping, whose best epoch was before"];
    const whole = await outcome(open(engines[kind], way));
    const controller = new AbortController();
    const run = open(engines[kind], way, {
      signal: controller.signal,
      onProgress: ({ epoch, samples }) => {
        if (epoch === 2 && samples > 8) controller.abort();
      },
    });
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(run.history.length).toBeGreaterThan(0);
    expect(run.history.length).toBeLessThan(whole.history.length);
    // Early stopping has put the best weights back: the checkpoint holds the run's own.
    const resume = await run.checkpoint();
    expect(await outcome(open(engines[kind], way, { resume }))).toEqual(whole);
  });
});

it("a checkpoint asked for from outside is one between two submits, while steps are taken", async () => {
  const way = WAYS["Adam, a schedule, augmentation, and a smaller last batch"];
  const whole = await outcome(open(engines.wasm, way, { epochs: 12 }));
  // Epochs take their time, so that there is something to interrupt.
  const callbacks: Callback[] = [
    { name: "pause", onEpoch: () => new Promise((resolve) => setTimeout(resolve, 10)) },
  ];
  const run = open(engines.wasm, way, { epochs: 12, callbacks });
  let over = false;
  const done = run.then(() => {
    over = true;
  });
  const bytes: Uint8Array[] = [];
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const asked = await run.checkpoint().catch((error: Error) => error);
    if (asked instanceof Uint8Array) bytes.push(asked);
    else expect(asked.message).toContain("the run has not begun");
  }
  await done;
  expect(bytes.length).toBeGreaterThan(3);
  // The last ones may be of the end.
  for (const resume of bytes.filter((_, i) => i % 2 === 0 || i === bytes.length - 1))
    expect(await outcome(open(engines.wasm, way, { epochs: 12, resume }))).toEqual(whole);
});

describe("a checkpoint of a complete run is that run: no step is taken", () => {
  it.each(Object.entries(WAYS))("%s", async (_, way) => {
    const run = open(engines.wasm, way);
    const whole = await outcome(run);
    const written: Uint8Array[] = [];
    const last: Callback = {
      name: "last",
      async onEpoch(_epoch, run) {
        written.push(await run.checkpoint());
      },
    };
    await open(engines.wasm, way, { callbacks: [...(way.options().callbacks ?? []), last] });
    let steps = 0;
    const resume = written.at(-1);
    const again = open(engines.wasm, way, { resume, onProgress: () => void steps++ });
    const epochs: Epoch[] = [];
    for await (const epoch of again) epochs.push(epoch);
    expect([steps, epochs]).toEqual([0, []]);
    expect(await outcome(again)).toEqual(whole);
    expect(again.stoppedBy).toBe(run.stoppedBy);
  });
});

describe("callbacks with a state", () => {
  /** Counts epochs, and keeps the first weights it sees. */
  function counter(log: string[]): Callback {
    let seen = 0;
    let first: number[] = [];
    return {
      name: "counter",
      onStart(_run, state) {
        if (!state) return;
        const { seen: before, odd } = state.values as { seen: number; odd: number[] };
        expect(odd).toEqual([Number.NaN, -0, Number.POSITIVE_INFINITY]);
        seen = before;
        first = [...state.tensors.first.data];
        log.push(`starts with ${seen} of ${state.epochs}, ${first.length} numbers`);
      },
      async onEpoch(epoch, { trainer }) {
        seen++;
        if (first.length === 0) first = [...(await trainer.weights())["4.bias"].data];
        log.push(`${epoch.epoch} is ${seen}`);
        return undefined;
      },
      state: () => ({
        values: { seen, odd: [Number.NaN, -0, Number.POSITIVE_INFINITY] },
        tensors: { first: { shape: [first.length], data: Float32Array.from(first) } },
      }),
    };
  }

  it("get it back; one that had not seen the epoch sees it after the resume", async () => {
    const way = WAYS["Adam, a schedule, augmentation, and a smaller last batch"];
    let resume: Uint8Array | undefined;
    const keep: Callback = {
      name: "keep",
      async onEpoch({ epoch }, run) {
        if (epoch === 2) resume = await run.checkpoint();
        return undefined;
      },
    };
    const [before, after]: string[][] = [[], []];
    await open(engines.cpu, way, { callbacks: [counter(before), keep, counter(before)] });
    expect(before.slice(-1)).toEqual(["4 is 4"]);
    await open(engines.cpu, way, { resume, callbacks: [counter(after), counter(after)] });
    expect(after).toEqual([
      "starts with 2 of 2, 10 numbers",
      "starts with 1 of 1, 10 numbers",
      "2 is 2",
      "3 is 3",
      "3 is 3",
      "4 is 4",
      "4 is 4",
    ]);
  });

  it("end a run at once where they say so at the start", async () => {
    const run = open(engines.cpu, WAYS["a stream, shuffled within the samples in memory"], {
      callbacks: [{ name: "never", onStart: () => "stop" }],
    });
    expect(await run).toEqual([]);
    expect(run.stoppedBy).toBe("never");
    expect(run.trainer.steps).toBe(0);
  });

  it("that stopped the run before the checkpoint stop it after", async () => {
    const way = WAYS["early stopping, whose best epoch was before"];
    const whole = open(engines.cpu, way, { epochs: 30 });
    const expected = await outcome(whole);
    expect(expected.history.length).toBeLessThan(30);
    const resume = await whole.checkpoint();
    const resumed = open(engines.cpu, way, { epochs: 30, resume });
    expect(await outcome(resumed)).toEqual(expected);
  });
});
