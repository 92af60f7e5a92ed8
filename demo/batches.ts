/** The batches of a loop of one's own, epoch after epoch: as many at a time as one likes, to be paused anywhere. */
import type { BatchSource } from "wgrad";

interface BatchesOptions {
  /** Samples of a batch. What fills none at the end of an epoch is left out of it. */
  readonly size: number;
  /** Of the orders in which epochs read the samples. */
  readonly seed: number;
  /** The number of the first epoch (default 1, as `fit` counts). */
  readonly firstEpoch?: number;
  /** How many epochs there are (default: without end). */
  readonly epochs?: number;
  /** Batches that were taken before, as by a run that goes on from a snapshot (default 0). */
  readonly taken?: number;
}

/** Some batches of one epoch. */
export interface Bunch {
  readonly epoch: number;
  /** The step scalar `batchStart` of each. */
  readonly starts: readonly number[];
}

export class Batches {
  readonly #reader: AsyncIterator<Bunch>;
  #rest: Bunch = { epoch: 0, starts: [] };

  constructor(source: BatchSource, options: BatchesOptions) {
    this.#reader = read(source, options);
  }

  /** The next batches, at most `count`, all of one epoch; none once all epochs are over. */
  async take(count: number): Promise<Bunch> {
    if (this.#rest.starts.length === 0) {
      const { value, done } = await this.#reader.next();
      if (done) return this.#rest;
      this.#rest = value;
    }
    const { epoch, starts } = this.#rest;
    this.#rest = { epoch, starts: starts.slice(count) };
    return { epoch, starts: starts.slice(0, count) };
  }
}

async function* read(
  source: BatchSource,
  { size, seed, firstEpoch = 1, epochs = Number.POSITIVE_INFINITY, taken = 0 }: BatchesOptions,
): AsyncGenerator<Bunch> {
  let skipped = taken;
  for (let i = 0; i < epochs; i++) {
    const epoch = firstEpoch + i;
    for await (const parts of source.read({ epoch, seed, shuffle: true })) {
      const full = parts.find((part) => part.size === size)?.starts ?? [];
      const starts = full.slice(skipped);
      skipped -= full.length - starts.length;
      if (starts.length > 0) yield { epoch, starts };
    }
  }
}
