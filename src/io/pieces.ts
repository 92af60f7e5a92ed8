/** Work that a generator divides into pieces: done at once, or with turns of the page's thread in between. */
import { giveTurn, turnIsDue } from "../turns.ts";

/** What is done yields nothing, and returns its result. */
export type Pieces<T> = Generator<undefined, T, undefined>;

export function atOnce<T>(pieces: Pieces<T>): T {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

export async function inTurns<T>(pieces: Pieces<T>): Promise<T> {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
    if (turnIsDue()) await giveTurn();
  }
}
