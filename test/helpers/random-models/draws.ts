/** Choices of a generator: functions of a seed, equal on every machine. */
import { uniform } from "../../../src/random.ts";

/** Number of a random stream that no other generator draws from. */
const STREAM = 78;

export class Draws {
  #taken = 0;

  constructor(readonly seed: number) {}

  uniform(): number {
    return uniform(this.seed, STREAM, this.#taken++);
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** A number of [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  floats(length: number, low = -1, high = 1): Float32Array {
    return Float32Array.from({ length }, () => this.between(low, high));
  }
}
