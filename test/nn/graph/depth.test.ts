/** Deep models: what a step's making costs grows with the layers, and no depth is too much for the stack. */
import { Session } from "node:inspector/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  batchNorm,
  conv2d,
  dense,
  describe as described,
  dropout,
  embedding,
  flatten,
  gelu,
  globalAvgPool2d,
  type Layer,
  layerNorm,
  type Model,
  mul,
  multiHeadAttention,
  ops,
  type Program,
  relu,
  reshape,
  residual,
  type Shape,
  sequential,
  silu,
  summary,
} from "../../../src/index.ts";
import { specialiseLaunch } from "../../../src/kernels/specialise.ts";
import { inputSource } from "../../../src/nn/graph/ops/source.ts";
import { declaredLayout } from "../../../src/nn/model/layout.ts";
import { asLayer } from "../../../src/nn/model/model.ts";
import { buildStep } from "../../../src/nn/training/step.ts";
import { launchesOf } from "../../../src/program.ts";
import { planMemory } from "../../../src/runtime/plan.ts";

const BATCH = 4;

/** A training step of the model, with all that an engine works out of it before the device is asked. */
function prepared(model: Model, inputShape: Shape): Program {
  const layer = asLayer(model);
  const program = buildStep({
    name: "step",
    model: layer,
    layout: declaredLayout(layer, inputShape),
    optimizer: adam({ groups: [{ match: "0", learningRate: 0.1 }] }),
    training: true,
    penalty: { l2: 1e-4 },
    body: (call) => {
      const logits = call(inputSource("x", [BATCH, ...inputShape]));
      return { minimize: ops.crossEntropy(logits, inputSource("y", [BATCH], "i32")) };
    },
  });
  planMemory(program);
  described(program);
  for (const launch of launchesOf(program)) specialiseLaunch(program, launch);
  return program;
}

const times = (count: number, make: () => Layer) => Array.from({ length: count }, make);

describe("making a step of four times the layers", () => {
  const session = new Session();
  beforeAll(async () => {
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  });
  afterAll(async () => {
    await session.post("Profiler.stopPreciseCoverage");
    session.disconnect();
  });

  /** How often the blocks of this library's code were entered: the same on every machine, whatever else it does. */
  async function work(run: () => void): Promise<number> {
    await session.post("Profiler.takePreciseCoverage");
    run();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    let entered = 0;
    for (const { url, functions } of result) {
      if (!url.includes("/src/")) continue;
      for (const { ranges } of functions) for (const { count } of ranges) entered += count;
    }
    return entered;
  }

  const stacks: Record<string, (depth: number) => readonly [Model, Shape]> = {
    dense: (depth) => [sequential(...times(depth, () => sequential(dense(4), relu())), dense(3)), [4]],
    residual: (depth) => {
      const block = () => residual(conv2d(2, 3, { padding: "same" }), batchNorm(), relu(), dropout(0.1));
      return [sequential(...times(depth, block), globalAvgPool2d(), dense(3)), [2, 4, 4]];
    },
    transformer: (depth) => {
      const block = () =>
        sequential(
          residual(layerNorm(), multiHeadAttention(2)),
          residual(layerNorm(), dense(8), gelu(), dense(4)),
        );
      return [sequential(...times(depth, block), flatten(), dense(3)), [3, 4]];
    },
  };

  it.each(Object.entries(stacks))("is four times the work: %s", async (_name, stack) => {
    const [few, many] = [8, 32];
    // Whatever is made once only.
    prepared(...stack(1));
    const once = await work(() => prepared(...stack(few)));
    const four = await work(() => prepared(...stack(many)));
    expect(once).toBeGreaterThan(10_000);
    expect(four / once).toBeLessThan(4.4);
    expect(four / once).toBeGreaterThan(2);
  });

  it("is four times the work to sum up", async () => {
    const table = (depth: number) => () => summary(stacks.dense(depth)[0], { inputShape: [4] });
    table(1)();
    expect((await work(table(128))) / (await work(table(32)))).toBeLessThan(4.1);
  });
});

describe("a thousand layers", () => {
  const DEPTH = 1000;
  const nested = (around: (inner: Layer) => Layer) => {
    let model = dense(4);
    for (let i = 0; i < DEPTH; i++) model = around(model);
    return model;
  };

  it.each<[string, () => Model]>([
    ["of functions", () => sequential(dense(4), ...times(DEPTH, silu), dense(3))],
    ["of functions of the input", () => sequential(...times(DEPTH, relu), dense(3))],
    ["that drop", () => sequential(...times(DEPTH, () => dropout(0.1)), dense(3))],
    [
      "up to an index, each used twice",
      () => {
        const squares = times(DEPTH, () => asLayer((x) => mul(x, x)));
        return sequential(...squares, embedding(5, 2), flatten(), dense(3));
      },
    ],
    ["of views", () => sequential(...times(DEPTH, () => reshape(2, 2)), flatten(), dense(3))],
    [
      "inside one another",
      () =>
        sequential(
          nested((inner) => sequential(inner)),
          dense(3),
        ),
    ],
    [
      "inside one another, residual",
      () =>
        sequential(
          nested((inner) => residual(inner)),
          dense(3),
        ),
    ],
  ])("%s make a step", (_name, model) => {
    expect(prepared(model(), [4]).dispatches.length).toBeGreaterThan(2);
  });
});
