/** The training and test data. */
import { type Dataset, digits, type MnistProgress, MnistUnavailableError, mnist, take } from "wgrad/data";
import { UsageError, unavailable } from "./errors.ts";
import { grouped } from "./numbers.ts";
import type { DatasetName, TrainOptions } from "./options.ts";

export interface TrainingData {
  readonly name: DatasetName;
  readonly train: Dataset;
  readonly test: Dataset;
}

type DataOptions = Pick<TrainOptions, "dataset" | "datasetGiven" | "data" | "count" | "batch">;

const DIGITS_COUNT = 20_000;

/**
 * Loads the chosen data. `note` reports downloads, and digits that replace MNIST.
 * @throws UsageError where there is less data than the options need; Error where MNIST was asked for by name and is not
 *   available
 */
export async function loadData(
  options: DataOptions,
  note: (line: string) => void,
  load: typeof mnist = mnist,
): Promise<TrainingData> {
  const data = options.dataset === "digits" ? madeDigits(options) : await mnistOrDigits(options, note, load);
  const { train } = data;
  if (options.batch > train.count) {
    throw new UsageError(
      `--batch is ${options.batch}, but there are only ${grouped(train.count)} training images; use ${train.count} at most`,
    );
  }
  return data;
}

async function mnistOrDigits(
  options: DataOptions,
  note: (line: string) => void,
  load: typeof mnist,
): Promise<TrainingData> {
  try {
    const { train, test } = await load({ dir: options.data, onProgress: tellOfDownloads(note) });
    return { name: "mnist", train: firstOf(train, options.count), test };
  } catch (error) {
    if (!(error instanceof MnistUnavailableError)) throw error;
    if (options.datasetGiven) {
      throw new Error(
        `${unavailable(error)}; put the four files into a folder and name it with --data, or use --dataset digits`,
        { cause: error },
      );
    }
    note(`${unavailable(error)}. Training on the built-in digits instead: results are not MNIST's.`);
    return madeDigits(options);
  }
}

function firstOf(train: Dataset, count: number | undefined): Dataset {
  if (count === undefined) return train;
  if (count > train.count) {
    throw new UsageError(`--count is ${count}, but there are only ${grouped(train.count)} training images`);
  }
  return take(train, count);
}

/** Prints one line for each downloaded file, and none for files in a folder. */
function tellOfDownloads(note: (line: string) => void): (progress: MnistProgress) => void {
  const told = new Set<string>();
  return ({ source }) => {
    if (!/^https?:/.test(source) || told.has(source)) return;
    told.add(source);
    note(`fetching ${source}`);
  };
}

function madeDigits({ count = DIGITS_COUNT }: DataOptions): TrainingData {
  return { name: "digits", ...digits({ train: count, test: Math.max(1, Math.round(count / 10)) }) };
}
