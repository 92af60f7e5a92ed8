/** Several things at once on one engine: each gives the bits that it gives alone. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Dataset, dataset } from "../../src/data/index.ts";
import {
  adam,
  createTrainer,
  dense,
  type Engine,
  evaluate,
  type FitOptions,
  type FitRun,
  fit,
  mean,
  meanSquaredError,
  predict,
  sequential,
  session,
  sgd,
  square,
  sub,
  type Trainer,
  tanh,
} from "../../src/index.ts";
import { lbfgs, objective } from "../../src/minimize/index.ts";
import { crossValidate } from "../../src/search/index.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

const COUNT = 22;
function made(seed: number): Dataset {
  return dataset({
    inputs: { data: Float32Array.from({ length: COUNT * 4 }, (_, i) => Math.sin(seed + i)), shape: [4] },
    targets: { data: Float32Array.from({ length: COUNT * 2 }, (_, i) => Math.cos(seed * i)), shape: [2] },
  });
}
const [first, second] = [made(1), made(2)];
const model = () => sequential(dense(3), tanh, dense(2));
const settings = { loss: meanSquaredError, optimizer: adam({ lr: 0.02 }), batchSize: 5, epochs: 3 } as const;
/** Steps of an epoch: the last batch is smaller. */
const STEPS = 5;

const unhandled: unknown[] = [];
const listen = (reason: unknown) => unhandled.push(reason);
beforeAll(() => void process.on("unhandledRejection", listen));
afterAll(() => void process.off("unhandledRejection", listen));
beforeEach(() => {
  unhandled.length = 0;
});

const bits = async (trainer: Trainer) =>
  Object.values(await trainer.weights()).map(({ data }) => [...new Int32Array(data.slice().buffer)]);

/** What a run of its own gives. */
async function alone(engine: Engine, data: Dataset, options: FitOptions = {}) {
  const run = fit(engine, model(), data, { ...settings, ...options });
  await run;
  const found = { losses: run.history.map(({ loss }) => loss), weights: await bits(run.trainer) };
  run.release();
  return found;
}

const results = async (run: FitRun) => ({
  losses: run.history.map(({ loss }) => loss),
  weights: await bits(run.trainer),
});

/** Predictions and losses after each number of steps, with a session of its own. */
async function trace(engine: Engine) {
  const opened = await session(engine, model(), first, settings);
  const predictions = [(await predict(opened.trainer, first.inputs.data as Float32Array)).data.join()];
  const losses = [(await opened.evaluate(second)).loss];
  for (let i = 0; i < 3 * STEPS; i++) {
    await opened.advance();
    predictions.push((await predict(opened.trainer, first.inputs.data as Float32Array)).data.join());
    losses.push((await opened.evaluate(second)).loss);
  }
  opened.release();
  return { predictions, losses };
}

describe.each(ENGINES)("at once on the %s:", (kind) => {
  it("two runs of fit, awaited together and iterated in turns", async () => {
    const engine = engines[kind];
    const want = [
      await alone(engine, first),
      await alone(engine, second, { optimizer: sgd({ momentum: 0.9 }) }),
    ];
    const begin = () => [
      fit(engine, model(), first, settings),
      fit(engine, model(), second, { ...settings, optimizer: sgd({ momentum: 0.9 }) }),
    ];
    const together = begin();
    await Promise.all(together);
    expect(await Promise.all(together.map(results))).toEqual(want);
    const inTurns = begin();
    const iterators = inTurns.map((run) => run[Symbol.asyncIterator]());
    for (let i = 0; i < 3; i++) for (const iterator of iterators) await iterator.next();
    expect(await Promise.all(inTurns.map(results))).toEqual(want);
    for (const run of [...together, ...inTurns]) run.release();
  });

  it("evaluations, predictions and weights while fit trains, asked for from everywhere", async () => {
    const engine = engines[kind];
    const want = await alone(engine, first, { validation: second });
    const steps = await trace(engine);
    const inputs = first.inputs.data as Float32Array;
    const asked: Promise<unknown>[] = [];
    const got = { predictions: [] as string[], losses: [] as number[], atEnds: [] as number[] };
    const ask = (trainer: Trainer) => {
      asked.push(
        predict(trainer, inputs).then(({ data }) => got.predictions.push(data.join())),
        evaluate(trainer, second, { loss: meanSquaredError }).then(({ loss }) => got.losses.push(loss)),
        trainer.weights(),
        trainer.snapshot(),
      );
    };
    const run = fit(engine, model(), first, {
      ...settings,
      validation: second,
      onProgress: () => ask(run.trainer),
      callbacks: [() => ask(run.trainer)],
    });
    const timer = setInterval(() => run.history.length > 0 && ask(run.trainer), 3);
    for await (const { validation } of run) {
      const { loss } = await evaluate(run.trainer, second, { loss: meanSquaredError });
      expect(loss).toBe(validation?.loss);
      got.atEnds.push(loss);
    }
    clearInterval(timer);
    await Promise.all(asked);
    expect(await results(run)).toEqual(want);
    // Each is of one moment: of the weights after a whole number of steps.
    for (const one of got.predictions) expect(steps.predictions).toContain(one);
    for (const one of got.atEnds) expect(steps.losses).toContain(one);
    expect(got.losses.every(Number.isFinite)).toBe(true);
    expect(got.predictions.length).toBeGreaterThanOrEqual(6);
    run.release();
  });

  it("a session that advances, evaluates, predicts, and tells its state and weights", async () => {
    const engine = engines[kind];
    const inputs = first.inputs.data as Float32Array;
    const want = await session(engine, model(), first, settings);
    const losses = (await want.advance(9)).losses;
    const weights = await bits(want.trainer);
    const steps = await trace(engine);
    const opened = await session(engine, model(), first, settings);
    const work = [
      opened.advance(3),
      opened.evaluate(second),
      predict(opened.trainer, inputs),
      opened.snapshot(),
      opened.trainer.weights(),
      opened.advance(4),
      opened.snapshot(),
      opened.evaluate(second),
      opened.advance(2),
    ] as const;
    const done = await Promise.all(work);
    expect([done[0], done[5], done[8]].flatMap((advance) => advance.losses)).toEqual(losses);
    expect(await bits(opened.trainer)).toEqual(weights);
    expect(steps.predictions).toContain(done[2].data.join());
    // A state told in the middle goes on to the same end.
    for (const state of [done[3], done[6]]) {
      opened.restore(state);
      expect(opened.place.steps).toBe(state.steps);
      const rest = await opened.advance(9 - state.steps);
      expect(rest.losses).toEqual(losses.slice(state.steps));
      expect(await bits(opened.trainer)).toEqual(weights);
    }
    opened.release();
    want.release();
  });

  it("cross-validation, a minimisation and a run of fit", async () => {
    const engine = engines[kind];
    const validate = async () => {
      const { folds } = await crossValidate(engine, model(), second, { ...settings, epochs: 1, folds: 2 });
      return folds.map(({ validation }) => validation.loss);
    };
    const minimise = async () => {
      const trainer = createTrainer(engine, model(), { inputShape: [4] });
      const { x, y } = { x: first.inputs.data, y: first.targets.data };
      const loss = await objective(
        trainer,
        { x: [COUNT, 4], y: [COUNT, 2] },
        (given, call) => mean(square(sub(call(given.x), given.y))),
        { x, y },
      );
      const found = await lbfgs(loss, { maxSteps: 4 });
      loss.release();
      trainer.release();
      return [...found.position];
    };
    const train = () => alone(engine, first);
    const want = [await validate(), await minimise(), await train()];
    expect(await Promise.all([validate(), minimise(), train()])).toEqual(want);
  });

  it("steps of two compiled steps of one trainer take their turns as they were asked for", async () => {
    const engine = engines[kind];
    const open = async () => {
      const opened = await session(engine, model(), first, settings);
      const step = await opened.trainer.compile(({ x }, call) => ({ minimize: mean(square(call(x))) }), {
        inputs: { x: [3, 4] },
      });
      return { opened, step };
    };
    const x = Float32Array.from({ length: 12 }, (_, i) => i / 12);
    const inTurn = await open();
    await inTurn.step.run({ x });
    await inTurn.step.run();
    await inTurn.step.run();
    const want = await bits(inTurn.opened.trainer);
    const atOnce = await open();
    await Promise.all([atOnce.step.run({ x }), atOnce.step.run(), atOnce.step.run()]);
    expect(await bits(atOnce.opened.trainer)).toEqual(want);
    expect(atOnce.opened.trainer.steps).toBe(3);
    for (const { opened, step } of [inTurn, atOnce]) {
      step.release();
      opened.release();
    }
  });
});

/** Moments in a run at which something happens to it. */
const MOMENTS: Record<string, (act: (run: FitRun) => void) => FitOptions & { body?: (run: FitRun) => void }> =
  {
    onCompiled: (act) => ({ onCompiled: () => act(current()) }),
    onStart: (act) => ({ callbacks: [{ name: "own", onStart: act }] }),
    "the first onProgress": (act) => ({ onProgress: once(() => act(current())) }),
    "onProgress in the second epoch": (act) => {
      const acts = once(() => act(current()));
      return { onProgress: ({ epoch }) => epoch === 2 && acts() };
    },
    onEpoch: (act) => ({ callbacks: [{ name: "own", onEpoch: (_epoch, run) => void act(run) }] }),
    "the schedule": (act) => {
      const acts = once(() => act(current()));
      return { schedule: (step) => (step === 7 && acts(), 1) };
    },
    "the body": (act) => ({ body: act }),
  };

let running: FitRun | undefined;
const current = () => running as FitRun;

function once(act: () => void): () => void {
  let acted = false;
  return () => {
    if (acted) return;
    acted = true;
    act();
  };
}

async function whatComes(engine: Engine, given: FitOptions & { body?: (run: FitRun) => void }) {
  const { body, ...options } = given;
  const run = fit(engine, model(), first, { ...settings, ...options });
  running = run;
  try {
    for await (const _ of run) body?.(run);
    return { run, value: "nothing" };
  } catch (value) {
    return { run, value };
  }
}

/** Long enough for what goes on behind a caller's back to show. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe.each(ENGINES)("in the middle of a run on the %s", (kind) => {
  it.each(Object.entries(MOMENTS))(
    "a signal is aborted in %s: its reason comes out",
    async (_name, given) => {
      const want = await alone(engines[kind], first);
      for (const reason of [new Error("enough"), "text", null]) {
        const controller = new AbortController();
        const { run, value } = await whatComes(engines[kind], {
          ...given(() => controller.abort(reason)),
          signal: controller.signal,
        });
        expect(value).toBe(reason);
        const { steps } = run.trainer;
        await settled();
        expect(run.trainer.steps).toBe(steps);
        run.release();
      }
      expect(await alone(engines[kind], first)).toEqual(want);
      expect(unhandled).toEqual([]);
    },
  );

  it.each(Object.entries(MOMENTS))("the run is released in %s: it ends in words", async (_name, given) => {
    const want = await alone(engines[kind], first);
    const { run, value } = await whatComes(
      engines[kind],
      given((one) => one.release()),
    );
    expect(String(value)).toMatch(/it was released; open another|the run was released; begin anew/);
    const { steps } = run.trainer;
    await settled();
    expect(run.trainer.steps).toBe(steps);
    await expect(run).rejects.toThrow("fit: the run was released; begin anew with fit(…)");
    expect(await alone(engines[kind], first)).toEqual(want);
    expect(unhandled).toEqual([]);
  });
});
