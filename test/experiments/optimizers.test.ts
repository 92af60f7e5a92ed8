import { expect, it } from "vitest";
import { optimizers } from "../../demo/experiments/optimizers.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("all learn; momentum, Nesterov, RMSProp and Adam come lower than SGD in as many steps", async () => {
  const outcome = await runQuick(optimizers, engines.gpu);
  const sgd = figure(outcome, "last loss, SGD");
  expect(sgd).toBeLessThan(figure(outcome, "first loss, SGD") / 2);
  for (const name of ["momentum 0.9", "Nesterov 0.9", "RMSProp", "Adam"]) {
    expect(figure(outcome, `last loss, ${name}`), name).toBeLessThan(0.9 * sgd);
    expect(figure(outcome, `accuracy, ${name}`), name).toBeGreaterThan(85);
  }
});
