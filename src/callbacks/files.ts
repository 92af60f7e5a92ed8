/** Callbacks that write files during a run: the best weights and histories. */
import { checkOptions, inWords } from "../checks.ts";
import { appendText, checkWritable, writeFileWhole } from "../io/files.ts";
import type { Callback } from "../train/callback.ts";
import type { Epoch } from "../train/fit.ts";
import { exclusive } from "./exclusive.ts";
import { Judge, MONITOR_OPTIONS, type MonitorOptions } from "./monitor.ts";

export function checkPath(owner: string, path: unknown): void {
  if (typeof path === "string" && path !== "") return;
  throw new TypeError(`${owner}: the path is ${inWords(path)}; give the path of the file to write`);
}

/**
 * Writes the weights to `path` as safetensors after each epoch that is the best so far, whole or not at all. A path
 * that cannot be written fails before the first epoch.
 * @throws TypeError where `path` is no path, or `monitor` is a function without `mode`; when the run starts, Error
 *   where the path cannot be written, and RangeError where the run has no such metric
 */
export function bestCheckpoint(path: string, options: MonitorOptions = {}): Callback {
  checkPath("bestCheckpoint", path);
  checkOptions("bestCheckpoint", options, MONITOR_OPTIONS);
  const judge = new Judge("bestCheckpoint", options);
  return exclusive({
    name: "bestCheckpoint",
    async onStart(run) {
      judge.reset(run);
      await checkWritable(path);
    },
    async onEpoch(epoch, run) {
      if (judge.isBest(epoch)) await run.save(path);
    },
  });
}

/** A history as text. With a path, the file is replaced before the first epoch and gains a line after each epoch. */
export interface History extends Callback {
  /** The text so far. */
  readonly text: string;
}

/** Columns of a history. Without validation or classes, some are empty. */
const COLUMNS: Readonly<Record<string, (epoch: Epoch) => number | undefined>> = {
  epoch: ({ epoch }) => epoch,
  loss: ({ loss }) => loss,
  accuracy: ({ accuracy }) => accuracy,
  validationLoss: ({ validation }) => validation?.loss,
  validationAccuracy: ({ validation }) => validation?.accuracy,
  seconds: ({ seconds }) => seconds,
  samplesPerSecond: ({ samplesPerSecond }) => samplesPerSecond,
};

/**
 * Comma-separated numbers, one line for each epoch after a line of names: epoch, loss, accuracy, validationLoss,
 * validationAccuracy, seconds, samplesPerSecond. After a resume, the checkpoint's epochs come first.
 * @throws TypeError where `path` is given and no path; when the run starts, Error where the path cannot be written
 */
export function csvHistory(path?: string): History {
  return history("csvHistory", path, `${Object.keys(COLUMNS).join(",")}\n`, (epoch) =>
    Object.values(COLUMNS)
      .map((value) => value(epoch) ?? "")
      .join(","),
  );
}

/**
 * JSON, one line for each epoch: the whole epoch of `fit`, with confusion matrix and metrics. NaN and infinities become
 * null, because JSON has neither.
 * @throws TypeError where `path` is given and no path; when the run starts, Error where the path cannot be written
 */
export function jsonHistory(path?: string): History {
  return history("jsonHistory", path, "", (epoch) => JSON.stringify(epoch, asJson));
}

/** Converts values of custom metrics that JSON.stringify would distort or refuse. */
function asJson(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
    ? Array.from(value as Float64Array)
    : value;
}

function history(
  name: string,
  path: string | undefined,
  head: string,
  line: (epoch: Epoch) => string,
): History {
  if (path !== undefined) checkPath(name, path);
  let text = head;
  return exclusive({
    name,
    get text() {
      return text;
    },
    async onStart(run) {
      text = head + run.history.map((epoch) => `${line(epoch)}\n`).join("");
      if (path !== undefined) await writeFileWhole(path, text);
    },
    async onEpoch(epoch) {
      const added = `${line(epoch)}\n`;
      text += added;
      if (path !== undefined) await appendText(path, added);
    },
  });
}
