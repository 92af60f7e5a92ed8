import { beforeAll, expect, it } from "vitest";
import type { Outcome } from "../../demo/experiments/frame/experiment.ts";
import { road } from "../../demo/experiments/road.ts";
import { useEngines } from "../helpers/engines.ts";
import { needsBuild } from "../helpers/programs.ts";
import { figure, runQuick } from "./quick.ts";

// Its rows are commands, which run the built package.
needsBuild();

const engines = useEngines();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await runQuick(road, engines.gpu);
}, 240_000);

it("convolutions beat the textbook's first network, and augmentation beats them", () => {
  const [dense, convolutions, augmented] = [
    "784-30-10, quadratic cost",
    "two convolutional layers",
    "and augmentation",
  ].map((name) => figure(outcome, `accuracy, ${name}`));
  expect(dense).toBeGreaterThan(50);
  expect(100 - convolutions).toBeLessThan(0.7 * (100 - dense));
  expect(augmented).toBeGreaterThanOrEqual(convolutions - 1);
});

it("names the command of each row", () => {
  const commands = outcome.lines.filter((line) => line.startsWith("  npm run train -- "));
  expect(commands.length).toBe(Object.keys(outcome.figures).length);
});
