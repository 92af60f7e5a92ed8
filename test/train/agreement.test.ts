/** The same program on all engines gives the same training, to rounding. */
import { beforeAll, expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { difference } from "../helpers/compare.ts";
import { expectSameLosses, mean } from "../helpers/curve.ts";
import { DEVICES, useEngines } from "../helpers/engines.ts";
import { openMlp } from "../helpers/mlp.ts";

const BATCH_SIZE = 32;
const STEPS = 200;
const data = digits({ train: STEPS * BATCH_SIZE, test: 1 }).train;
const engines = useEngines();

async function trained(engine: Engine) {
  const mlp = await openMlp(engine, data, { batchSize: BATCH_SIZE });
  const losses: number[] = [];
  while (losses.length < STEPS) losses.push(...(await mlp.run(10)));
  const weights = await mlp.trainer.weights();
  mlp.release();
  return { losses, weights };
}

let reference: Awaited<ReturnType<typeof trained>>;
beforeAll(async () => {
  reference = await trained(engines.cpu);
}, 120_000);

it.each(DEVICES)(
  "the %s computes the same losses and weights as the CPU",
  { timeout: 120_000 },
  async (kind) => {
    const { losses, weights } = await trained(engines[kind]);
    expect(losses).toHaveLength(STEPS);
    expectSameLosses(losses, reference.losses, 1e-4);
    expect(mean(losses.slice(-50))).toBeLessThan(0.5 * mean(losses.slice(0, 10)));

    expect(Object.keys(weights)).toEqual(Object.keys(reference.weights));
    for (const [name, { data: want }] of Object.entries(reference.weights)) {
      // Of a weight near zero, what counts is how far it is off beside the others of its tensor.
      const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(difference(name, weights[name].data, want, { rtol: 0, atol: 1e-3 * largest })).toBeUndefined();
      expect(distance(weights[name].data, want)).toBeLessThan(1e-3);
    }
  },
);

/** ‖got − want‖ / ‖want‖ */
function distance(got: Float32Array, want: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(got.map((value, i) => value - want[i])) / norm(want);
}
