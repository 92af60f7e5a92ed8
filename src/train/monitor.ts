/** Monitored numbers and their better direction, for callbacks, schedules and searches. */
import { inWords, nearest } from "../checks.ts";
import type { Evaluation, Metric } from "./evaluate.ts";
import type { Epoch } from "./fit.ts";
import type { Data } from "./source.ts";

/** Whether the largest or the smallest number is the best. */
export type Mode = "max" | "min";

/** The numbers available for monitoring. */
export interface Monitorable {
  /** The evaluated data. */
  readonly data: Pick<Data, "name" | "classes">;
  /** Additional metrics of the evaluation. */
  readonly metrics: readonly Metric[];
  /** Where to give metrics, for messages. */
  readonly remedy: string;
}

/** The numbers of a run's epochs: of the validation set where there is one, otherwise of training. */
export function monitorable(
  dataset: Data,
  { validation, metrics = [] }: { readonly validation?: Data; readonly metrics?: readonly Metric[] },
): Monitorable {
  if (validation)
    return { data: validation, metrics, remedy: "metrics are those of the option metrics of fit" };
  return { data: dataset, metrics: [], remedy: "metrics are counted on the option validation of fit" };
}

/** @throws RangeError unless `mode` is one of the two, or undefined */
export function checkMode(owner: string, mode: Mode | undefined): void {
  if (mode !== undefined && mode !== "max" && mode !== "min")
    throw new RangeError(`${owner}: mode is ${inWords(mode)}; give "max" or "min"`);
}

/**
 * The better direction of a function, which only its author knows.
 * @throws TypeError where `mode` is missing
 */
export function modeOfFunction(owner: string, mode: Mode | undefined): Mode {
  if (mode !== undefined) return mode;
  throw new TypeError(
    `${owner}: monitor is a function, and whether more is better is not known; give mode: "max", or mode: "min"`,
  );
}

/**
 * The better direction of a number: `mode`, or the metric's own.
 * @throws RangeError where there is no such number, or several; TypeError where the direction is unknown
 */
export function modeOf(owner: string, monitor: string, mode: Mode | undefined, there: Monitorable): Mode {
  const { data, metrics, remedy } = there;
  checkMode(owner, mode);
  if (monitor === "loss") return mode ?? "min";
  if (monitor === "accuracy") {
    if (data.classes !== undefined) return mode ?? "max";
    throw new RangeError(
      `${owner}: monitor is "accuracy", and ${data.name} has no classes; give "loss" or a metric`,
    );
  }
  const names = metrics.map(({ name }) => name);
  const name = ownerOf(monitor, names);
  const metric = metrics.find((one) => one.name === name);
  if (metric === undefined) {
    const known = ["loss", ...(data.classes === undefined ? [] : ["accuracy"]), ...names];
    const near = nearest(monitor, known);
    throw new RangeError(
      `${owner}: monitor is ${inWords(monitor)}; ${near ? `did you mean "${near}"? T` : "t"}here is ${known.map((one) => `"${one}"`).join(", ")}; ${remedy}`,
    );
  }
  const { mode: own } = metric;
  const path = monitor.slice(metric.name.length + 1);
  const parts = typeof own === "object" ? Object.keys(own).map((part) => `"${metric.name}.${part}"`) : [];
  if (parts.length > 0 && path === "") {
    throw new RangeError(
      `${owner}: monitor is "${monitor}", which is several numbers; give one of ${parts.join(", ")}`,
    );
  }
  const told = mode ?? (typeof own === "object" ? own[path] : path === "" ? own : undefined);
  if (told !== undefined) return told;
  const instead = parts.length > 0 ? `, or monitor one of ${parts.join(", ")}` : "";
  throw new TypeError(
    `${owner}: whether more of "${monitor}" is better is not known; give mode: "max", or mode: "min"${instead}`,
  );
}

/**
 * The value of an evaluation under a name: "loss", "accuracy", a metric's, or a path into its value ("rocAuc.auc").
 * Undefined where there is none.
 */
export function valueAt({ metrics, ...figures }: Partial<Evaluation>, path: string): unknown {
  const values: Readonly<Record<string, unknown>> = { ...figures, ...metrics };
  const name = ownerOf(path, Object.keys(values));
  if (name === undefined) return undefined;
  const rest = path.slice(name.length + 1);
  return rest === "" ? values[name] : rest.split(".").reduce<unknown>(inside, values[name]);
}

/**
 * The monitored number of an epoch: of the validation set where there is one.
 * @throws Error where the epoch has no such number
 */
export function numberOf(owner: string, epoch: Epoch, monitor: string | ((epoch: Epoch) => number)): number {
  const { loss, accuracy, validation = { loss, accuracy } } = epoch;
  const value = typeof monitor === "function" ? monitor(epoch) : valueAt(validation, monitor);
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  const name = typeof monitor === "function" ? "its monitor" : `"${monitor}"`;
  throw new Error(
    `${owner}: ${name} is ${inWords(value)} in epoch ${epoch.epoch}; expected a number in every epoch`,
  );
}

/** The one of `names` that a path begins with; names may contain dots. */
function ownerOf(path: string, names: readonly string[]): string | undefined {
  return names
    .filter((name) => path === name || path.startsWith(`${name}.`))
    .reduce<string | undefined>(
      (longest, name) => (name.length > (longest?.length ?? -1) ? name : longest),
      undefined,
    );
}

function inside(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
