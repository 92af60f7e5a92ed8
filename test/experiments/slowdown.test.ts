import { beforeAll, expect, it } from "vitest";
import type { Outcome } from "../../demo/experiments/frame/experiment.ts";
import { slowdown } from "../../demo/experiments/slowdown.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await runQuick(slowdown, engines.gpu);
});

it("from a saturated start, cross-entropy learns in fewer than half of the quadratic cost's steps", () => {
  for (const what of ["epochs of the neuron", "steps of the network"]) {
    const crossEntropy = figure(outcome, `${what}, cross-entropy`);
    expect(crossEntropy, what).toBeGreaterThan(0);
    expect(2 * crossEntropy, what).toBeLessThan(figure(outcome, `${what}, quadratic`));
  }
});

it("the neuron follows its equation: 300 epochs of the quadratic cost bring it from 0.98 to about 0.2", () => {
  // w ← w - η (a - 0) a (1 - a), and the bias alike, in 64 bits.
  let weighted = 4;
  let epochs = 0;
  for (; 1 / (1 + Math.exp(-weighted)) >= 0.2; epochs++) {
    const output = 1 / (1 + Math.exp(-weighted));
    weighted -= 2 * 0.15 * output * output * (1 - output);
  }
  const found = figure(outcome, "epochs of the neuron, quadratic");
  expect(Math.abs(found - epochs)).toBeLessThanOrEqual(1);
});
