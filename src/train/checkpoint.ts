/** Checkpoints: all that a run of `fit` needs to go on exactly where it was, as a safetensors file. */
import { readFile } from "../io/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import type { Epoch } from "./fit.ts";
import type { Trainer } from "./trainer.ts";

/** A checkpoint's bytes or, outside of browsers, its path. */
export type CheckpointSource = Uint8Array | string;

/** What is random or ordered in a run follows from these: a run that goes on must have the same. */
export type RunSettings = Readonly<Record<string, number | string | boolean>>;

interface Contents {
  readonly settings: RunSettings;
  readonly steps: number;
  readonly history: readonly Epoch[];
}

/** The key of the contents in the file's metadata. */
const KEY = "wgrad.checkpoint";

export async function encodeCheckpoint(
  trainer: Trainer,
  settings: RunSettings,
  history: readonly Epoch[],
): Promise<Uint8Array> {
  const { steps, arenas, ...same } = await trainer.snapshot();
  const tensors = Object.fromEntries(
    Object.entries(arenas).map(([name, data]) => [name, { shape: [data.length], data }]),
  );
  const contents = { settings: { ...settings, ...same }, steps, history };
  return encodeSafetensors(tensors, { [KEY]: JSON.stringify(contents) });
}

/**
 * Puts the trainer where the checkpoint's was.
 * @returns the epochs that lie behind it
 * @throws Error when it is no checkpoint, or one of another run; then nothing is changed
 */
export async function restoreCheckpoint(
  trainer: Trainer,
  settings: RunSettings,
  source: CheckpointSource,
): Promise<readonly Epoch[]> {
  const name = typeof source === "string" ? source : "resume";
  const bytes = typeof source === "string" ? await readFile(source) : source;
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const text = metadata[KEY];
  if (text === undefined) {
    throw new Error(
      `${name}: no checkpoint but a file of weights; use what run.checkpoint() gave, or trainer.load`,
    );
  }
  const { settings: then, steps, history } = JSON.parse(text) as Contents;
  for (const [key, value] of Object.entries(settings)) {
    if (then[key] === value) continue;
    throw new Error(
      `${name}: the checkpoint's ${key} is ${then[key]}, this run's ${value}; resume with the same`,
    );
  }
  const arenas = Object.fromEntries([...tensors].map(([arena, { data }]) => [arena, data as Float32Array]));
  const { model, optimizer } = then as Record<string, string>;
  trainer.restore({ steps, model, optimizer, arenas }, `${name}: the checkpoint`);
  return history;
}
