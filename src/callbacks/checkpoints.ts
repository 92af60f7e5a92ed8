/** Checkpoints of a run as files, the last few kept. */
import { checkOptions, checkPositive, checkWhole } from "../checks.ts";
import type { Callback } from "../train/callback.ts";
import { exclusive } from "./exclusive.ts";
import { checkPath } from "./files.ts";
import type { CheckpointWriter } from "./writer.ts";

export interface CheckpointsOptions {
  /** Number of epochs between two checkpoints (default 1); Infinity for none at the ends of epochs. */
  readonly every?: number;
  /** Number of steps after which there is another, within an epoch, too: at the end of the submit (default: none). */
  readonly everySteps?: number;
  /** Number of seconds after which there is another, likewise (default: none). */
  readonly everySeconds?: number;
  /** Number of files that are kept (default 3), of a path with {epoch} or {step}; Infinity for all. */
  readonly keep?: number;
}

/** A checkpoint on disk. */
export interface WrittenCheckpoint {
  readonly path: string;
  /** Number of the epoch that it was written in, or at the end of. */
  readonly epoch: number;
  /** Number of steps before it. */
  readonly step: number;
}

/** Checkpoints as a callback. */
export interface Checkpoints extends Callback {
  /** The last one that was written. */
  readonly last: WrittenCheckpoint | undefined;
  /** The error where the last one could not be written. */
  readonly failure: unknown;
}

/** Files of a path with numbers that are kept, so that there is another where the newest is damaged. */
const KEEP = 3;

/**
 * Writes checkpoints for the option `resume` of `fit`, each whole or not at all: after every `every` epochs (default 1),
 * and at the end of the run where it ends by an error or its signal, so that it can go on from there. With {epoch} or
 * {step} in the path, as in "run-{epoch}.safetensors", the last `keep` files stay. After a `DivergenceError`, the last
 * good state is written beside the others: as "run.last-good.safetensors". In a browser, paths lie in the origin private
 * file system. A path that cannot be written fails before the first epoch; later, a file that could not be written at a
 * second attempt either ends the run, which can go on.
 * @param options the options, or `every`
 * @throws RangeError where a number is out of range, or `keep` is given and the path has no number
 * @throws TypeError where `path` is no path, or an option is unknown; when the run starts, Error where the path cannot
 *   be written
 */
export function checkpoints(path: string, options: CheckpointsOptions | number = {}): Checkpoints {
  checkPath("checkpoints", path);
  const given = typeof options === "number" ? { every: options } : options;
  checkOptions("checkpoints", given, {
    every: "number",
    everySteps: "number",
    everySeconds: "number",
    keep: "number",
  });
  const { every = 1, everySteps = Number.POSITIVE_INFINITY, everySeconds = Number.POSITIVE_INFINITY } = given;
  const numbered = /\{(epoch|step)\}[^/\\]*$/.test(path);
  const { keep = numbered ? KEEP : 1 } = given;
  for (const [name, value] of Object.entries({ every, everySteps, keep }))
    if (value !== Number.POSITIVE_INFINITY) checkWhole(`checkpoints: ${name}`, value);
  if (everySeconds !== Number.POSITIVE_INFINITY) checkPositive("checkpoints: everySeconds", everySeconds);
  if (keep !== 1 && !numbered) {
    throw new RangeError(
      `checkpoints: keep is ${keep}, and "${path}" names one file; put {epoch} or {step} into the name, as in run-{epoch}.safetensors`,
    );
  }
  let writer: CheckpointWriter | undefined;
  return exclusive({
    name: "checkpoints",
    get last() {
      return writer?.last;
    },
    get failure() {
      return writer?.failure;
    },
    async onStart(run) {
      const { CheckpointWriter } = await import("./writer.ts");
      writer = await CheckpointWriter.open(path, keep, run);
    },
    onProgress: (_progress, run) => writer?.progress(run, everySteps, everySeconds),
    async onEpoch({ epoch }, run) {
      await writer?.settled();
      if (epoch % every === 0) await writer?.write(run);
      return undefined;
    },
    onEnd: () => writer?.settled(),
    onError: (error, run) => writer?.rescue(error, run),
  });
}
