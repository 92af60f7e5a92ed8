/** The batches of one epoch, from any of its steps on, as many at a time as one likes. */
import type { Batches, BatchSource, Reading } from "./source.ts";

export class EpochReader {
  readonly #bunches: AsyncGenerator<Batches>;
  #rest: Batches = { size: 0, starts: [] };

  /**
   * @param sizes of the batches there are steps for; others are left out
   * @param skipped how many batches were taken before: data that is streamed is read on to there
   */
  constructor(source: BatchSource, reading: Reading, sizes: ReadonlyMap<number, unknown>, skipped: number) {
    this.#bunches = bunches(source, reading, sizes, skipped);
  }

  /** The next batches, at most `count`, all of one size. @throws Error where there are none, or they cannot be read */
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

  /** Reads to the end, behind the last batch. @throws Error where the data cannot be read, or is more than it says */
  async end(): Promise<void> {
    await this.#bunches.next();
  }

  /** Ends reading where it is. Not waited for: a source may be what has stopped. */
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
  // A part that was handed out may be overwritten once the next but one is asked for: its steps are enqueued by then.
  for await (const parts of source.read(reading)) {
    for (const { size, starts } of parts) {
      if (!sizes.has(size)) continue;
      const rest = starts.slice(left);
      left -= starts.length - rest.length;
      if (rest.length > 0) yield { size, starts: rest };
    }
  }
}
