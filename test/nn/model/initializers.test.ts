/** Initializers: their distributions, their streams, and which one a layer takes when it is given none. */
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  conv2d,
  cpu,
  createTrainer,
  dense,
  dropout,
  elu,
  embedding,
  flatten,
  gelu,
  init,
  type Layer,
  layerNorm,
  leakyRelu,
  multiHeadAttention,
  relu,
  residual,
  type Shape,
  selu,
  sequential,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "../../../src/index.ts";
import type { Initializer } from "../../../src/nn/model/initializers.ts";
import { spread } from "../../helpers/references.ts";

const DENSE: Shape = [300, 200];
/** 20 filters of 6 channels and 5 × 4 pixels: fans of 6 · 20 and 20 · 20. */
const CONVOLUTION: Shape = [20, 6, 5, 4];

const scaled: readonly [string, () => Initializer, (fanIn: number, fanOut: number) => number][] = [
  ["heNormal", init.heNormal, (fanIn) => 2 / fanIn],
  ["heUniform", init.heUniform, (fanIn) => 2 / fanIn],
  ["xavierNormal", init.xavierNormal, (fanIn, fanOut) => 2 / (fanIn + fanOut)],
  ["xavierUniform", init.xavierUniform, (fanIn, fanOut) => 2 / (fanIn + fanOut)],
  ["lecunNormal", init.lecunNormal, (fanIn) => 1 / fanIn],
  ["lecunUniform", init.lecunUniform, (fanIn) => 1 / fanIn],
];

function expectMoments(values: Float32Array, mean: number, variance: number) {
  const got = spread([...values]);
  // Five standard errors of the mean; those of the variance, at most √(2 / n) of it, likewise.
  expect(Math.abs(got.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / values.length));
  expect(Math.abs(got.variance / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
}

describe.each(scaled)("%s", (name, make, variance) => {
  it.each([
    [DENSE, 200, 300],
    [CONVOLUTION, 120, 400],
  ])("has the variance that the fans of %j ask for", (shape, fanIn, fanOut) => {
    const values = make()(shape, { seed: 1, stream: 2 });
    expectMoments(values, 0, variance(fanIn, fanOut));
    const largest = Math.max(...values.map(Math.abs));
    const bound = Math.sqrt(3 * variance(fanIn, fanOut));
    if (name.endsWith("Uniform")) expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    else expect(largest).toBeGreaterThan(bound);
  });

  it("is a function of seed and stream", () => {
    const draw = (seed: number, stream: number) => make()(DENSE, { seed, stream });
    expect(draw(3, 4)).toEqual(draw(3, 4));
    expect(draw(3, 5)).not.toEqual(draw(3, 4));
    expect(draw(4, 4)).not.toEqual(draw(3, 4));
  });
});

it("normal, uniform and constants are what they are called", () => {
  const draw = { seed: 7, stream: 0 };
  expectMoments(init.normal(0.3, 5)(DENSE, draw), 5, 0.09);
  expectMoments(init.normal()(DENSE, draw), 0, 1);
  const values = init.uniform(-1, 3)(DENSE, draw);
  expectMoments(values, 1, 16 / 12);
  expect(values.every((value) => value >= -1 && value < 3)).toBe(true);
  expect(init.constantValue(0.5)([3], draw)).toEqual(Float32Array.of(0.5, 0.5, 0.5));
  expect(init.zeros()([2], draw)).toEqual(Float32Array.of(0, 0));
});

it("fans of a vector are those of one row", () => {
  expect(init.fans([7])).toEqual({ fanIn: 7, fanOut: 7 });
  expect(init.fans([2, 3])).toEqual({ fanIn: 3, fanOut: 2 });
});

describe("by default", () => {
  async function weights(model: Layer, inputShape: Shape = [5]) {
    return createTrainer(cpu(), model, { inputShape, seed: 11 }).weights();
  }

  const he: [string, () => Layer][] = Object.entries({ relu, leakyRelu, elu, gelu, silu, softplus });
  const glorot: [string, () => Layer][] = Object.entries({ sigmoid, tanh, softmax });
  it.each([
    ...he.map(([name, activation]) => [name, activation, init.heNormal()] as const),
    ...glorot.map(([name, activation]) => [name, activation, init.xavierUniform()] as const),
    ["selu", selu, init.lecunNormal()] as const,
  ])("a weight follows the activation behind it: %s", async (_name, activation, expected) => {
    const got = await weights(sequential(dense(6), activation(), dense(3)));
    const want = await weights(
      sequential(dense(6, { init: expected }), activation(), dense(3, { init: init.xavierUniform() })),
    );
    expect(got).toEqual(want);
  });

  it("it does so through layers without weights, and not beyond those with", async () => {
    const model = (first?: Initializer, second?: Initializer) =>
      sequential(
        conv2d(4, 3, { init: first }),
        batchNorm(),
        dropout(),
        relu(),
        flatten(),
        dense(3, { init: second }),
        residual(dense(3), relu()),
      );
    const got = await weights(model(), [2, 6, 6]);
    expect(got).toEqual(await weights(model(init.heNormal(), init.xavierUniform()), [2, 6, 6]));
    const other = await weights(model(init.xavierUniform(), init.xavierUniform()), [2, 6, 6]);
    expect(got["0.weight"]).not.toEqual(other["0.weight"]);
  });

  it.each([
    ["dense", () => dense(4)],
    ["residual", () => residual(dense(4))],
  ])("it stops at the next layer with weights: %s", async (_name, next) => {
    const got = await weights(sequential(dense(4), next(), relu()), [4]);
    const want = await weights(sequential(dense(4, { init: init.xavierUniform() }), next(), relu()), [4]);
    expect(got).toEqual(want);
  });

  it("biases are zeros, norms do nothing, embeddings are normal, attention is Glorot's", async () => {
    const got = await weights(
      sequential(embedding(50, 40), multiHeadAttention(4), layerNorm(), dense(3)),
      [5],
    );
    expect(Object.keys(got)).toEqual([
      "0.weight",
      "1.in_proj_weight",
      "1.in_proj_bias",
      "1.out_proj.weight",
      "1.out_proj.bias",
      "2.weight",
      "2.bias",
      "3.weight",
      "3.bias",
    ]);
    expectMoments(got["0.weight"].data, 0, 1);
    expectMoments(got["1.in_proj_weight"].data, 0, 2 / 160);
    expectMoments(got["1.out_proj.weight"].data, 0, 2 / 80);
    for (const name of ["1.in_proj_bias", "1.out_proj.bias", "2.bias", "3.bias"]) {
      expect(got[name].data.every((value) => value === 0)).toBe(true);
    }
    expect(got["2.weight"].data.every((value) => value === 1)).toBe(true);
  });

  it("a bias begins as it is told to", async () => {
    const got = await weights(sequential(dense(2, { biasInit: init.constantValue(0.25) })));
    expect([...got["0.bias"].data]).toEqual([0.25, 0.25]);
  });
});
