/** Checkpoints: all that a run of `fit` needs to go on exactly where it was, as a safetensors file. */
import { readFile } from "../io/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import { formatShape } from "../program.ts";
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

/** The arenas that hold a run's state. Gradients and observations are computed anew by each step. */
function stateArenas({ memory, optimizer }: Trainer): string[] {
  return ["parameters", "statistics", ...(optimizer?.slots ?? [])].filter((name) => memory[name]);
}

/** What must agree beside the settings: the model and the optimizer. */
function described({ layout, statistics, optimizer }: Trainer): RunSettings {
  const tensors = [...layout.specs, ...statistics.specs];
  return {
    model: tensors.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", "),
    optimizer: optimizer?.name ?? "none",
  };
}

export async function encodeCheckpoint(
  trainer: Trainer,
  settings: RunSettings,
  history: readonly Epoch[],
): Promise<Uint8Array> {
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const name of stateArenas(trainer)) {
    const data = (await trainer.memory[name].read()) as Float32Array;
    tensors[name] = { shape: [data.length], data };
  }
  const contents = { settings: { ...settings, ...described(trainer) }, steps: trainer.steps, history };
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
  const contents = JSON.parse(text) as Contents;
  const here: RunSettings = { ...settings, ...described(trainer) };
  for (const [key, value] of Object.entries(contents.settings)) {
    if (here[key] === value) continue;
    throw new Error(
      `${name}: the checkpoint's ${key} is ${value}, this run's ${here[key]}; resume with the same`,
    );
  }
  for (const arena of stateArenas(trainer)) {
    const found = tensors.get(arena);
    if (found?.data.length !== trainer.memory[arena].length) {
      throw new Error(`${name}: the checkpoint's ${arena} do not fit the model; was the file changed?`);
    }
  }
  for (const arena of stateArenas(trainer))
    trainer.memory[arena].write(tensors.get(arena)?.data as Float32Array);
  trainer.steps = contents.steps;
  return contents.history;
}
