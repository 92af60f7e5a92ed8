import { expect, it } from "vitest";
import { vanishing } from "../../demo/experiments/vanishing.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("gradients vanish through sigmoids, and not through ReLU, batch norm or residual connections", async () => {
  const outcome = await runQuick(vanishing, engines.gpu);
  const ratio = (name: string) => figure(outcome, `ratio, ${name}`);
  const byDepth = [2, 5, 8].map((depth) => ratio(`sigmoid, depth ${depth}`));
  expect(byDepth[1]).toBeLessThan(byDepth[0] / 10);
  expect(byDepth[2]).toBeLessThan(byDepth[1] / 10);
  expect(byDepth[2]).toBeGreaterThan(0);
  for (const kept of [
    "ReLU, depth 8",
    "sigmoid, batch norm",
    "sigmoid, residual",
    "ReLU, batch norm",
    "ReLU, residual",
  ])
    expect(ratio(kept), kept).toBeGreaterThan(100 * byDepth[2]);
  expect(ratio("ReLU, depth 8")).toBeGreaterThan(0.05);
});
