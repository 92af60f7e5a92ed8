/** Reads the batches of one epoch from any step on, any number at a time. */
import type { Batches, BatchSource, Reading } from "./source.ts";

export class EpochReader {
  readonly #bunches: AsyncGenerator<Batches>;
  #rest: Batches = { size: 0, starts: [] };

  /**
   * @param sizes batch sizes that have a step; other batches are left out
   * @param skipped number of batches taken before: a stream is read up to there
   */
  constructor(source: BatchSource, reading: Reading, sizes: ReadonlyMap<number, unknown>, skipped: number) {
    this.#bunches = bunches(source, reading, sizes, skipped);
  }

  /**
   * The next batches, at most `count`, all of one size.
   * @throws Error where no batch remains, or the data cannot be read
   */
  async take(count: number): Promise<Batches> {
    if (this.#rest.starts.length === 0) {
      const { value, done } = await this.#bunches.next();
      if (done) throw new Error("the data ended before its epoch");
      this.#rest = value;
    }
    const { size, starts } = this.#rest;
    this.#rest = { size, starts: starts.slice(count) };
    return { size, starts: starts.slice(0, count) };
  }

  /**
   * Reads to the end after the last batch.
   * @throws Error where the data cannot be read, or has more samples than stated
   */
  async end(): Promise<void> {
    await this.#bunches.next();
  }

  /** Stops reading, without waiting: the source itself may be stuck. */
  release(): void {
    this.#bunches.return(undefined).catch(() => {});
  }
}

async function* bunches(
  source: BatchSource,
  reading: Reading,
  sizes: ReadonlyMap<number, unknown>,
  skipped: number,
): AsyncGenerator<Batches> {
  let left = skipped;
  // A part may be overwritten once the next but one is requested; its steps are enqueued by then.
  for await (const parts of source.read(reading)) {
    for (const { size, starts } of parts) {
      if (!sizes.has(size)) continue;
      const rest = starts.slice(left);
      left -= starts.length - rest.length;
      if (rest.length > 0) yield { size, starts: rest };
    }
  }
}
