/** A run that breaks down says so by its loss, on every engine. */
import { describe, expect, it } from "vitest";
import { makeBlobs } from "../../src/data/index.ts";
import { dense, fit, relu, sequential, sgd } from "../../src/index.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

describe.each(ENGINES)("on the %s", (kind) => {
  it("fit throws where relu layers blow up, rather than going on with dead weights", async () => {
    const hidden = [0, 1, 2].flatMap(() => [dense(16), relu()]);
    const run = fit(engines[kind], sequential(...hidden, dense(3)), makeBlobs({ seed: 3 }), {
      optimizer: sgd({ lr: 10, momentum: 0.9 }),
      epochs: 5,
      batchSize: 32,
      seed: 3,
    });
    await expect(async () => {
      for await (const _ of run);
    }).rejects.toThrow(/^fit: the loss became NaN in epoch/);
  });
});
