/** Comparison of trials. */
import type { Evaluation, Metric } from "../train/evaluate.ts";
import { checkMode, type Mode, modeOf, modeOfFunction, valueAt } from "../train/monitor.ts";
import type { Data } from "../train/source.ts";

/**
 * Number to compare: "loss", "accuracy", a metric by its name, a path into its value ("top5", "rocAuc.auc"), or a
 * function of the evaluation.
 */
export type Monitor = string | ((evaluation: Evaluation) => number);

export interface ResolvedMonitor {
  readonly name: string;
  readonly mode: Mode;
  score(evaluation: Evaluation): unknown;
}

interface MonitorOptions {
  readonly monitor?: Monitor;
  readonly mode?: Mode;
  readonly fit?: { readonly metrics?: readonly Metric[] };
}

/** @throws RangeError where the monitor or mode is unknown; TypeError where the better direction is unknown */
export function monitored(
  search: string,
  options: MonitorOptions,
  trained: Data,
  validation: Data | undefined,
): ResolvedMonitor {
  const data = trained.classes === undefined ? trained : (validation ?? trained);
  const { monitor = data.classes === undefined ? "loss" : "accuracy", mode } = options;
  checkMode(search, mode);
  if (typeof monitor === "function")
    return { name: "function", mode: modeOfFunction(search, mode), score: monitor };
  const metrics = options.fit?.metrics ?? [];
  const remedy = "or give a function of an evaluation; fit: { metrics: […] } names the metrics";
  return {
    name: monitor,
    mode: modeOf(search, String(monitor), mode, { data, metrics, remedy }),
    score: (evaluation) => valueAt(evaluation, monitor),
  };
}

/** Order of two trials: by score, then by number; failed trials come last. */
export function better(
  mode: Mode,
): (
  a: { readonly score?: number; readonly trial: number },
  b: { readonly score?: number; readonly trial: number },
) => number {
  const sign = mode === "max" ? -1 : 1;
  return (a, b) => {
    if (a.score === undefined || b.score === undefined) {
      return Number(a.score === undefined) - Number(b.score === undefined) || a.trial - b.trial;
    }
    return sign * (a.score - b.score) || a.trial - b.trial;
  };
}
