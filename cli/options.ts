/** What `npm run train` is asked to do: the command line, read, checked and with its defaults. */
import { CommanderError } from "commander";
import type { Augmentation } from "wgrad/augment";
import { OPTIMIZERS } from "../presets/choices.ts";
import { checkCombination } from "./combinations.ts";
import { trainCommand } from "./command.ts";
import { UsageError } from "./errors.ts";
import { type ModelOptions, modelEntry } from "./model.ts";
import { scheduleEntry, type TrainingOptions } from "./training.ts";

export type DatasetName = "mnist" | "digits";
type DeviceName = "gpu" | "cpu";

export interface TrainOptions extends ModelOptions, TrainingOptions {
  readonly dataset: DatasetName;
  /** Asked for by name, or by folder: nothing else may stand in for it. */
  readonly datasetGiven: boolean;
  readonly data?: string;
  readonly count?: number;
  readonly epochs: number;
  readonly batch: number;
  readonly dropLast: boolean;
  readonly seed: number;
  /** Changes of the training images, the first first; absent for none. */
  readonly augment?: readonly Augmentation[];
  /** Epochs without a better test loss that end the run. */
  readonly earlyStopping?: number;
  /** The path of a checkpoint to go on from. */
  readonly resume?: string;
  /** Paths of what is written after each epoch. */
  readonly checkpoint?: string;
  readonly history?: string;
  /** Absent unless asked for: then the GPU, or the CPU engine where there is none. */
  readonly device?: DeviceName;
  readonly save?: string;
  readonly summary: boolean;
  readonly describe: boolean;
  readonly json: boolean;
}

/** What commander gives: options that were not given and have no default there are absent. */
export type Parsed = Partial<TrainOptions> & Pick<TrainOptions, WithDefault>;
type WithDefault = "dataset" | "model" | "loss" | "epochs" | "batch" | "optimizer" | "schedule" | "seed";

/**
 * Reads the command line.
 * @returns undefined when it asked for help, which was then shown through `write`
 * @throws UsageError when it makes no sense
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
  return `unexpected "${args.join(" ")}": options begin with --, and npm wants one more -- before the first: npm run train -- --epochs 3`;
}

/** Fills in what the model, the optimizer and the schedule have by default, and what is off unless asked for. */
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
