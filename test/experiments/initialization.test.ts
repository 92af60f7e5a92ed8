import { expect, it } from "vitest";
import { initialization } from "../../demo/experiments/initialization.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("1/√n begins ahead of N(0, 1); He's weights keep the signal of ten layers of ReLU, others do not", async () => {
  const outcome = await runQuick(initialization, engines.gpu);
  const first = (start: string) => figure(outcome, `first epoch, ${start}`);
  expect(first("N(0, 1/n)")).toBeGreaterThan(first("N(0, 1)") + 3);

  const deviation = (name: string) => figure(outcome, `deviation of the last layer, ${name}`);
  expect(deviation("ReLU, zeros")).toBe(0);
  expect(deviation("ReLU, N(0, 1)")).toBeGreaterThan(1e4);
  expect(deviation("ReLU, He")).toBeGreaterThan(0.05);
  expect(deviation("ReLU, He")).toBeLessThan(5);
  // Half the variance in each of ten layers: 2^5 less.
  expect(deviation("ReLU, Xavier")).toBeLessThan(deviation("ReLU, He") / 8);
  expect(deviation("tanh, Xavier")).toBeGreaterThan(0.05);

  const accuracy = (name: string) => figure(outcome, `accuracy, ${name}`);
  expect(accuracy("ReLU, He")).toBeGreaterThan(accuracy("ReLU, zeros") + 20);
  expect(accuracy("ReLU, He")).toBeGreaterThan(accuracy("ReLU, Xavier"));
  expect(accuracy("tanh, Xavier")).toBeGreaterThan(accuracy("tanh, zeros") + 20);
});
