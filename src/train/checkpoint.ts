/** Checkpoints: the complete state of a run of `fit`, as a safetensors file, so that the run can continue exactly. */
import { checkOptions, inWords, unknownOption } from "../checks.ts";
import { type ByteSource, isByteSource } from "../io/bytes.ts";
import { parseJson } from "../io/json.ts";
import { inTurns } from "../io/pieces.ts";
import { decoding, encoding, type SafetensorsTensor } from "../io/safetensors.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import { giveTurn, turnIsDue } from "../turns.ts";
import { CHECKSUMS_KEY, checkChecksums, checksums } from "./checksums.ts";
import { countEpochs, decodeEpochs, encodeEpochs } from "./epochs.ts";
import {
  ASPECTS,
  differences,
  type Fingerprint,
  fingerprintBeside,
  fingerprintOf,
  type ResumeAspect,
} from "./fingerprint.ts";
import { checkFinite, type NonFinite, type SaveOptions } from "./finite.ts";
import type { Epoch } from "./fit.ts";
import { CheckpointMismatchError } from "./mismatch.ts";
import { openNewest } from "./newest.ts";
import {
  describeState,
  OF_CALLBACKS,
  type Restored,
  type RunState,
  stateAfter,
  stateOf,
} from "./runState.ts";
import type { TrainingParts } from "./settings.ts";
import { CHECKPOINT_KEY } from "./state.ts";

/** A checkpoint: its bytes, a Blob, a Response, a URL or, outside browsers, its path. */
export type CheckpointSource = ByteSource;

/** A checkpoint, and the allowed differences of the continued run. */
export interface ResumeOptions {
  readonly from: CheckpointSource;
  /** Allowed differences, as in `["learningRate", "schedule"]` (default none). */
  readonly allow?: readonly ResumeAspect[];
  /** Whether a checkpoint may hold NaN and infinities (default "refuse"). */
  readonly nonFinite?: NonFinite;
}

/**
 * Version of the format. The first one had no number, and did not describe the run; the second had neither checksums nor
 * a position within an epoch. The second is read.
 */
const FORMAT = 3;
const OLDEST = 2;
/** Name of the tensor with the epochs. Those of callbacks begin with their own; all others are the trainer's arenas. */
const HISTORY = "history";

interface Contents {
  readonly format: number;
  /** Milliseconds since 1970. */
  readonly written?: number;
  readonly steps: number;
  readonly model: string;
  readonly optimizer: string;
  readonly run: Fingerprint;
  /** Position, order of samples, and callbacks. */
  readonly state?: unknown;
}

/** @throws RangeError where weights are not finite, unless `nonFinite` is "allow" */
export async function encodeCheckpoint(
  run: TrainingParts,
  state: RunState,
  { nonFinite }: SaveOptions = {},
): Promise<Uint8Array> {
  const { arenas, ...trainer } = state.trainer;
  for (const [name, data] of Object.entries(arenas)) {
    if (turnIsDue()) await giveTurn();
    checkFinite(`checkpoint: ${name}`, data, nonFinite);
  }
  const epochs = encodeEpochs(state.history, run.dataset.classes ?? 0);
  const tensors = new Map<string, SafetensorsTensor>([[HISTORY, { shape: [epochs.length], data: epochs }]]);
  for (const [name, data] of Object.entries(arenas)) tensors.set(name, { shape: [data.length], data });
  const contents: Contents = {
    format: FORMAT,
    written: Date.now(),
    ...trainer,
    run: await fingerprintOf(run),
    state: describeState(run, state, tensors),
  };
  const text = JSON.stringify(contents);
  const sums = await checksums(text, tensors);
  return inTurns(encoding(tensors, { [CHECKPOINT_KEY]: text, [CHECKSUMS_KEY]: sums }));
}

/** A checkpoint that was read, and is whole. */
export interface OpenedCheckpoint {
  /** Name of the file, for messages. */
  readonly name: string;
  readonly contents: Contents;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly arenas: Readonly<Record<string, Float32Array>>;
}

/** @throws Error where the bytes are no checkpoint, or are damaged */
export async function openCheckpoint(bytes: Uint8Array, name: string): Promise<OpenedCheckpoint> {
  const { tensors, metadata, dtypes } = await inTurns(decoding(bytes, name));
  const contents = contentsOf(metadata[CHECKPOINT_KEY], name);
  const arenas = [...tensors].filter(([tensor]) => tensor !== HISTORY && !tensor.startsWith(OF_CALLBACKS));
  for (const [tensor] of arenas) {
    if (dtypes.get(tensor) !== "F32")
      throw new Error(
        `${name}: the checkpoint's ${tensor.slice(0, 80)} are ${dtypes.get(tensor)}; expected F32`,
      );
  }
  if (contents.format > OLDEST)
    await checkChecksums(metadata[CHECKSUMS_KEY], metadata[CHECKPOINT_KEY], tensors, name);
  return {
    name,
    contents,
    tensors,
    arenas: Object.fromEntries(arenas.map(([tensor, { data }]) => [tensor, data as Float32Array])),
  };
}

/**
 * Restores the run's trainer from a checkpoint: of a series or a folder, from the newest that is whole.
 * @returns the rest of the checkpoint's state
 * @throws Error where the source is no checkpoint, is damaged, or belongs to another run; nothing is then changed
 */
export async function restoreCheckpoint(
  run: TrainingParts,
  resume: CheckpointSource | ResumeOptions,
): Promise<Restored> {
  const { from, allow = [], nonFinite } = resumeOptions(resume);
  const { name, contents, tensors, arenas } = await openNewest(from, openCheckpoint);
  const now = await fingerprintBeside(run, contents.run);
  checkSame(contents.run, now, allow, name);
  const history = historyOf(tensors.get(HISTORY), contents, run, name);
  const { learningRate } = run.trainer.optimizer as Optimizer;
  const restored = restoredOf(run, contents, history, tensors, learningRate, name);
  const trainer = {
    steps: contents.steps,
    model: contents.model,
    // An optimizer that may differ is checked against the existing arenas.
    optimizer: allow.includes("optimizer") ? (run.trainer.optimizer?.name ?? "none") : contents.optimizer,
    arenas,
  };
  run.trainer.restore(trainer, { nonFinite }, `${name}: the checkpoint`);
  const { order, position } = restored;
  return {
    ...restored,
    order: allow.includes("data") ? undefined : order,
    position: contents.run.learningRate === now.learningRate ? position : { ...position, learningRate },
  };
}

/** @throws CheckpointMismatchError where a stream passes through other memory, and so in another order */
export function checkOrder({ order }: Restored, now: RunState["order"]): void {
  const [then, here] = [order?.batchesInMemory, now.batchesInMemory];
  if (then === undefined || here === undefined || then === here) return;
  const words = `data set passes through memory ${then} batches at a time, this run's ${here}`;
  throw new CheckpointMismatchError(
    `resume: the checkpoint's ${words}; give the same dataMemory, or say that it may differ: resume: { from, allow: ["data"] }`,
    [{ aspect: "data", words }],
  );
}

/** @throws Error where the checkpoint is damaged, or was written within an epoch of other batches */
function restoredOf(
  run: TrainingParts,
  { format, state }: Contents,
  history: readonly Epoch[],
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  learningRate: number,
  name: string,
): Restored {
  if (format === OLDEST) return stateAfter(run, history, learningRate);
  try {
    return stateOf(run, state, history, tensors);
  } catch (cause) {
    throw new Error(`${name}: the checkpoint cannot be resumed: ${(cause as Error).message}`, { cause });
  }
}

function resumeOptions(resume: CheckpointSource | ResumeOptions): ResumeOptions {
  if (isByteSource(resume)) return { from: resume };
  checkOptions("fit: resume", resume, { from: "any", allow: "array", nonFinite: "string" });
  if (!isByteSource(resume.from)) {
    throw new TypeError(
      `fit: resume's from is ${inWords(resume.from)}; give a checkpoint: bytes, a Blob, a Response, a URL, or a path`,
    );
  }
  const wrong = resume.allow?.find((aspect) => !ASPECTS.includes(aspect));
  if (wrong !== undefined)
    throw new RangeError(`fit: resume: ${unknownOption(String(wrong), ASPECTS, "difference to allow")}`);
  return resume;
}

function contentsOf(text: string | undefined, name: string): Contents {
  if (text === undefined) {
    throw new Error(
      `${name}: a file of weights, not a checkpoint; use the result of run.checkpoint(), or load the weights with run.trainer.load`,
    );
  }
  let contents: Partial<Contents> | null;
  try {
    contents = parseJson(text) as Partial<Contents> | null;
  } catch (cause) {
    throw new Error(`${name}: the checkpoint is damaged: its description ${(cause as Error).message}`, {
      cause,
    });
  }
  if (typeof contents !== "object" || contents === null)
    throw new Error(`${name}: the checkpoint's contents are ${inWords(contents)}; expected an object`);
  const { format, run } = contents;
  if (format !== FORMAT && format !== OLDEST) {
    const [which, remedy] =
      Number(format) > FORMAT
        ? ["a later", "use that version"]
        : ["an earlier", "go on with that version, or train anew: the checkpoint does not describe its run"];
    throw new Error(`${name}: the checkpoint is of ${which} version of wgrad; ${remedy}`);
  }
  if (typeof run !== "object" || run === null || Array.isArray(run))
    throw new Error(`${name}: the checkpoint does not describe its run; was the checkpoint changed?`);
  return contents as Contents;
}

function checkSame(then: Fingerprint, now: Fingerprint, allow: readonly ResumeAspect[], name: string): void {
  const found = differences(then, now, allow);
  if (found.length === 0) return;
  const words = found.map(({ words }) => words).join("; ");
  const allowed = [...allow, ...found.map(({ aspect }) => aspect)].map((aspect) => `"${aspect}"`).join(", ");
  throw new CheckpointMismatchError(
    `${name}: the checkpoint's ${words}; resume with the same, or say that it may differ: resume: { from, allow: [${allowed}] }`,
    found,
  );
}

function historyOf(
  tensor: SafetensorsTensor | undefined,
  { steps }: Contents,
  { epochs, dataset }: TrainingParts,
  name: string,
): readonly Epoch[] {
  if (!(tensor?.data instanceof Uint8Array))
    throw new Error(`${name}: the checkpoint has no history; was it changed?`);
  // Counted before any is unpacked.
  const taken = countEpochs(tensor.data);
  if (typeof steps === "number" && taken > steps)
    throw new Error(`${name}: the checkpoint is damaged: ${taken} epochs in ${steps} steps`);
  // As many as the run has: it is complete, as if it had just trained its last epoch.
  if (taken > epochs) {
    throw new RangeError(
      `fit: the checkpoint has ${taken} epochs behind it, and epochs is ${epochs}; epochs counts from the beginning: give more`,
    );
  }
  try {
    return decodeEpochs(tensor.data, dataset.classes ?? 0);
  } catch (cause) {
    throw new Error(`${name}: the checkpoint is damaged: ${(cause as Error).message}`, { cause });
  }
}
