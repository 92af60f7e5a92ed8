/** What of an evaluation is compared, and which way: for callbacks, schedules and searches. */
import { inWords, nearest } from "../checks.ts";
import type { Evaluation, Metric } from "./evaluate.ts";
import type { Epoch } from "./fit.ts";
import type { Data } from "./source.ts";

/** Whether the largest number is the best, or the smallest. */
export type Mode = "max" | "min";

/** What there is to be monitored. */
export interface Monitorable {
  /** What is evaluated. */
  readonly data: Pick<Data, "name" | "classes">;
  /** What the evaluation counts besides. */
  readonly metrics: readonly Metric[];
  /** Where metrics are to be given, for messages. */
  readonly remedy: string;
}

/** What the epochs of a run of `fit` have to be monitored: of the validation set where there is one, else of training. */
export function monitorable(
  dataset: Data,
  { validation, metrics = [] }: { readonly validation?: Data; readonly metrics?: readonly Metric[] },
): Monitorable {
  if (validation)
    return { data: validation, metrics, remedy: "metrics are those of the option metrics of fit" };
  return { data: dataset, metrics: [], remedy: "metrics are counted on the option validation of fit" };
}

/** @throws RangeError unless it is one of the two, or left out */
export function checkMode(owner: string, mode: Mode | undefined): void {
  if (mode !== undefined && mode !== "max" && mode !== "min")
    throw new RangeError(`${owner}: mode is ${inWords(mode)}; give "max" or "min"`);
}

/**
 * Which way a monitor that is a function is better: only its author knows.
 * @throws TypeError where that is not told
 */
export function modeOfFunction(owner: string, mode: Mode | undefined): Mode {
  if (mode !== undefined) return mode;
  throw new TypeError(
    `${owner}: monitor is a function, of which it is not known whether more is better; give mode: "max", or mode: "min"`,
  );
}

/**
 * Which way a number of an evaluation is better: as it was told, else as the metric says.
 * @throws RangeError where there is no such number, or it is several; TypeError where nobody says which way is better
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
    `${owner}: of "${monitor}" it is not known whether more is better; give mode: "max", or mode: "min"${instead}`,
  );
}

/**
 * What an evaluation holds under a name: "loss", "accuracy", a metric's, or a path into its value ("rocAuc.auc").
 * Undefined where there is nothing.
 */
export function valueAt({ metrics, ...figures }: Partial<Evaluation>, path: string): unknown {
  const values: Readonly<Record<string, unknown>> = { ...figures, ...metrics };
  const name = ownerOf(path, Object.keys(values));
  if (name === undefined) return undefined;
  const rest = path.slice(name.length + 1);
  return rest === "" ? values[name] : rest.split(".").reduce<unknown>(inside, values[name]);
}

/**
 * The number that an epoch has for a monitor: of the validation set where there is one.
 * @throws Error where it has none
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

/** Which of `names` a path begins with: names may have dots themselves. */
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
