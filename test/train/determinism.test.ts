/** One seed, one result: bit for bit on one device, however the steps are spread over submits. */
import { describe, expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import * as training from "../../src/train/fit.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { DEVICES, type EngineKind, useEngines } from "../helpers/engines.ts";
import { mlp, openMlp } from "../helpers/mlp.ts";

const data = digits({ train: 640, test: 1 }).train;
const STEPS = 40;
const engines = useEngines();

/** The bits of all weights, one number for each. */
async function bits(trainer: Trainer): Promise<number[]> {
  const weights = Object.values(await trainer.weights());
  return weights.flatMap(({ data }) => [...new Uint32Array(data.buffer, data.byteOffset, data.length)]);
}

/** Losses and weights after 40 steps, in submits of these sizes, again and again. */
async function trained(kind: EngineKind, seed: number, ...chunks: number[]) {
  const mlp = await openMlp(engines[kind], data, { batchSize: 32, seed, maxSteps: Math.max(...chunks) });
  const losses: number[] = [];
  for (let i = 0; losses.length < STEPS; i++) {
    losses.push(...(await mlp.run(Math.min(chunks[i % chunks.length], STEPS - losses.length))));
  }
  const result = { losses, weights: await bits(mlp.trainer) };
  mlp.release();
  return result;
}

describe.each(DEVICES)("on the %s", (kind) => {
  it("the same seed gives the same losses and weights, bit for bit, in submits of any size", async () => {
    const one = await trained(kind, 1, 10);
    expect(one.losses).toHaveLength(STEPS);
    expect(one.weights).toHaveLength(235_146);
    expectSame(await trained(kind, 1, 10), one);
    expectSame(await trained(kind, 1, 1), one);
    expectSame(await trained(kind, 1, 7, 3, 16), one);
  });

  it("another seed gives others", async () => {
    const [one, other] = [await trained(kind, 1, 10), await trained(kind, 2, 10)];
    expect(other.losses).not.toEqual(one.losses);
    const shared = other.weights.filter((word, i) => word === one.weights[i]);
    expect(shared.length).toBeLessThan(0.01 * one.weights.length);
  });

  it("fit gives the same weights again, and others with another seed", async () => {
    const fitted = async (seed: number) => {
      const run = training.fit(engines[kind], mlp(), data, { batchSize: 32, epochs: 2, seed });
      const losses: number[] = [];
      for await (const { loss } of run) losses.push(loss);
      const weights = await bits(run.trainer);
      run.trainer.release();
      return { losses, weights };
    };
    const one = await fitted(1);
    expectSame(await fitted(1), one);
    expect((await fitted(2)).losses).not.toEqual(one.losses);
  });
});

interface Trained {
  losses: number[];
  weights: number[];
}

/** As toEqual, but quick on many weights. */
function expectSame(got: Trained, want: Trained): void {
  expect(got.losses).toEqual(want.losses);
  expect(got.weights.length).toBe(want.weights.length);
  expect(got.weights.findIndex((word, i) => word !== want.weights[i])).toBe(-1);
}
