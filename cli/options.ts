/** The command line of `npm run train`: parsed, checked and completed with defaults. */
import { CommanderError } from "commander";
import type { Augmentation } from "wgrad/augment";
import { OPTIMIZERS } from "../presets/choices.ts";
import type { EngineName } from "../presets/command.ts";
import { checkCombination } from "./combinations.ts";
import { trainCommand } from "./command.ts";
import { UsageError } from "./errors.ts";
import { type ModelOptions, modelEntry } from "./model.ts";
import { scheduleEntry, type TrainingOptions } from "./training.ts";

export type DatasetName = "mnist" | "digits";

export interface TrainOptions extends ModelOptions, TrainingOptions {
  readonly dataset: DatasetName;
  /** Whether the data set was named, or a folder given: no other data may then replace it. */
  readonly datasetGiven: boolean;
  readonly data?: string;
  readonly count?: number;
  readonly epochs: number;
  readonly batch: number;
  readonly dropLast: boolean;
  readonly seed: number;
  /** Augmentations of the training images, in order; absent for none. */
  readonly augment?: readonly Augmentation[];
  /** Number of epochs without a better test loss that ends the run. */
  readonly earlyStopping?: number;
  /** Path of a checkpoint to continue from; true for that of `checkpoint`. */
  readonly resume?: string | true;
  /** Paths of the files written after each epoch. */
  readonly checkpoint?: string;
  /** Number of steps after which there is another checkpoint. */
  readonly checkpointSteps?: number;
  /** Number of checkpoints that are kept. */
  readonly keep?: number;
  readonly history?: string;
  /** Absent unless given: then the GPU, or the wasm engine where there is none. */
  readonly device?: EngineName;
  /** Threads of the wasm engine; absent for as many as there are cores. */
  readonly threads?: number;
  readonly save?: string;
  readonly summary: boolean;
  readonly describe: boolean;
  readonly json: boolean;
}

/** Commander's result: options without a value and a default are absent. */
export type Parsed = Partial<TrainOptions> & Pick<TrainOptions, WithDefault>;
type WithDefault = "dataset" | "model" | "loss" | "epochs" | "batch" | "optimizer" | "schedule" | "seed";

/**
 * Parses the command line.
 * @returns undefined where help was asked for, and shown through `write`
 * @throws UsageError where the command line makes no sense
 */
export function parseOptions(
  args: readonly string[],
  write: (text: string) => void = (text) => process.stdout.write(text),
): TrainOptions | undefined {
  const command = trainCommand(write);
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new UsageError(usageMessage(error, command.args), { cause: error });
  }
  const given = (name: string) => command.getOptionValueSource(name) === "cli";
  const parsed = command.opts<Parsed>();
  checkCombination(parsed, given);
  return {
    ...withDefaults(parsed),
    datasetGiven: given("dataset") || given("data"),
  };
}

function usageMessage({ code, message }: CommanderError, args: readonly string[]): string {
  if (code !== "commander.excessArguments") return message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  return `unexpected "${args.join(" ")}": options begin with --, and npm needs another -- before the first: npm run train -- --epochs 3`;
}

/** Adds the defaults of the model, the optimizer and the schedule. */
function withDefaults(parsed: Parsed): Omit<TrainOptions, "datasetGiven"> {
  const { hidden = [], activation = "relu" } = modelEntry(parsed.model);
  return {
    hidden,
    activation,
    dropout: 0,
    batchNorm: false,
    l1: 0,
    l2: 0,
    accumulate: 1,
    warmupSteps: 0,
    dropLast: false,
    summary: false,
    describe: false,
    json: false,
    ...OPTIMIZERS[parsed.optimizer].defaults,
    ...scheduleEntry(parsed.schedule).defaults,
    ...parsed,
  };
}
