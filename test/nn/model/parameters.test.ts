/** What models declare: parameters and statistics, their names, and layers of one's own. */
import { describe, expect, it } from "vitest";
import {
  add,
  batchNorm,
  conv2d,
  cpu,
  createTrainer,
  dense,
  flatten,
  init,
  type Layer,
  layerNorm,
  type Model,
  matmul,
  mean,
  mul,
  multiHeadAttention,
  muon,
  ops,
  optimizer,
  type ParameterOptions,
  relu,
  residual,
  type Shape,
  type StatisticOptions,
  sequential,
  sgd,
  square,
  sub,
  transpose,
} from "../../../src/index.ts";
import { uniform } from "../../helpers/samples.ts";

const engine = cpu();

async function shapes(model: Model, inputShape: Shape): Promise<Record<string, Shape>> {
  const weights = await createTrainer(engine, model, { inputShape }).weights();
  return Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape]));
}

describe("names and shapes are PyTorch's", () => {
  it("of layers in a row", async () => {
    const model = sequential(
      conv2d(8, [3, 5], { groups: 2 }),
      batchNorm(),
      relu(),
      flatten(),
      dense(10),
      layerNorm(),
      dense(3, { bias: false }),
    );
    expect(await shapes(model, [4, 5, 5])).toEqual({
      "0.weight": [8, 2, 3, 5],
      "0.bias": [8],
      "1.weight": [8],
      "1.bias": [8],
      "1.running_mean": [8],
      "1.running_var": [8],
      "4.weight": [10, 24],
      "4.bias": [10],
      "5.weight": [10],
      "5.bias": [10],
      "6.weight": [3, 10],
    });
  });

  it("of layers inside of layers", async () => {
    const model = sequential(sequential(dense(4), relu()), residual(layerNorm(), multiHeadAttention(2)));
    expect(Object.keys(await shapes(model, [3, 4]))).toEqual([
      "0.0.weight",
      "0.0.bias",
      "1.0.weight",
      "1.0.bias",
      "1.1.in_proj_weight",
      "1.1.in_proj_bias",
      "1.1.out_proj.weight",
      "1.1.out_proj.bias",
    ]);
  });

  it("of a layer that is the whole model", async () => {
    expect(await shapes(dense(2), [3])).toEqual({ weight: [2, 3], bias: [2] });
  });
});

describe("layers of one's own", () => {
  it("may be functions, use layers, and share parameters", async () => {
    const hidden = dense(4);
    // One weight for the way in and the way out.
    const tied: Model = (x, scope) => {
      const code = ops.relu(hidden.apply(x, scope.child("code")));
      const weight = scope.child("code").parameter("weight", [4, 6], { init: init.zeros() });
      return matmul(code, weight);
    };
    const trainer = createTrainer(engine, tied, { inputShape: [6], optimizer: sgd({ learningRate: 0.1 }) });
    expect(trainer.parameterCount).toBe(4 * 6 + 4);
    const step = await trainer.compile(
      ({ x }, model) => ({ minimize: mean(square(add(model(x), mul(x, -1)))) }),
      {
        inputs: { x: [8, 6] },
      },
    );
    const x = uniform([8, 6]).data;
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) losses.push((await step.run({ x })).loss[0]);
    expect(losses[29]).toBeLessThan(0.8 * losses[0]);
  });

  it("may say which of their parameters decay", async () => {
    const layer: Layer = {
      name: "own",
      apply(x, scope) {
        const one = { init: init.constantValue(1) };
        const scale = scope.parameter("scale", [2], { ...one, decay: true });
        const table = scope.parameter("table", [2, 2], { ...one, decay: false });
        return matmul(mul(x, scale), transpose(table));
      },
    };
    const optimizer = sgd({ learningRate: 1, weightDecay: 0.5 });
    const trainer = createTrainer(engine, layer, { inputShape: [2], optimizer });
    const step = await trainer.compile(({ x }, model) => ({ minimize: mul(mean(model(x)), 0) }), {
      inputs: { x: [1, 2] },
    });
    await step.run({ x: Float32Array.of(1, 1) });
    const { scale, table } = await trainer.weights();
    expect([...scale.data]).toEqual([0.5, 0.5]);
    expect([...table.data]).toEqual([1, 1, 1, 1]);
  });

  it("may keep statistics", async () => {
    const centre: Model = (x, scope) => {
      const statistic = scope.statistic("seen", [], { initial: 10, momentum: 0.25 });
      statistic.observe(mean(x));
      return add(x, statistic.value);
    };
    const trainer = createTrainer(engine, centre, { inputShape: [2] });
    const step = await trainer.compile(({ x }, model) => ({ y: model(x) }), { inputs: { x: [1, 2] } });
    const seen: number[] = [];
    for (const x of [2, 4]) {
      const { y } = await step.run({ x: Float32Array.of(x, x) });
      seen.push(y[0] - x, (await trainer.weights()).seen.data[0]);
    }
    // A step uses the value before it, and moves it afterwards.
    expect(seen).toEqual([10, 0.75 * 10 + 0.25 * 2, 8, 0.75 * 8 + 0.25 * 4]);
  });
});

describe("what makes no sense is refused", () => {
  const open = (model: Model, inputShape: Shape = [3]) =>
    createTrainer(engine, model, { inputShape, optimizer: sgd() });
  const parameter =
    (name: string, shape: Shape): Model =>
    (x, scope) =>
      add(x, scope.parameter(name, shape, { init: init.zeros() }));

  it("a model that is none", () => {
    expect(() => sequential()).toThrow("sequential: give it at least one layer");
    expect(() => residual()).toThrow("residual: give it at least one layer");
    expect(() => sequential(dense(3), "relu" as unknown as Model)).toThrow(
      'sequential: layer 1 is "relu"; give a layer such as dense(10)',
    );
    expect(() => open(undefined as unknown as Model)).toThrow(
      "createTrainer: the model is undefined; give a",
    );
  });

  it("a layer that returns no tensor", () => {
    const nothing = (() => undefined) as unknown as Model;
    expect(() => open(sequential(dense(3), nothing))).toThrow("layer 1.nothing returned undefined");
    expect(() => open(nothing)).toThrow("the model returned undefined for an input [1, 3]");
  });

  it("a parameter of two shapes, or of none", () => {
    const twice: Model = (x, scope) => {
      scope.parameter("weight", [2], { init: init.zeros() });
      return add(x, scope.parameter("weight", [3], { init: init.zeros() }));
    };
    expect(() => open(sequential(twice))).toThrow(
      "0.weight (in 0.twice): it has shape [2], and is used with [3]",
    );
    expect(() => open(sequential(parameter("weight", [0])))).toThrow(
      "0.weight (in 0.function): shape [0] has size 0",
    );
    expect(() => open(parameter("weight", [1.5]))).toThrow("weight: shape [1.5] has size 1.5");
  });

  it("an initializer that gives something else", () => {
    const made = (initializer: unknown) => () =>
      open(dense(2, { init: initializer as ReturnType<typeof init.zeros> })).memory;
    expect(made(init.heNormal)).toThrow("weight: its initializer gave a function; call it first");
    expect(made("heNormal")).toThrow('dense: init is "heNormal"; give a function');
    expect(made(() => new Float32Array(5))).toThrow(
      "gave 5 values for shape [2, 3]; return a Float32Array of 6",
    );
    expect(made(() => [1, 2])).toThrow("gave an array of 2 for shape [2, 3]");
    expect(made(() => new Float32Array(6).fill(Number.NaN))).toThrow("its initializer gave NaN at 0");
  });

  it("a statistic that does not fit", () => {
    const keeping =
      (momentum: number, shape: Shape): Model =>
      (x, scope) => {
        scope.statistic("seen", shape, { initial: 0, momentum }).observe(mean(x, 0));
        return x;
      };
    expect(() => open(sequential(keeping(2, [3])))).toThrow(
      "statistic 0.seen: momentum is 2; give a fraction from 0 to 1",
    );
    expect(() => open(sequential(keeping(Number.NaN, [3])))).toThrow("momentum is NaN");
    expect(() => open(sequential(keeping(0.1, [2])))).toThrow(
      "0.seen (in 0.function): it has shape [2], and what was observed [3]",
    );
  });

  it("an option that a parameter or a statistic does not have", () => {
    const parameter: Model = (x, scope) =>
      add(x, scope.parameter("seen", [3], { init: init.zeros(), decai: true } as ParameterOptions));
    expect(() => open(sequential(parameter))).toThrow(
      'parameter 0.seen: there is no option "decai"; did you mean decay?',
    );
    const statistic: Model = (x, scope) =>
      add(x, scope.statistic("seen", [3], { initial: 0, momentum: 1, hnit: "" } as StatisticOptions).value);
    expect(() => open(sequential(statistic))).toThrow(
      'statistic 0.seen: there is no option "hnit"; did you mean hint?',
    );
  });

  it("a step that declares what the model had not", async () => {
    const later: Model = (x, scope) => {
      const extra = scope.training ? scope.parameter("extra", [3], { init: init.zeros() }) : 0;
      return add(x, extra);
    };
    const compiling = open(sequential(dense(3), later)).compile(({ x }, model) => ({ y: model(x) }), {
      name: "train",
      inputs: { x: [2, 3] },
    });
    await expect(compiling).rejects.toThrow(
      "train: the model declares tensors here that it had not before: 1.extra",
    );
  });

  it("an input of another shape than the parameters were made for", async () => {
    const compiling = open(sequential(dense(4), dense(2))).compile(({ x }, model) => ({ y: model(x) }), {
      inputs: { x: [2, 5] },
    });
    await expect(compiling).rejects.toThrow(
      "0.weight (in 0.dense): it has shape [4, 3], and is used with [4, 5]",
    );
  });

  it("an input shape or a seed that is none", () => {
    const shaped = (inputShape: unknown) => () => open(dense(2), inputShape as Shape);
    expect(shaped(null)).toThrow("createTrainer: inputShape is null");
    expect(shaped(784)).toThrow("createTrainer: inputShape is 784; give a sample's shape, such as [784]");
    expect(shaped([3, -1])).toThrow("shape [1, 3, -1] has size -1");
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => createTrainer(engine, dense(2), { inputShape: [3], seed })).toThrow(
        `createTrainer: seed is ${seed}`,
      );
    }
  });

  it("a name that no object can have", () => {
    const layer: Layer = {
      name: "odd",
      apply: (x, scope) => mul(x, scope.parameter("__proto__", [1], { init: init.zeros() })),
    };
    expect(() => createTrainer(engine, layer, { inputShape: [1] })).toThrow(
      'a parameter or a statistic cannot be called "__proto__"; choose another name',
    );
  });

  it("a scalar of an optimizer that is no number later", async () => {
    const fading = optimizer({
      name: "fading",
      learningRate: 0.1,
      scalars: { factor: (step) => (step < 3 ? 1 : Number.NaN) },
      update: ({ parameter, gradient, factor }) => ({ parameter: sub(parameter, mul(factor, gradient)) }),
    });
    const trainer = createTrainer(engine, dense(1), { inputShape: [1], optimizer: fading });
    const step = await trainer.compile(({ x }, model) => ({ minimize: mean(model(x)) }), {
      inputs: { x: [1, 1] },
    });
    const x = new Float32Array(1);
    await step.run({ x });
    await step.run({ x });
    await expect(step.run({ x })).rejects.toThrow(
      'step scalar "factor" is NaN; the optimizer\'s function of the step gives it; let it give a number at step 3, too',
    );
    expect(trainer.steps).toBe(2);
  });

  it("a group that matches nothing, and training with everything frozen", async () => {
    const grouped = (match: string | RegExp) => () =>
      createTrainer(engine, sequential(dense(2)), {
        inputShape: [3],
        optimizer: sgd({ groups: [{ match, frozen: true }] }),
      });
    expect(grouped("O")).toThrow("sgd: group O matches no parameter; the model has 0.weight, 0.bias");
    expect(grouped(/^1/)).toThrow("sgd: group /^1/ matches no parameter");
    const excepting = () =>
      createTrainer(engine, dense(2), { inputShape: [3], optimizer: muon({ except: ["7"] }) });
    expect(excepting).toThrow("muon: parameter 7 matches no parameter; the model has weight, bias");
    const step = grouped("0")().compile(({ x }, model) => ({ minimize: mean(model(x)) }), {
      inputs: { x: [2, 3] },
    });
    await expect(step).rejects.toThrow("every parameter is frozen");
  });
});
