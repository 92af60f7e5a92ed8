/** Files that grow or change while a run goes on: the best weights, and histories. */
import { checkOptions, checkWhole, inWords } from "../checks.ts";
import { appendText, checkWritable, writeFileWhole } from "../io/files.ts";
import type { Callback } from "../train/callback.ts";
import type { Epoch } from "../train/fit.ts";
import { exclusive } from "./exclusive.ts";
import { Judge, MONITOR_OPTIONS, type MonitorOptions } from "./monitor.ts";

function checkPath(owner: string, path: unknown): void {
  if (typeof path === "string" && path !== "") return;
  throw new TypeError(`${owner}: the path is ${inWords(path)}; give that of the file to write`);
}

/**
 * Writes the weights to `path` as safetensors, whole or not at all, after each epoch that is the best so far. Whether it can be
 * written is found out before the first.
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

/**
 * Writes a checkpoint to `path` after every `every` epochs (default 1), for the option `resume` of `fit`. Whether it can be
 * written is found out before the first.
 */
export function checkpoints(path: string, every = 1): Callback {
  checkPath("checkpoints", path);
  checkWhole("checkpoints: every", every);
  return exclusive({
    name: "checkpoints",
    onStart: () => checkWritable(path),
    async onEpoch({ epoch }, run) {
      if (epoch % every === 0) await writeFileWhole(path, await run.checkpoint());
    },
  });
}

/**
 * A history as text. Where a path was given, the file is made before the first epoch, in place of what was there, and each
 * epoch's line is added after it.
 */
export interface History extends Callback {
  /** All of it so far. */
  readonly text: string;
}

/** The columns of a history. Without validation, or without classes, some are empty. */
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
 * A line of comma-separated numbers for each epoch, after a line of names: epoch, loss, accuracy, validationLoss,
 * validationAccuracy, seconds, samplesPerSecond. After a resume the epochs of the checkpoint are in it, too.
 */
export function csvHistory(path?: string): History {
  return history("csvHistory", path, `${Object.keys(COLUMNS).join(",")}\n`, (epoch) =>
    Object.values(COLUMNS)
      .map((value) => value(epoch) ?? "")
      .join(","),
  );
}

/**
 * A line of JSON for each epoch: all that `fit` hands out, with the confusion matrix and the metrics. JSON has no NaN and no
 * infinities: they are null there.
 */
export function jsonHistory(path?: string): History {
  return history("jsonHistory", path, "", (epoch) => JSON.stringify(epoch, asJson));
}

/** What a metric of one's own may give, and JSON.stringify takes for something else, or throws at. */
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
