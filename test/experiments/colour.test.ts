import { expect, it } from "vitest";
import { colour } from "../../demo/experiments/colour.ts";
import { greyOf, SIDE, scene } from "../../demo/experiments/scenes.ts";
import { useEngines } from "../helpers/engines.ts";
import { figure, runQuick } from "./quick.ts";

const engines = useEngines();

it("the network colours unseen scenes better than any guess that looks at one pixel", async () => {
  const outcome = await runQuick(colour, engines.gpu);
  const network = figure(outcome, "network");
  expect(network).toBeGreaterThan(0);
  expect(network).toBeLessThan(0.6 * figure(outcome, "grey as colour"));
  expect(network).toBeLessThan(0.6 * figure(outcome, "the mean colour"));
  expect(network).toBeLessThan(0.85 * figure(outcome, "the mean colour at each pixel's brightness"));
});

it("scenes are a function of seed and index, and their greys are between those of their colours", () => {
  const one = scene(1, 5);
  expect(scene(1, 5)).toEqual(one);
  expect(scene(1, 6)).not.toEqual(one);
  expect(scene(2, 5)).not.toEqual(one);
  const size = SIDE * SIDE;
  greyOf(one).forEach((grey, i) => {
    const colours = [one[i], one[size + i], one[2 * size + i]];
    expect(grey).toBeGreaterThanOrEqual(Math.min(...colours) - 1e-6);
    expect(grey).toBeLessThanOrEqual(Math.max(...colours) + 1e-6);
  });
});
