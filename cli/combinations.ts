/** Checks of options that conflict with each other. */
import { OPTIMIZERS } from "../presets/choices.ts";
import { UsageError } from "./errors.ts";
import { MODELS, type ModelName, modelEntry } from "./model.ts";
import type { Parsed } from "./options.ts";
import { SCHEDULES, scheduleEntry } from "./training.ts";

/** @throws UsageError naming both options, and the alternative */
export function checkCombination(parsed: Parsed, given: (name: string) => boolean): void {
  checkData(parsed, given);
  checkModel(parsed);
  checkTaken(parsed, "optimizer", OPTIMIZERS, OPTIMIZERS[parsed.optimizer].defaults);
  checkTaken(parsed, "schedule", SCHEDULES, scheduleEntry(parsed.schedule).defaults);
  checkTraining(parsed);
  checkDevice(parsed);
  checkCheckpoints(parsed);
}

function checkData({ dataset }: Parsed, given: (name: string) => boolean): void {
  if (given("data") && given("dataset") && dataset !== "mnist") {
    throw new UsageError(`--data reads MNIST's files, but --dataset is ${dataset}; leave one of them out`);
  }
}

function checkModel(parsed: Parsed): void {
  const { model, hidden, activation, dropout = 0, batchNorm = false, loss, filters } = parsed;
  const entry = modelEntry(model);
  if (filters && model !== "convnet") {
    throw new UsageError(`--filters does nothing with --model ${model}; use --model convnet`);
  }
  const dense = (Object.keys(MODELS) as ModelName[]).filter((name) => modelEntry(name).hidden);
  if (hidden && hidden.length > 0 && !entry.hidden) {
    throw new UsageError(
      `--hidden does nothing with --model ${model}, which has no hidden layer; use --model ${alternatives(dense)}`,
    );
  }
  if (activation && entry.activation && activation !== entry.activation) {
    throw new UsageError(
      `--model ${model} is a network of ${entry.activation}, but --activation is ${activation}; use --model mlp`,
    );
  }
  const withDense = (hidden ?? entry.hidden ?? []).length > 0;
  const withHidden = withDense || model === "convnet";
  // The quadratic cost adds an activation after the last layer.
  const activated = withHidden || loss === "quadratic";
  const wanted = {
    dropout: dropout > 0 && !withDense,
    batchNorm: batchNorm && !withHidden,
    activation: activation && !activated,
  };
  for (const [option, idle] of Object.entries(wanted)) {
    if (!idle) continue;
    throw new UsageError(
      `--${kebab(option)} does nothing without hidden layers; use --hidden with --model ${alternatives(dense)}`,
    );
  }
}

/** Refuses settings that the chosen optimizer or schedule does not take. */
function checkTaken(
  parsed: Parsed,
  kind: "optimizer" | "schedule",
  table: Readonly<Record<string, { readonly defaults: object }>>,
  defaults: object,
): void {
  const settings = new Set(Object.values(table).flatMap((entry) => Object.keys(entry.defaults)));
  for (const setting of settings) {
    if (parsed[setting as keyof Parsed] === undefined || setting in defaults) continue;
    const takers = Object.keys(table).filter((name) => setting in table[name].defaults);
    throw new UsageError(
      `--${kebab(setting)} does nothing with --${kind} ${parsed[kind]}; use --${kind} ${alternatives(takers)}`,
    );
  }
}

function checkTraining(parsed: Parsed): void {
  const { loss, labelSmoothing, schedule, warmupSteps = 0, batch, accumulate = 1, batchNorm } = parsed;
  if (labelSmoothing !== undefined && loss !== "cross-entropy") {
    throw new UsageError(`--label-smoothing does nothing with --loss ${loss}; use --loss cross-entropy`);
  }
  if (warmupSteps > 0 && schedule === "one-cycle") {
    throw new UsageError(
      "--warmup-steps conflicts with --schedule one-cycle, which begins with its own rise; use --schedule cosine",
    );
  }
  if (batch % accumulate !== 0) {
    throw new UsageError(
      `--accumulate splits a batch into equal parts, but ${accumulate} does not divide --batch ${batch}; use ${divisorBelow(batch, accumulate)}`,
    );
  }
  if (batchNorm && batch / accumulate < 2) {
    throw new UsageError(
      `--batch-norm needs 2 samples or more at a time, but --batch ${batch}${accumulate > 1 ? ` in ${accumulate} parts` : ""} gives 1`,
    );
  }
}

function checkDevice({ device, threads }: Parsed): void {
  if (threads !== undefined && device !== "wasm")
    throw new UsageError("--threads does nothing without --device wasm");
}

function checkCheckpoints({ checkpoint, checkpointSteps, keep }: Parsed): void {
  for (const [option, value] of Object.entries({ checkpointSteps, keep })) {
    if (value === undefined || checkpoint !== undefined) continue;
    throw new UsageError(`--${kebab(option)} does nothing without --checkpoint`);
  }
  if (keep !== undefined && keep > 1 && checkpoint && !/\{(epoch|step)\}[^/\\]*$/.test(checkpoint)) {
    throw new UsageError(
      `--keep ${keep} needs a --checkpoint with {epoch} or {step} in its name, such as run-{epoch}.safetensors`,
    );
  }
}

/** The largest divisor of `batch` that is not above `wanted`. */
function divisorBelow(batch: number, wanted: number): number {
  let divisor = Math.min(batch, wanted);
  while (batch % divisor !== 0) divisor--;
  return divisor;
}

/** "a, b or c". */
function alternatives(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}

/** weightDecay → weight-decay. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
