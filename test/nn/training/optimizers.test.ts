/** Optimizers against their papers' rules in plain f64, one parameter at a time, over ten steps on both engines. */
import { describe, expect, it } from "vitest";
import {
  adagrad,
  adam,
  adamax,
  adamw,
  concat,
  createTrainer,
  decayed,
  dense,
  type Engine,
  grouped,
  layerNorm,
  lion,
  lookahead,
  type Model,
  mean,
  nadam,
  type Optimizer,
  ops,
  rmsprop,
  sequential,
  sgd,
  slice,
  square,
  type Tensor,
  type Trainer,
  tanh,
} from "../../../src/index.ts";
import type { TrainingOptions } from "../../../src/nn/training/step.ts";
import { difference, differences } from "../../helpers/compare.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";
import { uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const STEPS = 10;
const BATCH = 6;
const model = () => sequential(dense(5), layerNorm(), tanh(), dense(2));
const batches = Array.from({ length: STEPS }, () => ({
  x: uniform([BATCH, 3]).data,
  y: uniform([BATCH, 2], -2, 2).data,
}));

async function open(engine: Engine, optimizer: Optimizer, options: TrainingOptions = {}) {
  const trainer = createTrainer(engine, model(), { inputShape: [3], optimizer, seed: 4 });
  const parts = options.accumulate ?? 1;
  const step = await trainer.compile(
    ({ x, y }, call, part) => {
      const of = [(part * BATCH) / parts, ((part + 1) * BATCH) / parts] as const;
      return { minimize: ops.meanSquaredError(call(slice(x, ...of)), slice(y, ...of)) };
    },
    { inputs: { x: [BATCH, 3], y: [BATCH, 2] }, ...options },
  );
  return { trainer, step };
}

type Values = Record<string, number[]>;

async function parametersOf(trainer: Trainer): Promise<Values> {
  const weights = await trainer.weights();
  return Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, [...data]]));
}

/** What the last step left in the arena of gradients, by parameter. */
async function gradientsOf(trainer: Trainer): Promise<Values> {
  const arena = await trainer.memory.gradients.read();
  return Object.fromEntries(
    Object.entries(await parametersOf(trainer)).map(([name, values]) => {
      const offset = trainer.layout.offset(name);
      return [name, [...arena.slice(offset, offset + values.length)]];
    }),
  );
}

/** How one number moves: its value and gradient, its own state, and the step from 1 on. */
type Rule = (
  w: number,
  g: number,
  state: { m: number; v: number; slow?: number },
  t: number,
  lr: number,
  decay: number,
) => number;

const descent: Rule = (w, g, _state, _t, lr, decay) => w - lr * (g + decay * w);

const withMomentum =
  (mu: number, nesterov: boolean): Rule =>
  (w, gradient, state, _t, lr, decay) => {
    const g = gradient + decay * w;
    state.m = mu * state.m + g;
    return w - lr * (nesterov ? g + mu * state.m : state.m);
  };

const adamRule =
  (b1: number, b2: number, epsilon: number, decoupled: boolean): Rule =>
  (old, gradient, state, t, lr, decay) => {
    const g = decoupled ? gradient : gradient + decay * old;
    const w = decoupled ? old * (1 - lr * decay) : old;
    state.m = b1 * state.m + (1 - b1) * g;
    state.v = b2 * state.v + (1 - b2) * g * g;
    const mean = state.m / (1 - b1 ** t);
    const variance = state.v / (1 - b2 ** t);
    return w - (lr * mean) / (Math.sqrt(variance) + epsilon);
  };

const rmspropRule =
  (rho: number, mu: number, epsilon: number): Rule =>
  (w, gradient, state, _t, lr, decay) => {
    const g = gradient + decay * w;
    state.v = rho * state.v + (1 - rho) * g * g;
    state.m = mu * state.m + g / (Math.sqrt(state.v) + epsilon);
    return w - lr * state.m;
  };

const adagradRule =
  (lrDecay: number, epsilon: number): Rule =>
  (w, gradient, state, t, lr, decay) => {
    const g = gradient + decay * w;
    state.v += g * g;
    return w - ((lr / (1 + (t - 1) * lrDecay)) * g) / (Math.sqrt(state.v) + epsilon);
  };

const nadamRule =
  (b1: number, b2: number, epsilon: number, psi: number): Rule =>
  (w, gradient, state, t, lr, decay) => {
    const g = gradient + decay * w;
    const momentum = (step: number) => b1 * (1 - 0.5 * 0.96 ** (step * psi));
    const product = (steps: number) =>
      Array.from({ length: steps }, (_, i) => momentum(i + 1)).reduce((all, one) => all * one, 1);
    state.m = b1 * state.m + (1 - b1) * g;
    state.v = b2 * state.v + (1 - b2) * g * g;
    const mean =
      (momentum(t + 1) * state.m) / (1 - product(t + 1)) + ((1 - momentum(t)) * g) / (1 - product(t));
    return w - (lr * mean) / (Math.sqrt(state.v / (1 - b2 ** t)) + epsilon);
  };

const adamaxRule =
  (b1: number, b2: number, epsilon: number): Rule =>
  (w, gradient, state, t, lr, decay) => {
    const g = gradient + decay * w;
    state.m = b1 * state.m + (1 - b1) * g;
    state.v = Math.max(b2 * state.v, Math.abs(g) + epsilon);
    return w - (lr / (1 - b1 ** t)) * (state.m / state.v);
  };

const lionRule =
  (b1: number, b2: number): Rule =>
  (w, g, state, _t, lr, decay) => {
    const step = Math.sign(b1 * state.m + (1 - b1) * g);
    state.m = b2 * state.m + (1 - b2) * g;
    return w * (1 - lr * decay) - lr * step;
  };

const lookaheadRule =
  (inner: Rule, steps: number, rate: number): Rule =>
  (w, g, state, t, lr, decay) => {
    const slow = state.slow ?? w;
    const fast = inner(w, g, state, t, lr, decay);
    state.slow = t % steps === 0 ? slow + rate * (fast - slow) : slow;
    return t % steps === 0 ? state.slow : fast;
  };

/** What applies to a parameter; by default, the optimizer's own rate, and its decay for weights alone. */
interface Treatment {
  readonly lr: number;
  readonly decay: number;
}

const weightsOnly =
  (lr: number, decay: number) =>
  (name: string): Treatment => ({ lr, decay: name === "0.weight" || name === "3.weight" ? decay : 0 });
const everything = (lr: number, decay: number) => (): Treatment => ({ lr, decay });

const cases: Readonly<Record<string, [Optimizer, Rule, (name: string) => Treatment]>> = {
  sgd: [sgd({ lr: 0.1 }), descent, everything(0.1, 0)],
  "sgd by default": [sgd(), descent, everything(0.01, 0)],
  "sgd, decay of weights": [sgd({ lr: 0.1, weightDecay: 0.2 }), descent, weightsOnly(0.1, 0.2)],
  "sgd, decay of everything": [
    sgd({ lr: 0.1, weightDecay: 0.2, decayBiases: true }),
    descent,
    everything(0.1, 0.2),
  ],
  momentum: [
    sgd({ lr: 0.05, momentum: 0.9, weightDecay: 0.1 }),
    withMomentum(0.9, false),
    weightsOnly(0.05, 0.1),
  ],
  nesterov: [
    sgd({ lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.1 }),
    withMomentum(0.8, true),
    weightsOnly(0.05, 0.1),
  ],
  "adam by default": [adam(), adamRule(0.9, 0.999, 1e-8, false), everything(0.001, 0)],
  "adam, its own numbers": [
    adam({ lr: 0.02, beta1: 0.7, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
    adamRule(0.7, 0.9, 1e-3, false),
    weightsOnly(0.02, 0.1),
  ],
  "adamw by default": [adamw(), adamRule(0.9, 0.999, 1e-8, true), weightsOnly(0.001, 0.01)],
  "adamw, decay of everything": [
    adamw({ lr: 0.02, weightDecay: 0.5, decayBiases: true }),
    adamRule(0.9, 0.999, 1e-8, true),
    everything(0.02, 0.5),
  ],
  "rmsprop by default": [rmsprop(), rmspropRule(0.99, 0, 1e-8), everything(0.001, 0)],
  "rmsprop with momentum": [
    rmsprop({ lr: 0.005, decay: 0.8, momentum: 0.6, epsilon: 1e-2, weightDecay: 0.1 }),
    rmspropRule(0.8, 0.6, 1e-2),
    weightsOnly(0.005, 0.1),
  ],
  "adagrad by default": [adagrad(), adagradRule(0, 1e-10), everything(0.01, 0)],
  "adagrad, a decaying rate": [
    adagrad({ lr: 0.1, lrDecay: 0.3, epsilon: 1e-3, weightDecay: 0.1 }),
    adagradRule(0.3, 1e-3),
    weightsOnly(0.1, 0.1),
  ],
  "nadam by default": [nadam(), nadamRule(0.9, 0.999, 1e-8, 0.004), everything(0.002, 0)],
  "nadam, its own numbers": [
    nadam({
      learningRate: 0.02,
      beta1: 0.7,
      beta2: 0.9,
      epsilon: 1e-3,
      momentumDecay: 0.5,
      weightDecay: 0.1,
    }),
    nadamRule(0.7, 0.9, 1e-3, 0.5),
    weightsOnly(0.02, 0.1),
  ],
  "adamax by default": [adamax(), adamaxRule(0.9, 0.999, 1e-8), everything(0.002, 0)],
  "adamax, its own numbers": [
    adamax({ learningRate: 0.02, beta1: 0.7, beta2: 0.9, epsilon: 1e-2, weightDecay: 0.1 }),
    adamaxRule(0.7, 0.9, 1e-2),
    weightsOnly(0.02, 0.1),
  ],
  "lion by default": [lion(), lionRule(0.9, 0.99), everything(1e-4, 0)],
  "lion, its own numbers": [
    lion({ learningRate: 0.01, beta1: 0.6, beta2: 0.8, weightDecay: 0.5 }),
    lionRule(0.6, 0.8),
    weightsOnly(0.01, 0.5),
  ],
  "lookahead around momentum": [
    lookahead(sgd({ learningRate: 0.05, momentum: 0.9 }), { steps: 3, rate: 0.4 }),
    lookaheadRule(withMomentum(0.9, false), 3, 0.4),
    everything(0.05, 0),
  ],
  "decayed, apart from the gradient": [
    decayed(sgd({ learningRate: 0.1 }), { weightDecay: 0.3, decayBiases: true, decoupled: true }),
    (w, g, _state, _t, lr, decay) => w * (1 - lr * decay) - lr * g,
    everything(0.1, 0.3),
  ],
  "grouped around a wrapper": [
    grouped(lookahead(sgd({ learningRate: 0.1 }), { steps: 2 }), [
      { match: "0", learningRate: 0.02, weightDecay: 0.2 },
    ]),
    lookaheadRule(descent, 2, 0.5),
    (name) => (name.startsWith("0.") ? { lr: 0.02, decay: 0.2 } : { lr: 0.1, decay: 0 }),
  ],
  "parameter groups: the first that matches": [
    adamw({
      lr: 0.01,
      weightDecay: 0.1,
      groups: [
        { match: "0.bias", lr: 0.04 },
        { match: "0", lr: 0.02, weightDecay: 0 },
        { match: /^3.*s$/g, weightDecay: 0.3 },
      ],
    }),
    adamRule(0.9, 0.999, 1e-8, true),
    (name) =>
      ({
        "0.weight": { lr: 0.02, decay: 0 },
        "0.bias": { lr: 0.04, decay: 0 },
        "3.weight": { lr: 0.01, decay: 0.1 },
        "3.bias": { lr: 0.01, decay: 0.3 },
      })[name] ?? { lr: 0.01, decay: 0 },
  ],
};

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(Object.entries(cases))("%s", async (_name, [optimizer, rule, treatment]) => {
    const { trainer, step } = await open(engines[kind], optimizer);
    const want = await parametersOf(trainer);
    const states = Object.fromEntries(
      Object.entries(want).map(([name, values]) => [
        name,
        values.map((): { m: number; v: number; slow?: number } => ({ m: 0, v: 0 })),
      ]),
    );
    for (let t = 1; t <= STEPS; t++) {
      await step.run(batches[t - 1]);
      for (const [name, gradient] of Object.entries(await gradientsOf(trainer))) {
        const { lr, decay } = treatment(name);
        want[name] = want[name].map((w, i) => rule(w, gradient[i], states[name][i], t, lr, decay));
      }
    }
    const got = await parametersOf(trainer);
    const found = Object.keys(want).map((name) =>
      difference(name, got[name], want[name], { rtol: 1e-4, atol: 2e-6 }),
    );
    expect(differences(...found)).toEqual([]);
  });

  it("leaves frozen parameters as they are, bit for bit, and computes no gradient for them", async () => {
    const options = { lr: 0.1, weightDecay: 0.1, decayBiases: true };
    const frozen = adamw({ ...options, groups: [{ match: "0", frozen: true }] });
    const { trainer, step } = await open(engines[kind], frozen);
    const free = await open(engines[kind], adamw(options));
    const before = await trainer.weights();
    for (const batch of batches) await step.run(batch);
    const after = await trainer.weights();
    for (const name of ["0.weight", "0.bias"]) {
      expect(new Uint8Array(after[name].data.buffer)).toEqual(new Uint8Array(before[name].data.buffer));
    }
    for (const name of ["1.weight", "1.bias", "3.weight", "3.bias"]) {
      expect(after[name].data, name).not.toEqual(before[name].data);
    }
    const gradients = await gradientsOf(trainer);
    expect([...gradients["0.weight"], ...gradients["0.bias"]].every((g) => g === 0)).toBe(true);
    expect(step.program.dispatches.length).toBeLessThan(free.step.program.dispatches.length);
  });

  it("clips gradients by value, and by the norm of all", async () => {
    const still = sgd({ lr: 0 });
    const gradients = async (options: TrainingOptions) => {
      const { trainer, step } = await open(engines[kind], still, options);
      await step.run(batches[0]);
      return Object.values(await gradientsOf(trainer)).flat();
    };
    const plain = await gradients({});
    const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, g) => sum + g * g, 0));
    const tolerance = { rtol: 1e-5, atol: 1e-7 };
    const check = async (options: TrainingOptions, want: readonly number[]) => {
      expect(difference(JSON.stringify(options), await gradients(options), want, tolerance)).toBe(undefined);
    };
    const value = Math.max(...plain.map(Math.abs)) / 3;
    const clamped = plain.map((g) => Math.min(value, Math.max(-value, g)));
    expect(clamped).not.toEqual(plain);
    await check({ clip: { value } }, clamped);
    const half = norm(plain) / 2;
    await check(
      { clip: { norm: half } },
      plain.map((g) => g / 2),
    );
    await check({ clip: { norm: 3 * half } }, plain);
    // By value first, then by the norm of what is left.
    const less = norm(clamped) / 4;
    await check(
      { clip: { value, norm: less } },
      clamped.map((g) => g / 4),
    );
  });
});

// A step of several parts is dear to compile on a software GPU: one is enough there.
it.each([
  ["gpu", 3],
  ["wasm", 3],
  ["cpu", 2],
  ["cpu", 3],
  ["cpu", 6],
] as const)(
  "on the %s, %i accumulated parts give the gradients and the loss of the whole batch",
  async (kind, accumulate) => {
    const of = async (options: TrainingOptions) => {
      const opened = await open(engines[kind], adam({ lr: 0.01 }), { penalty: { l2: 0.1 }, ...options });
      const { loss } = await opened.step.run(batches[0]);
      return { loss, gradients: Object.values(await gradientsOf(opened.trainer)).flat() };
    };
    const [whole, parts] = [await of({}), await of({ accumulate })];
    const largest = Math.max(...whole.gradients.map(Math.abs));
    const tolerance = { rtol: 0, atol: 1e-6 * largest };
    expect(difference("gradients", parts.gradients, whole.gradients, tolerance)).toBe(undefined);
    expect(difference("loss", parts.loss, whole.loss, { rtol: 1e-6, atol: 0 })).toBe(undefined);
  },
);

it.each(ENGINES)("on the %s, a step moves nothing by what another step found", async (kind) => {
  const branches: Model = (x, scope) =>
    concat([dense(2).apply(x, scope.child("a")), dense(2).apply(x, scope.child("b"))], 1);
  const both = createTrainer(engines[kind], branches, { inputShape: [3], optimizer: sgd({ lr: 0.1 }) });
  const inputs = { x: [BATCH, 3] } as const;
  const { x } = batches[0];
  const all = await both.compile(({ x }, call) => ({ minimize: mean(square(call(x))) }), { inputs });
  const first = await both.compile(
    ({ x }, call) => {
      call(x);
      return { minimize: mean(square(call.parameters.get("a.weight") as Tensor)) };
    },
    { inputs },
  );
  await all.run({ x });
  const before = await both.weights();
  await first.run({ x });
  const after = await both.weights();
  expect(after["a.weight"]).not.toEqual(before["a.weight"]);
  for (const name of ["a.bias", "b.weight", "b.bias"]) expect(after[name], name).toEqual(before[name]);
});
