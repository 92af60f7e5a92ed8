/** When two computations of the same training steps count as the same: shown before anything is timed. */

/**
 * Enough for an error of any kernel to come back in the losses. After more steps rounding decides: a unit at the kink
 * of ReLU gets a gradient on one engine and none on the other, and Adam makes whole steps of small differences.
 */
export const COMPARED_STEPS = 5;

/** Largest relative differences between losses. */
export const TOLERANCE = {
  /** Between two engines of one library. */
  engines: 1e-4,
  /** Between two systems: some compute Adam's bias correction in f32, and lose four of its digits. */
  systems: 1e-3,
} as const;

/** The largest relative difference of two series. NaN anywhere gives NaN. */
export function relativeDifference(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length || actual.length === 0) return Number.NaN;
  return actual.reduce((largest, value, i) => {
    const difference = Math.abs(value - expected[i]) / Math.abs(expected[i]);
    return Number.isNaN(difference) ? difference : Math.max(largest, difference);
  }, 0);
}
