/** The story of overfitting is true of the built-in digits. */
import { beforeAll, describe, expect, it } from "vitest";
import { Runs } from "../../demo/page/experiments/overfitting/runs.ts";
import {
  CURE_NAMES,
  OVERFITTING,
  type Standing,
  stepsFor,
  TURN,
} from "../../demo/page/experiments/overfitting/settings.ts";
import { verdict } from "../../demo/page/experiments/overfitting/verdict.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();

describe("500 images, learned for as long as the page does", () => {
  const names = ["No cure", ...CURE_NAMES];
  let runs: Standing[][];
  const gap = ({ training, test }: Standing) => training.accuracy - test.accuracy;
  const endOf = (name: string) => runs[names.indexOf(name)].at(-1) as Standing;

  beforeAll(async () => {
    const teacher = new Runs(engines.gpu);
    expect(await teacher.open(OVERFITTING)).toMatchObject({ kind: "gpu" });
    runs = names.map(() => []);
    for (let now = await teacher.advance(); now; now = await teacher.advance()) runs[now.run].push(now);
  }, 180_000);

  it("are learned by heart without a cure, and the test images are far behind", () => {
    const none = endOf("No cure");
    expect(none.training.accuracy).toBeGreaterThan(0.99);
    expect(gap(none)).toBeGreaterThan(0.15);
    const costs = runs[0].map(({ test }) => test.cost);
    expect(none.test.cost).toBeGreaterThan(1.02 * Math.min(...costs));
  });

  it.each(CURE_NAMES)("are better understood with %s, whose gap is narrower", (cure) => {
    const none = endOf("No cure");
    expect(endOf(cure).test.accuracy).toBeGreaterThan(none.test.accuracy + 0.025);
    expect(gap(endOf(cure))).toBeLessThan(0.8 * gap(none));
  });

  it("are taught in turns: all networks take the same steps", () => {
    const steps = stepsFor(OVERFITTING);
    const wanted = Array.from({ length: steps / TURN }, (_, turn) => (turn + 1) * TURN);
    for (const run of runs) expect(run.map((now) => now.steps)).toEqual(wanted);
  });

  it("are told of in a sentence with those numbers", () => {
    const told = verdict(names, runs, true);
    expect(told).toContain(`${(100 * endOf("No cure").test.accuracy).toFixed(1)} % of the others`);
    expect(told).toContain("4 of 4 cures did better");
    expect(told).not.toContain("NaN");
  });
});
