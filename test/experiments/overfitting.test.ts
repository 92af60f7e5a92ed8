import { beforeAll, expect, it } from "vitest";
import type { Outcome } from "../../demo/experiments/frame/experiment.ts";
import { overfitting } from "../../demo/experiments/overfitting.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await runQuick(overfitting, engines.gpu);
}, 180_000);

it("without a cure, 1,000 images are learned by heart, and the cost on others rises again", () => {
  expect(figure(outcome, "training accuracy, none")).toBeGreaterThan(99);
  expect(figure(outcome, "accuracy, none")).toBeLessThan(90);
  expect(figure(outcome, "last test cost, none")).toBeGreaterThan(
    1.1 * figure(outcome, "lowest test cost, none"),
  );
});

it.each(["L2", "dropout", "more data"])("%s is at least 3 points better than none", (cure) => {
  expect(figure(outcome, `accuracy, ${cure}`)).toBeGreaterThanOrEqual(figure(outcome, "accuracy, none") + 3);
});

it("L1 helps, too", () => {
  expect(figure(outcome, "accuracy, L1")).toBeGreaterThanOrEqual(figure(outcome, "accuracy, none") + 1);
});

it("early stopping ends before the last epoch, and loses little", () => {
  expect(figure(outcome, "epochs, early stopping")).toBeLessThan(80);
  expect(figure(outcome, "accuracy, early stopping")).toBeGreaterThan(
    figure(outcome, "accuracy, none") - 1.5,
  );
});
