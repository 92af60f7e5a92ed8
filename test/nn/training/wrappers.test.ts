/** What goes around optimizers, Muon, and rules of one's own: by formulas in f64, on all engines. */
import { describe, expect, it } from "vitest";
import {
  adagrad,
  adam,
  adamax,
  adamw,
  averaged,
  averagedModel,
  clipped,
  constant,
  createTrainer,
  dense,
  type Engine,
  grouped,
  layerNorm,
  lion,
  lookahead,
  mul,
  muon,
  nadam,
  type Optimizer,
  type OptimizerRule,
  ops,
  optimizer,
  rmsprop,
  sequential,
  sgd,
  sub,
  sum,
  type Tensor,
  type Trainer,
  tanh,
  transpose,
  type UpdateState,
  type UpdateTools,
} from "../../../src/index.ts";
import { isWritten } from "../../../src/kernels/index.ts";
import { elementCount } from "../../../src/program.ts";
import { difference, differences } from "../../helpers/compare.ts";
import { DEVICES, ENGINES, useEngines } from "../../helpers/engines.ts";
import { uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const BATCH = 6;
const batches = Array.from({ length: 6 }, () => ({
  x: uniform([BATCH, 3]).data,
  y: uniform([BATCH, 2], -2, 2).data,
}));

async function open(engine: Engine, by: Optimizer, nonFinite: "refuse" | "allow" = "refuse") {
  const model = sequential(dense(5), layerNorm(), tanh(), dense(2));
  const trainer = createTrainer(engine, model, { inputShape: [3], optimizer: by, seed: 4 });
  const step = await trainer.compile(({ x, y }, call) => ({ minimize: ops.meanSquaredError(call(x), y) }), {
    inputs: { x: [BATCH, 3], y: [BATCH, 2] },
    nonFinite,
  });
  return { trainer, step };
}

async function valuesOf(trainer: Trainer): Promise<Record<string, number[]>> {
  const weights = await trainer.weights({ nonFinite: "allow" });
  return Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, [...data]]));
}

/** The part of an arena that is a parameter's. */
async function partsOf(trainer: Trainer, arena: string): Promise<Record<string, number[]>> {
  const values = await trainer.memory[arena].read();
  return Object.fromEntries(
    trainer.layout.specs.map(({ name, shape }) => {
      const offset = trainer.layout.offset(name);
      return [name, [...values.slice(offset, offset + elementCount(shape))]];
    }),
  );
}

const all: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  nesterov: () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  adam: () => adam(),
  adamw: () => adamw({ groups: [{ match: "0.bias", learningRate: 0.01 }] }),
  nadam: () => nadam(),
  adamax: () => adamax(),
  lion: () => lion({ weightDecay: 0.1 }),
  rmsprop: () => rmsprop({ momentum: 0.5 }),
  adagrad: () => adagrad(),
  muon: () => muon({ weightDecay: 0.1 }),
  "all wrappers at once": () =>
    averaged(
      lookahead(clipped(grouped(nadam(), [{ match: "0", learningRate: 0.01 }]), { norm: 1 }), { steps: 2 }),
    ),
};

describe.each(Object.entries(all))("%s", (name, make) => {
  it("updates all parameters by one launch", async () => {
    const { step } = await open(engines.cpu, make());
    const { dispatches, buffers } = step.program;
    const writing = dispatches.filter((dispatch) =>
      Object.entries(dispatch.bindings).some(
        ([binding, { buffer }]) => isWritten(dispatch, binding) && buffers[buffer].name === "parameters",
      ),
    );
    expect(writing.map(({ kernel, label }) => `${label} ${kernel}`)).toEqual(["optimizer elementwise4"]);
    expect(dispatches.at(-1)).toBe(writing[0]);
    const others = dispatches.filter(({ label }) => label === "optimizer" || label.startsWith("muon"));
    if (name === "muon")
      expect(others.filter(({ kernel }) => kernel.startsWith("matmul"))).toHaveLength(2 * 3 * 5);
    else expect(others).toEqual(writing);
    step.release();
  });

  it.each(DEVICES)(
    "on the %s, goes on from a snapshot as if it had never stopped, to the bit",
    async (kind) => {
      const engine = engines[kind];
      const { trainer, step } = await open(engine, make());
      for (const batch of batches.slice(0, 3)) await step.run(batch);
      const half = await trainer.snapshot();
      for (const batch of batches.slice(3)) await step.run(batch);
      const want = await trainer.snapshot();
      const other = await open(engine, make());
      other.trainer.restore(half);
      for (const batch of batches.slice(3)) await other.step.run(batch);
      expect(await other.trainer.snapshot()).toEqual(want);
      expect(Object.keys(want.arenas)).toEqual(["parameters", ...make().slots]);
      // What lies between parameters starts at zero, and stays there.
      const owned = new Set(
        trainer.layout.specs.flatMap((spec) =>
          Array.from({ length: elementCount(spec.shape) }, (_, i) => trainer.layout.offset(spec.name) + i),
        ),
      );
      const between = [...want.arenas.parameters].filter((value, i) => !owned.has(i) && value !== 0);
      expect(between).toEqual([]);
      for (const one of [step, other.step, trainer, other.trainer]) one.release();
    },
  );

  it.each(ENGINES)("on the %s, a gradient that is NaN leaves no number in its weights", async (kind) => {
    const { trainer, step } = await open(engines[kind], make(), "allow");
    const x = batches[0].x.slice();
    x[0] = Number.NaN;
    await step.run({ ...batches[0], x });
    for (const [parameter, values] of Object.entries(await valuesOf(trainer)))
      expect(values.every(Number.isNaN), parameter).toBe(true);
    for (const one of [step, trainer]) one.release();
  });
});

describe.each(ENGINES)("on the %s", (kind) => {
  it("the average follows the weights, those that are frozen too, and is a model of its own", async () => {
    const frozen = [{ match: "3.bias", frozen: true }];
    const { trainer, step } = await open(
      engines[kind],
      averaged(adam({ learningRate: 0.1, groups: frozen }), { decay: 0.7 }),
    );
    await expect(averagedModel(trainer)).rejects.toThrow(
      "averagedModel: there is no average before the first step",
    );
    let want: Record<string, number[]> = {};
    for (const [t, batch] of batches.entries()) {
      await step.run(batch);
      const now = await valuesOf(trainer);
      want =
        t === 0
          ? now
          : Object.fromEntries(
              Object.entries(now).map(([name, values]) => [
                name,
                values.map((value, i) => 0.7 * want[name][i] + 0.3 * value),
              ]),
            );
    }
    const average = await averagedModel(trainer);
    const got = await valuesOf(average);
    const found = Object.keys(want).map((name) =>
      difference(name, got[name], want[name], { rtol: 1e-5, atol: 1e-6 }),
    );
    expect(differences(...found)).toEqual([]);
    expect(got["0.weight"]).not.toEqual((await valuesOf(trainer))["0.weight"]);
    expect(got["3.bias"]).toEqual((await valuesOf(trainer))["3.bias"]);
    for (const one of [step, trainer, average]) one.release();
  });

  it.each([
    ["", undefined],
    [", of gradients clipped by value", { value: 0.05 }],
    [", of gradients clipped by norm", { norm: 0.05 }],
  ])(
    "muon moves matrices by what Newton–Schulz makes of the momentum, and the rest by AdamW%s",
    async (_, clip) => {
      const [rate, momentum, decay] = [0.05, 0.8, 0.1];
      const rest = { learningRate: 0.01, beta1: 0.7, beta2: 0.9, epsilon: 1e-3 };
      const by = muon({
        learningRate: rate,
        momentum,
        weightDecay: decay,
        iterations: 3,
        except: ["3.weight"],
        rest,
      });
      const { trainer, step } = await open(engines[kind], clip ? clipped(by, clip) : by);
      const want = await valuesOf(trainer);
      const state = Object.fromEntries(
        Object.entries(want).map(([name, values]) => [
          name,
          { m: values.map(() => 0), v: values.map(() => 0) },
        ]),
      );
      for (const [i, batch] of batches.slice(0, 3).entries()) {
        await step.run(batch);
        // With clipping, those that are left are clipped.
        const gradients = await partsOf(trainer, "gradients");
        if (clip) expect(sizeOf(gradients, clip)).toBeCloseTo(0.05, 6);
        for (const [name, g] of Object.entries(gradients)) {
          const { m, v } = state[name];
          const matrix = name === "0.weight";
          const beta = matrix ? momentum : rest.beta1;
          g.forEach((one, at) => {
            m[at] = beta * m[at] + (1 - beta) * one;
            v[at] = rest.beta2 * v[at] + (1 - rest.beta2) * one * one;
          });
          const ahead = g.map((one, at) => (1 - momentum) * one + momentum * m[at]);
          const direction = matrix
            ? orthogonal(ahead, 5, 3, 3)
            : g.map((_, at) => {
                const mean = m[at] / (1 - rest.beta1 ** (i + 1));
                return mean / (Math.sqrt(v[at] / (1 - rest.beta2 ** (i + 1))) + rest.epsilon);
              });
          const lr = matrix ? rate : rest.learningRate;
          const shrink = name.endsWith("weight") && !name.startsWith("1.") ? 1 - lr * decay : 1;
          want[name] = want[name].map((w, at) => w * shrink - lr * direction[at]);
        }
      }
      const got = await valuesOf(trainer);
      const found = Object.keys(want).map((name) =>
        difference(name, got[name], want[name], { rtol: 1e-4, atol: 1e-5 }),
      );
      expect(differences(...found)).toEqual([]);
      for (const one of [step, trainer]) one.release();
    },
  );
});

/** The size of gradients that a bound limits: their norm, or the largest. */
function sizeOf(
  gradients: Readonly<Record<string, number[]>>,
  bound: { norm?: number; value?: number },
): number {
  const sizes = Object.values(gradients).flat().map(Math.abs);
  return bound.norm === undefined ? Math.max(...sizes) : Math.hypot(...sizes);
}

/** Newton–Schulz in f64 on a matrix [rows, columns] with more rows than columns. */
function orthogonal(values: readonly number[], rows: number, columns: number, iterations: number): number[] {
  const product = (a: number[][], b: number[][]) =>
    a.map((row) => b[0].map((_, j) => row.reduce((total, one, k) => total + one * b[k][j], 0)));
  const turned = (a: number[][]) => a[0].map((_, j) => a.map((row) => row[j]));
  const norm = Math.sqrt(values.reduce((total, one) => total + one * one, 0)) + 1e-7;
  let x = turned(
    Array.from({ length: rows }, (_, i) =>
      values.slice(i * columns, (i + 1) * columns).map((one) => one / norm),
    ),
  );
  for (let i = 0; i < iterations; i++) {
    const gram = product(x, turned(x));
    const square = product(gram, gram);
    const inner = gram.map((row, a) => row.map((one, b) => -4.775 * one + 2.0315 * square[a][b]));
    const moved = product(inner, x);
    x = x.map((row, a) => row.map((one, b) => 3.4445 * one + moved[a][b]));
  }
  return turned(x)
    .flat()
    .map((one) => one * Math.sqrt(rows / columns));
}

describe("a rule of one's own", () => {
  type Rule = OptimizerRule<string, string, string>;
  const still: Rule = { name: "still", learningRate: 1, update: ({ parameter }) => ({ parameter }) };
  type Operands = UpdateState<string>;
  const each =
    (scratch: string, compute: (matrix: Tensor) => unknown) =>
    ({ parameter }: Operands, { eachMatrix }: UpdateTools) => ({
      parameter: eachMatrix(scratch, parameter, () => 1, compute as (matrix: Tensor) => Tensor),
    });
  const compiled = async (rule: object) => {
    const { trainer, step } = await open(engines.cpu, optimizer({ ...still, ...rule } as Rule));
    for (const one of [step, trainer]) one.release();
  };

  it.each<[string, object, string | RegExp]>([
    ["no new parameter", { update: () => ({}) }, "still: update gives no parameter; return its new value"],
    ["no new slot", { slots: ["mean"] }, "still: update gives no mean; return its new value"],
    ["nothing", { update: () => undefined }, "still: update gives undefined; return new values by name"],
    [
      "a number",
      { update: () => ({ parameter: 1 }) },
      "still: update gives 1 for parameter; return a tensor",
    ],
    [
      "another shape",
      {
        update: ({ parameter }: { parameter: Parameters<typeof sum>[0] }) => ({ parameter: sum(parameter) }),
      },
      "still: update gives [] for parameter; all parameters are [384] together",
    ],
    [
      "what is no slot",
      { update: ({ parameter }: { parameter: unknown }) => ({ parameter, mean: constant(0, [384]) }) },
      'still: update gives "mean", which is no slot',
    ],
    [
      "a scalar that is NaN",
      { scalars: { factor: () => Number.NaN } },
      'still: scalar "factor" is NaN at step 1',
    ],
    ["a taken name", { slots: ["gradient"] }, 'still: "gradient" stands for something else'],
    [
      "a parameter's number that is NaN",
      {
        perParameter: { factor: () => Number.NaN },
        update: ({ parameter, factor }: Operands) => ({ parameter: mul(parameter, factor) }),
      },
      'still: perParameter "factor" is NaN for 0.weight; give a finite number',
    ],
    ["scalars that are none", { scalars: 5 }, "still: scalars are 5; give an object, values by name"],
    [
      "new values from other elements, which the same launch changes",
      {
        update: ({ parameter }: Operands) => ({
          parameter: ops.reshape(transpose(ops.reshape(parameter, [2, -1])), [-1]),
        }),
      },
      "optimizer: an element's new value depends on other elements of parameters, which the same launch changes",
    ],
    [
      "another shape of a matrix",
      { scratch: ["own"], update: each("own", (matrix) => sum(matrix)) },
      /still: eachMatrix: compute gives .* for 0\.weight; return a tensor \[5, 3\]/,
    ],
    [
      "no matrix",
      { scratch: ["own"], update: each("own", () => undefined) },
      "still: eachMatrix: compute gives undefined for 0.weight",
    ],
    [
      "matrices twice in one place",
      {
        scratch: ["own"],
        update: (state: Operands, tools: UpdateTools) => ({
          parameter: mul(
            each("own", (matrix) => matrix)(state, tools).parameter,
            each("own", (matrix) => mul(matrix, 2))(state, tools).parameter,
          ),
        }),
      },
      'still: scratch "own" is filled twice',
    ],
    ["a name twice", { slots: ["a", "a"] }, 'still: the name "a" is given twice'],
    ["no learning rate", { learningRate: undefined }, "still: there is no learningRate"],
    ["no update", { update: undefined }, "still: update is undefined"],
  ])("with %s is refused in words", async (_what, rule, message) => {
    await expect(compiled(rule)).rejects.toThrow(message);
  });

  it("may change nothing, as may a step of it", async () => {
    const { trainer, step } = await open(engines.cpu, optimizer(still));
    const before = await valuesOf(trainer);
    await step.run(batches[0]);
    expect(await valuesOf(trainer)).toEqual(before);
    expect(trainer.steps).toBe(1);
    for (const one of [step, trainer]) one.release();
  });

  it("is refused where it takes more memory than a launch can", async () => {
    const slots = ["a", "b", "c", "d", "e", "f"];
    const update = (state: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(["parameter", ...slots].map((name) => [name, mul(state[name] as never, 2)]));
    await expect(compiled({ slots, update })).rejects.toThrow("optimizer: one launch changes 7 states");
  });

  it("has decay, groups and frozen parameters without a line of its own", async () => {
    const rule = optimizer({
      name: "descent",
      learningRate: 0.1,
      weightDecay: 0.5,
      groups: [{ match: "3", frozen: true }],
      // Moves whatever the gradient is.
      update: ({ parameter, gradient, learningRate }) => ({
        parameter: sub(sub(parameter, mul(learningRate, gradient)), 1),
      }),
    });
    const { trainer, step } = await open(engines.cpu, rule);
    const before = await valuesOf(trainer);
    await step.run(batches[0]);
    const after = await valuesOf(trainer);
    const gradient = await partsOf(trainer, "gradients");
    const moved = (name: string, decay: number) =>
      before[name].map((w, i) => w - 0.1 * (gradient[name][i] + decay * w) - 1);
    const close = { rtol: 1e-5, atol: 1e-6 };
    expect(difference("weight", after["0.weight"], moved("0.weight", 0.5), close)).toBe(undefined);
    expect(difference("bias", after["0.bias"], moved("0.bias", 0), close)).toBe(undefined);
    for (const name of ["3.weight", "3.bias"]) expect(after[name]).toEqual(before[name]);
    for (const one of [step, trainer]) one.release();
  });

  it.each(ENGINES)(
    "a frozen parameter that is loaded meanwhile stays as loaded, slow weights or not, on %s",
    async (kind) => {
      const groups = [{ match: "3.bias", frozen: true }];
      const { trainer, step } = await open(
        engines[kind],
        lookahead(sgd({ learningRate: 0.1, groups }), { steps: 2 }),
      );
      await step.run(batches[0]);
      const loaded = Float32Array.of(3, -4);
      await trainer.load({ "3.bias": { shape: [2], data: loaded } }, { only: "3.bias" });
      for (const batch of batches.slice(1, 4)) await step.run(batch);
      expect((await trainer.weights())["3.bias"].data).toEqual(loaded);
      for (const one of [step, trainer]) one.release();
    },
  );

  it("cannot go into the same wrapper twice", () => {
    expect(() => averaged(lookahead(averaged(adam())))).toThrow(
      'averaged: lookahead averaged adam has "average" already; wrap an optimizer once in it',
    );
  });
});
