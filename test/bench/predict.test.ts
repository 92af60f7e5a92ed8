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
    // Far above what is measured, for machines that do other things besides: tracing anew takes ten times the step.
    expect(result.ratio).toBeLessThan(3);
    expect(predictReport([result]).lines.at(-1)).toMatch(/^\S.* {2}\d\S* \(.*\) +\d\S* \(.*\) +\d\.\d\d$/);
  },
);
