/** Comparison of computed numbers with expected ones. NaN never passes, unless it is what was expected. */

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/**
 * Holds `got` against `want`: |got − want| ≤ atol + rtol·|want| everywhere.
 * @returns what is wrong, with the worst element; undefined where all is well
 */
export function difference(
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol, atol }: Tolerance,
): string | undefined {
  if (got.length !== want.length) return `${what}: ${got.length} elements, expected ${want.length}`;
  let worst = -1;
  let worstExcess = 0;
  let wrong = 0;
  for (let i = 0; i < want.length; i++) {
    if (accepts(got[i], want[i], rtol, atol)) continue;
    wrong++;
    const excess = Math.abs(got[i] - want[i]) / (atol + rtol * Math.abs(want[i]));
    if (worst >= 0 && !(excess > worstExcess)) continue;
    worst = i;
    worstExcess = excess;
  }
  if (wrong === 0) return undefined;
  return `${what}: ${wrong} of ${want.length} are wrong; [${worst}] is ${got[worst]}, expected ${want[worst]} (rtol ${rtol}, atol ${atol})`;
}

function accepts(got: number, want: number, rtol: number, atol: number): boolean {
  if (Number.isNaN(want)) return Number.isNaN(got);
  if (!Number.isFinite(want)) return got === want;
  return Math.abs(got - want) <= atol + rtol * Math.abs(want);
}

/** The differences among several comparisons. */
export function differences(...results: readonly (string | undefined)[]): string[] {
  return results.filter((result) => result !== undefined);
}
