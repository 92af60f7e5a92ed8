import { expect, it } from "vitest";
import { regression } from "../../demo/experiments/regression.ts";
import { useEngines } from "../helpers/engines.ts";
import { runQuick } from "./quick.ts";

const engines = useEngines();

it("closed form and all iterative methods agree to 1e-3; second-order methods take far fewer steps", async () => {
  // A hundred steps that each wait for their result: what takes a device long is nothing for this engine.
  const { figures } = await runQuick(regression, engines.cpu);
  const off = Object.entries(figures).filter(([name]) => /, off (the closed form|Newton-CG)$/.test(name));
  // Three methods for each of the two models.
  expect(off).toHaveLength(6);
  for (const [name, difference] of off) expect(difference, name).toBeLessThan(1e-3);
  // The table has 200 rows with noise of 0.1: its weights are known to about 0.007.
  expect(figures["closed form, off the truth"]).toBeLessThan(0.03);
  for (const model of ["linear", "logistic"]) {
    const [descent] = Object.entries(figures).find(
      ([name]) => name.startsWith(`${model}, gradient descent`) && name.endsWith("steps"),
    ) ?? [""];
    for (const method of ["L-BFGS", "Newton-CG"])
      expect(figures[`${model}, ${method}, steps`] * 3, `${model}, ${method}`).toBeLessThan(figures[descent]);
  }
});
