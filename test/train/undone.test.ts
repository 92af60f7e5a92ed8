/** A step of NaN that is undone leaves nothing behind. */
import { expect, it } from "vitest";
import { dense, meanSquaredError, session, sgd } from "wgrad";
import { dataset } from "wgrad/data";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { uniform } from "../helpers/samples.ts";

const engines = useEngines();

it.each(ENGINES)("not in the norm by which gradients are clipped either, on the %s", async (kind) => {
  const samples = dataset({
    inputs: { data: uniform([8, 3]).data, shape: [3] },
    targets: { data: uniform([8]).data },
  });
  const options = { batchSize: 4, optimizer: sgd(), loss: meanSquaredError(), clip: { norm: 1 }, seed: 3 };
  using training = await session(engines[kind], dense(1), samples, options);
  const { trainer } = training;
  const good = await training.snapshot();
  await training.advance(2);
  const wanted = await trainer.snapshot();
  const bad = structuredClone(good);
  bad.trainer.arenas.parameters[1] = Number.NaN;
  training.restore(bad, { nonFinite: "allow" });
  // Which makes all gradients NaN, and is undone.
  await expect(training.advance(1)).rejects.toThrow("NaN");
  expect((await trainer.weights({ nonFinite: "allow" })).weight.data[1]).toBeNaN();
  training.restore(good);
  await training.advance(2);
  expect(await trainer.snapshot()).toEqual(wanted);
});
