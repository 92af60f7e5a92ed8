/** A run has one position: where it goes on, it gives what an unbroken run gives, and where it cannot, it says so. */
import { describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  dense,
  dropout,
  type Epoch,
  evaluate,
  type FitOptions,
  type FitRun,
  fit,
  predict,
  relu,
  sequential,
  sgd,
} from "wgrad";
import { type Callback, earlyStopping } from "wgrad/callbacks";
import { digits } from "wgrad/data";
import { ENGINES, type EngineKind, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const { train, test } = digits({ train: 60, test: 20 });
const model = () => sequential(dense(6), batchNorm(), relu(), dropout(0.2), dense(10));
const EPOCHS = 4;

const open = (kind: EngineKind, options: FitOptions = {}) =>
  fit(engines[kind], model(), train, {
    batchSize: 16,
    epochs: EPOCHS,
    seed: 3,
    optimizer: adam({ learningRate: 0.01 }),
    ...options,
  });

/** What does not depend on the clock. */
const told = (epochs: readonly Epoch[]) => epochs.map(({ epoch, loss, accuracy }) => [epoch, loss, accuracy]);

async function until(run: FitRun, last: number): Promise<void> {
  for await (const { epoch } of run) if (epoch === last) break;
}

async function outcome(run: FitRun) {
  return { history: told(run.history), weights: await run.trainer.weights() };
}

async function unbroken(kind: EngineKind, options: FitOptions = {}) {
  const run = open(kind, options);
  await run;
  return outcome(run);
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("awaiting trains to the end, once, and gives the history; iterating gives the same to the bit", async () => {
    const run = open(kind);
    const history = await run;
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    expect(await run).toBe(history);
    for await (const _ of run) throw new Error("a run at its end has no more epochs");
    expect(run.trainer.steps).toBe(EPOCHS * 4);
    const other = open(kind);
    for await (const _ of other);
    expect(await outcome(other)).toEqual(await outcome(run));
  });

  it("after break, iterating and awaiting go on as if it had never been", async () => {
    const whole = await unbroken(kind);
    const run = open(kind);
    await until(run, 1);
    await until(run, 3);
    expect(told(await run)).toEqual(whole.history);
    expect(await outcome(run)).toEqual(whole);
  });
});

it("awaited twice at once, it trains once", async () => {
  const run = open("cpu");
  const [first, second] = await Promise.all([run, run]);
  expect(second).toBe(first);
  expect(run.trainer.steps).toBe(EPOCHS * 4);
});

describe("a second iteration beside the first", () => {
  const message = "another caller iterates over this run, or awaits the run, which has one position";

  it.each<[string, (run: FitRun) => Promise<unknown>]>([
    ["iterated", (run) => run[Symbol.asyncIterator]().next()],
    ["awaited", async (run) => await run],
  ])("%s, is refused, and changes nothing", async (_how, again) => {
    const whole = await unbroken("cpu");
    const run = open("cpu");
    for await (const { epoch } of run) if (epoch < 3) await expect(again(run)).rejects.toThrow(message);
    expect(await outcome(run)).toEqual(whole);
  });

  it("is refused while an epoch is on its way, too", async () => {
    const run = open("cpu");
    const first = run[Symbol.asyncIterator]();
    const second = run[Symbol.asyncIterator]();
    const [begun, refused] = await Promise.allSettled([first.next(), second.next()]);
    expect(begun.status).toBe("fulfilled");
    expect(String((refused as PromiseRejectedResult).reason)).toContain(message);
    await first.return?.(undefined);
    expect(told(await run)).toEqual((await unbroken("cpu")).history);
  });
});

describe("after an error in the middle of an epoch", () => {
  const broken = async (options: FitOptions = {}) => {
    const run = open("cpu", {
      onProgress: ({ epoch, samples }) => {
        if (epoch === 2 && samples > 32) throw new Error("no more");
      },
      ...options,
    });
    await expect(run).rejects.toThrow("no more");
    return { run };
  };

  it.each(ENGINES)("it goes on from there as if it had never been: on the %s", async (kind) => {
    const options = { batchSize: 3 };
    let counted = 0;
    const run = open(kind, {
      ...options,
      onProgress: ({ epoch, samples }) => {
        // Submits begin with a step each; those in flight are counted before the failure is told.
        if (epoch !== 1 || samples <= counted) return;
        counted = samples;
        throw new Error("no more");
      },
    });
    let failures = 0;
    for (let over = false; !over; failures++) {
      const { steps } = run.trainer;
      over = await run.then(
        () => true,
        (error) => error.message !== "no more",
      );
      expect(run.trainer.steps).toBeGreaterThan(steps);
    }
    expect(failures).toBeGreaterThan(2);
    expect(await outcome(run)).toEqual(await unbroken(kind, options));
  });

  it("it gives its weights, and a checkpoint that goes on to the bit", async () => {
    const { run } = await broken();
    expect((await run.toSafetensors()).length).toBeGreaterThan(100);
    await evaluate(run.trainer, test);
    const resume = await run.checkpoint();
    expect(await unbroken("cpu", { resume })).toEqual(await unbroken("cpu"));
  });

  it("a checkpoint from before goes on to the bit", async () => {
    let resume: Uint8Array | undefined;
    const keep: Callback = {
      name: "keep",
      async onEpoch(_epoch, run) {
        resume = await run.checkpoint();
        return undefined;
      },
    };
    await broken({ callbacks: [keep] });
    expect(await unbroken("cpu", { resume })).toEqual(await unbroken("cpu"));
  });
});

it("after an error between two epochs it goes on as if it had never been", async () => {
  let throws = true;
  const once = ({ epoch }: Epoch) => {
    if (epoch === 2 && throws) throw new Error("once");
    return undefined;
  };
  const run = open("cpu", { callbacks: [once] });
  await expect(run).rejects.toThrow("once");
  throws = false;
  await run;
  expect(await outcome(run)).toEqual(await unbroken("cpu"));
});

it("before its first step it can fail, and begin again", async () => {
  let throws = true;
  const run = open("cpu", {
    onCompiled: () => {
      if (throws) throw new Error("not yet");
    },
  });
  await expect(run).rejects.toThrow("not yet");
  throws = false;
  await run;
  expect(await outcome(run)).toEqual(await unbroken("cpu"));
});

it("early stopping puts the best weights back at a break, and the run goes on from its own", async () => {
  const options = (callbacks: Callback[]): FitOptions => ({
    epochs: 12,
    validation: test,
    optimizer: sgd({ learningRate: 1.5 }),
    callbacks,
  });
  const whole = await unbroken("cpu", options([]));
  const stopping = earlyStopping({ patience: 50, restoreBest: true });
  const run = open("cpu", options([stopping]));
  const losses: number[] = [];
  for await (const { validation } of run) {
    losses.push(validation?.loss ?? Number.NaN);
    // Somewhere that is not the best so far.
    if (losses.length > 3 && (losses.at(-1) as number) > Math.min(...losses)) break;
  }
  expect(losses.length).toBeLessThan(12);
  expect((await evaluate(run.trainer, test)).loss).toBe(Math.min(...losses));
  await run;
  expect(told(run.history)).toEqual(whole.history);
  const all = run.history.map(({ validation }) => validation?.loss ?? Number.NaN);
  expect((await evaluate(run.trainer, test)).loss).toBe(Math.min(...all));
});

describe("a signal", () => {
  it("ends a run between two steps with its reason, which callbacks are told", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const errors: unknown[] = [];
    const run = open("cpu", {
      batchSize: 2,
      signal: controller.signal,
      // Submits begin with a step each, so that the first ones are not the whole epoch.
      onProgress: () => controller.abort(reason),
      callbacks: [{ name: "told", onError: (error) => void errors.push(error) }],
    });
    const failure = await run.then(
      () => undefined,
      (error) => error,
    );
    expect(failure).toBe(reason);
    expect(errors).toEqual([reason]);
    expect(run.history.length).toBe(0);
    expect(run.trainer.steps).toBeGreaterThan(0);
    expect(run.trainer.steps).toBeLessThan(30);
    // Its signal is given for good.
    await expect(run).rejects.toBe(reason);
    await predict(run.trainer, test);
  });

  it("between two epochs leaves it where a checkpoint can be written", async () => {
    const controller = new AbortController();
    const run = open("cpu", { signal: controller.signal });
    const epochs = (async () => {
      for await (const { epoch } of run) if (epoch === 2) controller.abort();
    })();
    await expect(epochs).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(run.history.length).toBe(2);
    const resume = await run.checkpoint();
    expect(await unbroken("cpu", { resume })).toEqual(await unbroken("cpu"));
  });

  it("that was given before trains nothing, and must be one", async () => {
    const run = open("cpu", { signal: AbortSignal.abort() });
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(run.trainer.steps).toBe(0);
    expect(() => open("cpu", { signal: new AbortController() as never })).toThrow(
      "fit: signal is an object of class AbortController; give that of an AbortController: controller.signal",
    );
  });
});

describe("a run that has not begun", () => {
  it.each<[string, (run: FitRun) => Promise<unknown>]>([
    ["save", (run) => run.save("/nowhere/model.safetensors")],
    ["save", (run) => run.toSafetensors()],
    ["checkpoint", (run) => run.checkpoint()],
    ["evaluate", (run) => evaluate(run.trainer, test)],
    ["predict", (run) => predict(run.trainer, test)],
  ])("says so: %s", async (what, use) => {
    const run = open("cpu");
    const refused = await use(run).catch((error) => error);
    expect(String(refused)).toContain(
      `${what}: the model is not trained yet; await the run of fit, or iterate over it first, or load all weights.`,
    );
    expect(run.trainer.steps).toBe(0);
    await run;
    if (!String(use).includes("nowhere")) await use(run);
  });

  it("is no more trained by a part of the weights, but by all parts", async () => {
    const weights = await open("cpu").trainer.weights();
    const [first, ...others] = Object.keys(weights);
    const run = open("cpu");
    await run.trainer.load(weights, { only: first });
    await expect(run.toSafetensors()).rejects.toThrow("save: the model is not trained yet");
    await run.trainer.load(weights, { only: (name) => others.includes(name) });
    expect((await run.toSafetensors()).length).toBeGreaterThan(0);
  });

  it("takes weights, and is then used as it is, or trained from there", async () => {
    const donor = open("cpu");
    await donor;
    const run = open("cpu");
    await run.trainer.load(await donor.trainer.weights());
    expect(await run.toSafetensors()).toEqual(await donor.toSafetensors());
    expect(await evaluate(run.trainer, test)).toEqual(await evaluate(donor.trainer, test));
    await run;
    expect(run.history[0].loss).toBeLessThan(donor.history[0].loss);
  });
});

it("an async function awaits what it returns: a run that it makes is trained, in an object it is not", async () => {
  const started = async () => open("cpu");
  const history: readonly Epoch[] = await started();
  expect(history.length).toBe(EPOCHS);
  const { run } = await (async () => ({ run: open("cpu") }))();
  expect(run.history.length).toBe(0);
});
