/** What of an evaluation is compared, and which way: for callbacks and searches. */
import type { Evaluation } from "./evaluate.ts";

/** Whether the largest number is the best, or the smallest. */
export type Mode = "max" | "min";

/** @throws RangeError unless it is one of the two */
export function checkMode(owner: string, mode: Mode): void {
  if (mode !== "max" && mode !== "min")
    throw new RangeError(`${owner}: mode is ${String(mode)}; give "max" or "min"`);
}

/** Smaller losses are better; of everything else, more. */
export function usualMode(monitor: unknown): Mode {
  return monitor === "loss" ? "min" : "max";
}

/**
 * What an evaluation holds under a name: "loss", "accuracy", a metric's, or a path into its value ("rocAuc.auc").
 * Undefined where there is nothing.
 */
export function valueAt({ metrics, ...figures }: Partial<Evaluation>, path: string): unknown {
  return path.split(".").reduce<unknown>(inside, { ...figures, ...metrics });
}

function inside(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
