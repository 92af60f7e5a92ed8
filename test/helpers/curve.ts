/** What a curve of losses must do. NaN never passes. */
import { expect } from "vitest";

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** |got − want| ≤ rtol · |want|, element by element; a failure names the first step that is off, and by how much. */
export function expectSameLosses(got: ArrayLike<number>, want: ArrayLike<number>, rtol: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i] - want[i]) / Math.abs(want[i]);
    if (!(difference <= rtol))
      expect.fail(`step ${i}: ${got[i]}, expected ${want[i]}; off by ${difference}, more than ${rtol}`);
  }
}

/** Holds pairs of figures, by what they are, to `rtol`; NaN never passes. */
export function expectSameFigures(
  pairs: Readonly<Record<string, readonly [number, number]>>,
  rtol: number,
): void {
  const wrong = Object.entries(pairs).filter(([, [a, b]]) => !(Math.abs(a - b) <= rtol * Math.abs(b)));
  expect(wrong).toEqual([]);
}
