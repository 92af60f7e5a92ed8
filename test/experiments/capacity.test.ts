import { beforeAll, expect, it } from "vitest";
import { capacity } from "../../demo/experiments/capacity.ts";
import type { Outcome } from "../../demo/experiments/frame/experiment.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const NOISE = 0.3;
const engines = useEngines();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await runQuick(capacity, engines.gpu);
}, 180_000);

const training = (model: string, size: number) => figure(outcome, `training error, ${model} on ${size}`);
const validation = (model: string, size: number) => figure(outcome, `validation error, ${model} on ${size}`);

it("a model too small is as bad on points that it has seen, and more points do not help it", () => {
  expect(training("1-1-1", 160)).toBeGreaterThan(1.5 * NOISE);
  expect(validation("1-1-1", 160)).toBeLessThan(1.3 * training("1-1-1", 160));
});

it("a model too large learns the noise of few points by heart; with many it is as good as the right one", () => {
  expect(training("1-64-64-1", 20)).toBeLessThan(0.75 * NOISE);
  expect(validation("1-64-64-1", 20)).toBeGreaterThan(1.3 * validation("1-8-1", 20));
  expect(validation("1-64-64-1", 160)).toBeLessThan(1.2 * validation("1-8-1", 160));
});

it("cross-validation does not choose the model too small", () => {
  expect(figure(outcome, "cross-validated error, 1")).toBeGreaterThan(
    1.3 * figure(outcome, "cross-validated error, 8"),
  );
  expect(figure(outcome, "best width")).toBeGreaterThan(1);
});
