/** `bench predict`: what a call of `predict` takes beside its step. */
import { expect, it } from "vitest";
import { measurePredict, predictReport } from "../../bench/predict.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

it.each(ENGINES)(
  "times predict and its step in turn: one takes little more than the other on the %s",
  async (kind) => {
    const result = await measurePredict(engines[kind], 9, 10);
    expect(result.ratio).toBe(result.predict.median / result.step.median);
    // What is quickest is least disturbed by what the machine does besides; tracing anew takes ten times the step.
    expect(result.predict.lowest).toBeLessThan(3 * result.step.lowest);
    expect(predictReport([result]).lines.at(-1)).toMatch(/^\S.* {2}\d\S* \(.*\) +\d\S* \(.*\) +\d\.\d\d$/);
  },
);
