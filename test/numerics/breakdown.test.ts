/** What breaks down says so: NaN in a model reaches its loss, its outputs and its weights, on every engine. */
import { describe, expect, it } from "vitest";
import { makeBlobs } from "../../src/data/index.ts";
import { createTrainer, dense, ops, predict, relu, sequential, sgd, fit as train } from "../../src/index.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const model = () => sequential(dense(16), relu(), dense(16), relu(), dense(16), relu(), dense(3));

describe.each(ENGINES)("on the %s", (kind) => {
  it("fit throws where relu layers blow up, rather than going on with dead weights", async () => {
    const run = train(engines[kind], model(), makeBlobs({ seed: 3 }), {
      optimizer: sgd({ learningRate: 10, momentum: 0.9 }),
      epochs: 5,
      batchSize: 32,
      seed: 3,
    });
    await expect(async () => {
      for await (const _ of run);
    }).rejects.toThrow(/^fit: the loss became NaN in step \d+ \(epoch/);
  });

  it("a row with NaN makes NaN of its probabilities, and of no others", async () => {
    const trainer = createTrainer(engines[kind], model(), { inputShape: [2], seed: 3 });
    const rows = Float32Array.of(1, 2, Number.NaN, 1, 2, 1);
    const { data } = await predict(trainer, rows, { probabilities: "softmax", nonFinite: "allow" });
    expect([...data].map(Number.isNaN)).toEqual([0, 1, 2].flatMap((row) => new Array(3).fill(row === 1)));
    trainer.release();
  });

  it("a step on such a row has no number for a loss", async () => {
    const trainer = createTrainer(engines[kind], model(), {
      inputShape: [2],
      seed: 3,
      optimizer: sgd({ learningRate: 0.1 }),
    });
    const step = await trainer.compile(
      ({ x, y }, outputs) => ({ minimize: ops.crossEntropy(outputs(x), y) }),
      {
        inputs: { x: [2, 2], y: { shape: [2], dtype: "i32" } },
        nonFinite: "allow",
      },
    );
    const { loss } = await step.run({ x: Float32Array.of(1, 2, Number.NaN, 1), y: Int32Array.of(0, 1) });
    expect(loss[0]).toBeNaN();
    trainer.release();
  });
});
