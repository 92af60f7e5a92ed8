import { expect, it } from "vitest";
import { perceptron } from "../../demo/experiments/perceptron.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("a perceptron learns AND, OR and NAND, and not XOR; with a hidden layer that is learned, too", async () => {
  const outcome = await runQuick(perceptron, engines.gpu);
  for (const gate of ["AND", "OR", "NAND"]) {
    expect(figure(outcome, `right, ${gate}`), gate).toBe(4);
    expect(figure(outcome, `epochs, ${gate}`), gate).toBeLessThan(20);
  }
  // No line has more than three of its cases right.
  expect(figure(outcome, "right, XOR")).toBeLessThanOrEqual(3);
  expect(figure(outcome, "epochs, XOR")).toBe(100);
  expect(figure(outcome, "part solved, 4 hidden")).toBeGreaterThan(0.6);
});

it("finds the same on the CPU engine", async () => {
  const outcome = await runQuick(perceptron, engines.cpu);
  expect(outcome.figures).toEqual((await runQuick(perceptron, engines.gpu)).figures);
});
