/** Runs the short version of an experiment, on the built-in digits where it takes images: they are the same everywhere. */

import { drawChart } from "../../charts/draw.ts";
import type { Experiment, Outcome } from "../../demo/experiments/frame/experiment.ts";
import { digits } from "../../src/data/index.ts";
import type { Engine } from "../../src/index.ts";

/** Its charts are drawn, too: what cannot be drawn throws. */
export async function runQuick(experiment: Experiment, engine: Engine): Promise<Outcome> {
  const outcome = await experiment.run({
    engine,
    seed: 1,
    quick: true,
    mnist: async (counts) => ({ ...digits(counts), digits: true }),
    note: () => {},
  });
  for (const chart of outcome.charts) drawChart(chart, "in a test");
  return outcome;
}

/** A figure by its name. @throws Error where there is none, with the names of those there are */
export function figure({ figures }: Outcome, name: string): number {
  if (!(name in figures)) throw new Error(`no figure "${name}" among ${Object.keys(figures).join("; ")}`);
  return figures[name];
}
