/** What makes one trial better than another. */
import type { Evaluation, Metric } from "../train/evaluate.ts";
import { checkMode, type Mode, usualMode, valueAt } from "../train/monitor.ts";

/**
 * What of an evaluation is compared: "loss", "accuracy", a metric's number by its name, or by a path into its value
 * ("top5", "rocAuc.auc"), or any function of the evaluation.
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

/** @throws RangeError for an unknown monitor or mode, TypeError for accuracy without classes */
export function monitored(search: string, options: MonitorOptions, classes: boolean): ResolvedMonitor {
  const { monitor = classes ? "accuracy" : "loss", mode = usualMode(monitor) } = options;
  checkMode(search, mode);
  if (typeof monitor === "function") return { name: "function", mode, score: monitor };
  if (monitor === "accuracy" && !classes) {
    throw new TypeError(
      `${search}: monitor is "accuracy", and the data has no classes; give "loss" or a metric`,
    );
  }
  const [first] = String(monitor).split(".");
  const metrics = (options.fit?.metrics ?? []).map(({ name }) => name);
  const known = ["loss", "accuracy", ...metrics];
  if (!known.includes(first)) {
    throw new RangeError(
      `${search}: monitor is ${String(monitor)}; give one of ${known.join(", ")}, or a function of an evaluation; metrics are those of fit: { metrics: […] }`,
    );
  }
  return { name: monitor, mode, score: (evaluation) => valueAt(evaluation, monitor) };
}

/** Whether a comes before b: by score, then as they were numbered; what failed comes last. */
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
