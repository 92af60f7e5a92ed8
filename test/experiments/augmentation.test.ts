import { beforeAll, expect, it } from "vitest";
import { augmentation } from "../../demo/experiments/augmentation.ts";
import type { Outcome } from "../../demo/experiments/frame/experiment.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await runQuick(augmentation, engines.gpu);
}, 180_000);

const accuracy = (way: string) => figure(outcome, `accuracy, 1000 images, ${way}`);

it("of 1,000 images, elastic distortion makes more than a quarter of the errors disappear", () => {
  expect(100 - accuracy("elastic")).toBeLessThan(0.75 * (100 - accuracy("as they are")));
});

it.each(["shifted", "rotated", "all three"])("%s images help", (way) => {
  expect(accuracy(way)).toBeGreaterThan(accuracy("as they are"));
});
