import { expect, it } from "vitest";
import { sweep } from "../../demo/experiments/sweep.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("in as many epochs, larger batches want higher rates; a rate too high for a constant one is not for cosine", async () => {
  const outcome = await runQuick(sweep, engines.gpu);
  const accuracy = (schedule: string, batchSize: number, learningRate: number) =>
    figure(outcome, `accuracy, ${schedule}, batch size ${batchSize}, rate ${learningRate}`);
  // What is too slow for many images a step is not for few.
  expect(accuracy("constant", 8, 0.01)).toBeGreaterThan(accuracy("constant", 128, 0.01) + 10);
  // Ten times the rate makes up for it.
  expect(accuracy("constant", 128, 0.1)).toBeGreaterThan(accuracy("constant", 128, 0.01) + 10);
  expect(figure(outcome, "best rate, cosine, batch size 128")).toBeGreaterThanOrEqual(
    figure(outcome, "best rate, cosine, batch size 8"),
  );
  expect(accuracy("cosine", 128, 1)).toBeGreaterThan(accuracy("constant", 128, 1));
});
