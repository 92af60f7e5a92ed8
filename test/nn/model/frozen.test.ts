/** Frozen layers: nothing of them is trained, and they behave as in evaluation. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../../src/data/index.ts";
import {
  adam,
  batchNorm,
  conv2d,
  createTrainer,
  dense,
  dropout,
  type Engine,
  evaluate,
  fit,
  frozen,
  globalAvgPool2d,
  type Layer,
  type Model,
  type Optimizer,
  ops,
  relu,
  type Scope,
  sequential,
  sgd,
  sum,
  summary,
  type Tensor,
} from "../../../src/index.ts";
import { uniforms } from "../../../src/random.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();

/** Images [1, 4, 4] with stripes along rows or along columns, in noise; brightness and contrast are the data set's. */
function stripes(name: string, { contrast = 1, brightness = 0, seed = 1 }) {
  const count = 96;
  const noise = uniforms(count * 16, seed, 0);
  return dataset({
    name,
    inputs: {
      data: Float32Array.from(noise, (u, i) => {
        const [image, row, column] = [i >> 4, (i >> 2) & 3, i & 3];
        const line = (image % 2 === 0 ? row : column) % 2;
        return brightness + contrast * (line + 0.4 * (u - 0.5));
      }),
      shape: [1, 4, 4],
    },
    targets: { data: Int32Array.from({ length: count }, (_, image) => image % 2) },
    classes: 2,
  });
}
const first = stripes("first", {});
const second = stripes("second", { contrast: 3, brightness: 2, seed: 2 });

const backbone = () =>
  sequential(conv2d(6, 2), batchNorm(), relu(), conv2d(6, 2), batchNorm(), relu(), globalAvgPool2d());

type Weights = Awaited<ReturnType<ReturnType<typeof createTrainer>["weights"]>>;
const values = (weights: Weights, prefix: string) =>
  Object.fromEntries(
    Object.entries(weights).flatMap(([name, { data }]) =>
      name.startsWith(prefix) ? [[name, [...data]]] : [],
    ),
  );

async function trained(engine: Engine): Promise<Weights> {
  const model = sequential(backbone(), dense(2));
  const run = fit(engine, model, first, {
    epochs: 8,
    batchSize: 16,
    optimizer: adam({ learningRate: 0.02 }),
    seed: 1,
  });
  for await (const _ of run);
  expect((await evaluate(run.trainer, first)).accuracy).toBeGreaterThan(0.95);
  const weights = await run.trainer.weights();
  run.trainer.release();
  return weights;
}

const ways: readonly (readonly [string, (layer: Layer) => Model, Optimizer])[] = [
  [
    "by a group's path",
    (x) => sequential(x, dense(2)),
    adam({ learningRate: 0.05, groups: [{ match: "0", frozen: true }] }),
  ],
  [
    "by a group's pattern",
    (x) => sequential(x, dense(2)),
    adam({ learningRate: 0.05, groups: [{ match: /^0\.\d\.(weight|bias)$/, frozen: true }] }),
  ],
  ["as a layer", (x) => sequential(frozen(x), dense(2)), adam({ learningRate: 0.05 })],
];

describe.each(ENGINES)("transfer learning on the %s", (kind) => {
  it.each(ways)("with a backbone frozen %s", async (_name, modelOf, optimizer) => {
    const weights = await trained(engines[kind]);
    const run = fit(engines[kind], modelOf(backbone()), second, {
      epochs: 12,
      batchSize: 16,
      optimizer,
      seed: 2,
    });
    await run.trainer.load(weights);
    const [untrained] = [await evaluate(run.trainer, second)];
    let last = 0;
    for await (const { loss } of run) last = loss;
    const after = await evaluate(run.trainer, second);
    expect(after.accuracy).toBeGreaterThan(0.95);
    expect(after.loss).toBeLessThan(untrained.loss);
    // What training saw of the model is what evaluation sees.
    expect(Math.abs(after.loss - last)).toBeLessThan(0.1);
    const now = await run.trainer.weights();
    expect(values(now, "0.")).toEqual(values(weights, "0."));
    expect(values(now, "1.")).not.toEqual(values(weights, "1."));
    run.trainer.release();
  });
});

describe("a frozen layer", () => {
  const open = async (model: Model, optimizer = sgd({ learningRate: 0.1 })) => {
    const trainer = createTrainer(engines.cpu, model, { inputShape: [3], optimizer });
    const inputs = { x: [4, 3] } as const;
    const train = await trainer.compile(
      ({ x }, call) => {
        const y = call(x);
        return { minimize: ops.meanSquaredError(y, x), y };
      },
      { inputs },
    );
    const infer = await trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs, training: false });
    const x = uniforms(12, 3, 0).map((u) => 4 * u + 1);
    return { trainer, train, trains: await train.run({ x }), infers: await infer.run({ x }) };
  };

  it("drops nothing, and goes by running statistics", async () => {
    const { trains } = await open(sequential(frozen(sequential(batchNorm(), dropout(0.9))), dense(3)));
    const { infers } = await open(
      sequential(frozen(sequential(batchNorm(), dropout(0.9))), dense(3)),
      sgd({ learningRate: 0 }),
    );
    expect(trains.y).toEqual(infers.y);
  });

  it("is trained where one of its parameters is, and its statistics move", async () => {
    const partly = sgd({ learningRate: 0.1, groups: [{ match: "0.weight", frozen: true }] });
    const { trainer, trains, infers } = await open(sequential(batchNorm(), dense(3)), partly);
    expect(trains.y).not.toEqual(infers.y);
    expect((await trainer.weights())["0.running_mean"].data).not.toEqual(new Float32Array(3));
  });

  it("is found by its own parameters where it shares its scope with others", async () => {
    const model = (x: Tensor, scope: Scope) =>
      dense(3).apply(batchNorm().apply(x, scope), scope.child("out"));
    const groups = [
      { match: "weight", frozen: true },
      { match: "bias", frozen: true },
    ];
    const { trainer } = await open(model, sgd({ learningRate: 0.1, groups }));
    expect((await trainer.weights()).running_mean.data).toEqual(new Float32Array(3));
  });

  it("lets gradients through to what is in front of it, and none into it", async () => {
    const { trainer, train } = await open(sequential(dense(3), frozen(batchNorm()), frozen(dense(3))));
    const before = await trainer.weights();
    await train.run();
    const after = await trainer.weights();
    expect(after["0.weight"].data).not.toEqual(before["0.weight"].data);
    for (const name of ["1.weight", "1.bias", "1.running_mean", "1.running_var", "2.weight", "2.bias"])
      expect(after[name].data).toEqual(before[name].data);
    const gradients = train.program.dispatches.flatMap(({ bindings }) => Object.values(bindings));
    const offset = trainer.layout.offset("2.weight");
    const into = gradients.filter((view) => train.program.buffers[view.buffer].name === "gradients");
    expect(into.length).toBeGreaterThan(0);
    expect(into.filter((view) => view.offset === offset)).toEqual([]);
  });

  it("keeps names, initial values, and its rows in a summary", async () => {
    const plain = sequential(sequential(dense(4), relu()), dense(3));
    const still = sequential(frozen(sequential(dense(4), relu())), dense(3));
    const weights = async (model: Model) =>
      (await createTrainer(engines.cpu, model, { inputShape: [3], seed: 5 })).weights();
    expect(await weights(still)).toEqual(await weights(plain));
    expect(summary(still, { inputShape: [3] })).toBe(summary(plain, { inputShape: [3] }));
  });

  it("may be any function, and must be a layer", async () => {
    const { trains } = await open(
      sequential(
        frozen((x: Tensor) => sum(x, 1, { keepDims: true })),
        dense(3),
      ),
    );
    expect(trains.y).toHaveLength(12);
    expect(() => frozen("dense" as never)).toThrow('frozen: the layer is "dense"');
  });

  it("leaves nothing to train where it is all there is", async () => {
    await expect(open(frozen(sequential(dense(3))))).rejects.toThrow("every parameter is frozen");
  });
});
