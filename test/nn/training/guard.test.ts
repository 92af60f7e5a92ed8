/** Guarded steps: an output tells in which step a number was NaN or infinite, and in what. */
import { describe, expect, it } from "vitest";
import {
  adam,
  add,
  averaged,
  batchNorm,
  clipped,
  createTrainer,
  type Engine,
  init,
  type Layer,
  lookahead,
  mul,
  muon,
  type Optimizer,
  ops,
  sequential,
  sgd,
  stepScalar,
  sum,
  type Trainer,
  type TrainingOptions,
} from "../../../src/index.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();
/** Sizes that are no multiple of four. */
const SIZE = 69;
const SPARE = 130;
/** The first, a lane in the middle, one in the last vector, the last one. */
const PLACES = [0, 6, 66, SIZE - 1];
/** Twice as much is infinite. */
const LARGE = 3e38;
const LARGEST = 3.4028234663852886e38;
const SUBNORMAL = 1e-45;

/** x · weight; nothing depends on the parameter `spare`. */
const product: Layer = {
  name: "product",
  apply(x, scope) {
    const weight = scope.parameter("weight", [SIZE], { init: init.constantValue(0) });
    scope.parameter("spare", [SPARE], { init: init.constantValue(0) });
    return mul(x, weight);
  },
};

/** Σ size · (weight · x) + Σ extra: a gradient of size · x, and a loss of 0 at weights of 0. */
async function open(engine: Engine, optimizer: Optimizer, options: TrainingOptions = {}) {
  const trainer = createTrainer(engine, product, { inputShape: [SIZE], optimizer });
  const parts = options.accumulate ?? 1;
  const step = await trainer.compile(
    ({ x, extra }, model, part) => {
      const own = ops.slice(x, part, part + 1);
      const sized = mul(model(own), stepScalar("size"));
      return { minimize: add(sum(sized), sum(extra)) };
    },
    {
      inputs: { x: [parts, SIZE], extra: [3] },
      maxSteps: 8,
      nonFinite: "allow",
      guard: "notice",
      ...options,
    },
  );
  step.write({ x: new Float32Array(parts * SIZE).fill(1), extra: new Float32Array(3) });
  /** What the steps show, each with a size of its own. */
  const shown = async (...sizes: readonly number[]) => {
    const { nonFinite } = await step.runMany(sizes.length, (i) => ({ size: sizes[i] }));
    return [...nonFinite];
  };
  /** Puts a number into an arena, as it lies there. */
  const plant = async (arena: string, at: number, value: number) => {
    const state = await trainer.snapshot();
    state.arenas[arena][at] = value;
    trainer.restore(state, { nonFinite: "allow" });
  };
  return { trainer, step, shown, plant };
}

/** Where parameter `spare` begins. */
const SPARE_AT = 128;
const ones = (at: number, value: number, count = SIZE) => new Float32Array(count).fill(1).with(at, value);

describe.each(ENGINES)("on the %s, a guarded step", (kind) => {
  it("shows 1 for a loss that is not finite", async () => {
    const { step, shown } = await open(engines[kind], sgd());
    expect(await shown(1)).toEqual([0]);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      step.write({ extra: Float32Array.of(0, 0, value) });
      expect(await shown(1), `${value}`).toEqual([1]);
    }
    step.write({ extra: Float32Array.of(0, LARGEST, 0) });
    expect(await shown(1)).toEqual([0]);
  });

  it("shows 2 for a gradient, wherever it is", async () => {
    for (const at of PLACES) {
      for (const value of [LARGE, -LARGE, Number.NaN]) {
        const { step, shown } = await open(engines[kind], adam());
        step.write({ x: ones(at, value) });
        expect(await shown(2), `${value} at ${at}`).toEqual([2]);
      }
    }
  });

  it("shows 2 in the very step of a submit, where clipping hides the gradient", async () => {
    const { step, shown, trainer } = await open(engines[kind], sgd({ learningRate: 0.01 }), {
      clip: { value: 1 },
    });
    step.write({ x: ones(6, LARGE) });
    expect(await shown(1, 1, 1, 2, 1, 1)).toEqual([0, 0, 0, 2, 0, 0]);
    expect(await shown(1, 2)).toEqual([0, 2]);
    const { data } = (await trainer.weights()).weight;
    expect(data.every(Number.isFinite)).toBe(true);
  });

  it("shows 2 for a gradient of one part of a batch", async () => {
    for (const part of [0, 1, 2]) {
      const { step, shown } = await open(engines[kind], sgd(), { accumulate: 3, clip: { value: 1 } });
      step.write({ x: ones(part * SIZE + 68, LARGE, 3 * SIZE) });
      expect(await shown(1, 6, 1), `part ${part}`).toEqual([0, 2, 0]);
    }
  });

  it("shows 2 for a parameter, and for each slot", async () => {
    const arenas: readonly (readonly [Optimizer, readonly string[]])[] = [
      [adam(), ["parameters", "first", "second"]],
      [sgd({ momentum: 0.9 }), ["parameters", "first"]],
      [averaged(sgd()), ["parameters", "average"]],
    ];
    for (const [optimizer, names] of arenas) {
      for (const arena of names) {
        for (const at of [...PLACES, SPARE_AT, SPARE_AT + SPARE - 1]) {
          const { plant, shown } = await open(engines[kind], optimizer);
          await shown(1);
          await plant(arena, at, Number.POSITIVE_INFINITY);
          const [found] = await shown(1);
          expect(found, `${optimizer.name}: ${arena} ${at}`).toBe(2);
        }
      }
    }
  });

  it("shows 2 where the update overflows", async () => {
    const { shown } = await open(engines[kind], sgd({ learningRate: 1e10 }));
    expect(await shown(0, 1e30)).toEqual([0, 2]);
  });

  it("shows 2 where no binding is left beside the optimizer's own", async () => {
    const many = clipped(averaged(lookahead(adam())), { value: 1 });
    const { step, shown, plant } = await open(engines[kind], many);
    const update = step.program.dispatches.filter(({ label }) => label === "optimizer");
    expect(update.map(({ hooks }) => [hooks.store.stores?.length, hooks.store.flags?.length])).toEqual([
      [undefined, 1],
      [6, undefined],
      [undefined, 1],
    ]);
    step.write({ x: ones(6, LARGE) });
    expect(await shown(1, 2, 1)).toEqual([0, 2, 0]);
    await plant("second", SPARE_AT + 3, Number.NaN);
    expect(await shown(1)).toEqual([2]);
  });

  it("shows 2 for a running statistic", async () => {
    const trainer = createTrainer(engines[kind], sequential(batchNorm()), {
      inputShape: [5],
      optimizer: sgd(),
    });
    const step = await trainer.compile(({ x }, model) => ({ minimize: sum(model(x)) }), {
      inputs: { x: [4, 5] },
      guard: "notice",
    });
    const x = Float32Array.from({ length: 20 }, (_, i) => (i * 7) % 5);
    expect([...(await step.run({ x })).nonFinite]).toEqual([0]);
    for (const at of [0, 4, 64, 68]) {
      const good = await trainer.snapshot();
      good.arenas.statistics[at] = Number.NEGATIVE_INFINITY;
      trainer.restore(good, { nonFinite: "allow" });
      expect([...(await step.run()).nonFinite], `${at}`).toEqual([2]);
      good.arenas.statistics[at] = 1;
      trainer.restore(good);
      expect([...(await step.run()).nonFinite]).toEqual([0]);
    }
  });

  it("shows 0 for the largest numbers, and for the smallest", async () => {
    const plain = await open(engines[kind], sgd({ learningRate: 1e-38 }));
    const moving = await open(engines[kind], sgd({ momentum: 0.5, learningRate: 1e-38 }));
    for (const [i, value] of [LARGEST, -LARGEST, SUBNORMAL, -SUBNORMAL, 0, -0].entries()) {
      plain.step.write({ x: ones(i, value), extra: Float32Array.of(0, 0, value) });
      expect(await plain.shown(1)).toEqual([0]);
      await plain.plant("parameters", 0, 0);
      await plain.plant("parameters", 1, 0);
      await plain.plant("parameters", SPARE_AT + i, value);
      expect(await plain.shown(1)).toEqual([0]);
      await moving.plant("first", SPARE_AT + i, value);
      expect(await moving.shown(1, 1)).toEqual([0, 0]);
    }
  });
});

/** The bits of all arenas, by name. */
async function bitsOf(trainer: Trainer) {
  const { arenas } = await trainer.snapshot();
  return Object.fromEntries(
    Object.entries(arenas).map(([name, data]) => [name, [...new Uint32Array(data.slice().buffer)]]),
  );
}

describe.each(ENGINES)('on the %s, a step with the guard "skip"', (kind) => {
  const optimizers: readonly (readonly [string, Optimizer, TrainingOptions])[] = [
    ["sgd", sgd({ learningRate: 0.1 }), {}],
    ["adam, clipped", adam(), { clip: { norm: 1, value: 0.5 } }],
    ["lookahead in averages, of parts", averaged(lookahead(sgd({ momentum: 0.9 }))), { accumulate: 3 }],
    ["muon", muon(), { penalty: { l2: 0.1 } }],
  ];

  it.each(optimizers)(
    "changes no bit where a number is not finite: %s",
    async (_name, optimizer, options) => {
      const { step, shown, plant, trainer } = await open(engines[kind], optimizer, {
        ...options,
        guard: "skip",
      });
      const parts = options.accumulate ?? 1;
      await shown(1, 1);
      // What a copy by way of other numbers would lose.
      await plant("parameters", SPARE_AT, -0);
      await plant("parameters", SPARE_AT + 1, SUBNORMAL);
      await plant("parameters", SPARE_AT + 2, LARGEST);
      const before = await bitsOf(trainer);
      for (const at of PLACES) {
        step.write({ x: ones(at, Number.NaN, parts * SIZE) });
        expect(await shown(1, 1), `NaN at ${at}`).toEqual([4, 4]);
        step.write({ x: ones((parts - 1) * SIZE + at, LARGE, parts * SIZE) });
        expect(await shown(2 * parts), `a large number at ${at}`).toEqual([4]);
      }
      step.write({ x: ones(0, 1, parts * SIZE), extra: Float32Array.of(0, Number.POSITIVE_INFINITY, 0) });
      expect(await shown(1), "the loss").toEqual([4]);
      const { steps } = trainer;
      expect(await bitsOf(trainer)).toEqual(before);
      expect(steps).toBe(2 + 3 * PLACES.length + 1);
      step.write({ extra: new Float32Array(3) });
      // Lookahead's slow weights change each fifth step.
      expect(await shown(1, 1, 1, 1, 1)).toEqual([0, 0, 0, 0, 0]);
      const after = await bitsOf(trainer);
      for (const name in before) expect(after[name], name).not.toEqual(before[name]);
    },
  );

  it("takes the other steps of a submit, and as a step without it, to the bit", async () => {
    const guarded = await open(engines[kind], adam(), { guard: "skip" });
    const plain = await open(engines[kind], adam(), { guard: "notice" });
    for (const { step } of [guarded, plain]) step.write({ x: ones(6, -3) });
    expect(await guarded.shown(1, 2, 1)).toEqual([0, 0, 0]);
    await plain.shown(1, 2, 1);
    expect(await bitsOf(guarded.trainer)).toEqual(await bitsOf(plain.trainer));
    expect(await guarded.shown(1, LARGE, 2, Number.POSITIVE_INFINITY, 1)).toEqual([0, 4, 0, 4, 0]);
    expect((await guarded.trainer.weights()).weight.data.every(Number.isFinite)).toBe(true);
  });

  it("shows 2 where the update overflows although its gradients are finite", async () => {
    const { shown } = await open(engines[kind], sgd({ learningRate: 1e10 }), { guard: "skip" });
    expect(await shown(0, 1e30)).toEqual([0, 2]);
  });

  it("keeps running statistics, and takes gradients for finite however many and large they are", async () => {
    const trainer = createTrainer(engines[kind], sequential(batchNorm()), {
      inputShape: [5],
      optimizer: sgd(),
    });
    const step = await trainer.compile(({ x, y }, model) => ({ minimize: sum(mul(model(x), y)) }), {
      inputs: { x: [4, 5], y: [4, 5] },
      guard: "skip",
      nonFinite: "allow",
    });
    const x = Float32Array.from({ length: 20 }, (_, i) => (i * 7) % 5);
    const y = new Float32Array(20).fill(1);
    const show = async (inputs: Record<string, Float32Array>) => [...(await step.run(inputs)).nonFinite];
    expect(await show({ x, y })).toEqual([0]);
    const before = await bitsOf(trainer);
    // Their variance is infinite, and what they are normalised to is 0.
    expect(await show({ x: x.map((value) => value * 1e38) })).toEqual([4]);
    expect(await show({ x: x.with(19, Number.NaN) })).toEqual([4]);
    expect(await bitsOf(trainer)).toEqual(before);
    const large = await open(engines[kind], sgd({ learningRate: 0 }), { guard: "skip" });
    large.step.write({ x: new Float32Array(SIZE).fill(LARGEST) });
    expect(await large.shown(1)).toEqual([0]);
  });
});

it("is refused where it cannot be", async () => {
  const trainer = createTrainer(engines.cpu, product, { inputShape: [SIZE], optimizer: sgd() });
  const inputs = { x: [1, SIZE] } as const;
  await expect(
    trainer.compile(({ x }, model) => ({ y: model(x) }), { inputs, guard: "notice" }),
  ).rejects.toThrow(
    "step: guard looks for NaN in training, and the step returns no `minimize`; leave guard out",
  );
  await expect(
    trainer.compile(({ x }, model) => ({ minimize: sum(model(x)), nonFinite: sum(x) }), {
      inputs,
      guard: "notice",
    }),
  ).rejects.toThrow('step: the step returns "nonFinite", which guard gives; give your own another name');
  await expect(
    trainer.compile(({ x }, model) => ({ minimize: sum(model(x)) }), { inputs, guard: "skim" as "notice" }),
  ).rejects.toThrow('step: guard is "skim"; give "notice" or "skip", or leave it out');
});
