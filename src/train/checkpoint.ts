/** Checkpoints: the complete state of a run of `fit`, as a safetensors file, so that the run can continue exactly. */
import { checkOptions, inWords, unknownOption } from "../checks.ts";
import { type ByteSource, isByteSource, readBytes, sourceName } from "../io/bytes.ts";
import { parseJson } from "../io/json.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { countEpochs, decodeEpochs, encodeEpochs } from "./epochs.ts";
import {
  ASPECTS,
  differences,
  type Fingerprint,
  fingerprintBeside,
  fingerprintOf,
  type ResumeAspect,
  type RunParts,
} from "./fingerprint.ts";
import { checkFinite, type NonFinite, type SaveOptions } from "./finite.ts";
import type { Epoch } from "./fit.ts";
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

/** The parts of a run that its checkpoints record. */
export interface CheckpointedRun extends RunParts {
  readonly epochs: number;
  readonly history: readonly Epoch[];
}

/** Version of the format. The first one had no number, and did not describe the run. */
const FORMAT = 2;
/** Name of the tensor with the epochs; all others are the trainer's arenas. */
const HISTORY = "history";

interface Contents {
  readonly format: number;
  readonly steps: number;
  readonly model: string;
  readonly optimizer: string;
  readonly run: Fingerprint;
}

/** @throws RangeError where weights are not finite, unless `nonFinite` is "allow" */
export async function encodeCheckpoint(
  run: CheckpointedRun,
  { nonFinite }: SaveOptions = {},
): Promise<Uint8Array> {
  const { arenas, ...state } = await run.trainer.snapshot();
  for (const [name, data] of Object.entries(arenas)) checkFinite(`checkpoint: ${name}`, data, nonFinite);
  const epochs = encodeEpochs(run.history, run.dataset.classes ?? 0);
  const tensors: Record<string, SafetensorsTensor> = { [HISTORY]: { shape: [epochs.length], data: epochs } };
  for (const [name, data] of Object.entries(arenas)) tensors[name] = { shape: [data.length], data };
  const contents: Contents = { format: FORMAT, ...state, run: await fingerprintOf(run) };
  return encodeSafetensors(tensors, { [CHECKPOINT_KEY]: JSON.stringify(contents) });
}

/**
 * Restores the run's trainer from a checkpoint.
 * @returns the epochs before the checkpoint
 * @throws Error where the source is no checkpoint, is damaged, or belongs to another run; nothing is then changed
 */
export async function restoreCheckpoint(
  run: CheckpointedRun,
  resume: CheckpointSource | ResumeOptions,
): Promise<readonly Epoch[]> {
  const { from, allow = [], nonFinite } = resumeOptions(resume);
  const name = sourceName(from, "resume");
  const { tensors, metadata, dtypes } = decodeSafetensors(await readBytes(from), name);
  const contents = contentsOf(metadata[CHECKPOINT_KEY], name);
  checkSame(contents.run, await fingerprintBeside(run, contents.run), allow, name);
  const history = historyOf(tensors.get(HISTORY), contents, run, name);
  const arenas = [...tensors].filter(([tensor]) => tensor !== HISTORY);
  for (const [tensor] of arenas) {
    if (dtypes.get(tensor) !== "F32")
      throw new Error(
        `${name}: the checkpoint's ${tensor.slice(0, 80)} are ${dtypes.get(tensor)}; expected F32`,
      );
  }
  const state = {
    steps: contents.steps,
    model: contents.model,
    // An optimizer that may differ is checked against the existing arenas.
    optimizer: allow.includes("optimizer") ? (run.trainer.optimizer?.name ?? "none") : contents.optimizer,
    arenas: Object.fromEntries(arenas.map(([tensor, { data }]) => [tensor, data as Float32Array])),
  };
  run.trainer.restore(state, { nonFinite }, `${name}: the checkpoint`);
  return history;
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
  if (format !== FORMAT) {
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
  throw new Error(
    `${name}: the checkpoint's ${words}; resume with the same, or say that it may differ: resume: { from, allow: [${allowed}] }`,
  );
}

function historyOf(
  tensor: SafetensorsTensor | undefined,
  { steps }: Contents,
  { epochs, dataset }: CheckpointedRun,
  name: string,
): readonly Epoch[] {
  if (!(tensor?.data instanceof Uint8Array))
    throw new Error(`${name}: the checkpoint has no history; was it changed?`);
  // Counted before any is unpacked.
  const taken = countEpochs(tensor.data);
  if (typeof steps === "number" && taken > steps)
    throw new Error(`${name}: the checkpoint is damaged: ${taken} epochs in ${steps} steps`);
  if (taken >= epochs) {
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
