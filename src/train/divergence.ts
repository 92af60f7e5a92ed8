/** What an epoch has come to so far, and that it is numbers. */

/** The loss of a run became no finite number. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}

/** Sums over the samples of an epoch so far. */
export class Totals {
  samples = 0;
  #loss = 0;
  #correct = 0;

  constructor(readonly counts: boolean) {}

  add(losses: ArrayLike<number>, correct: ArrayLike<number> | undefined, batchSize: number): void {
    for (let i = 0; i < losses.length; i++) {
      this.samples += batchSize;
      this.#loss += losses[i] * batchSize;
      this.#correct += correct?.[i] ?? 0;
    }
  }

  get loss(): number {
    return this.#loss / this.samples;
  }

  get accuracy(): number | undefined {
    return this.counts ? this.#correct / this.samples : undefined;
  }

  /** @throws DivergenceError as soon as the loss is no number any more: going on could only waste time. */
  check(epoch: number): void {
    if (this.samples > 0 && !Number.isFinite(this.#loss)) {
      throw new DivergenceError(
        `fit: the loss became ${this.#loss} in epoch ${epoch}; use a lower learning rate, or look for NaN in the data`,
      );
    }
  }
}
