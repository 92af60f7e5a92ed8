/** The time of a launch, from its times in many steps. */

export interface LaunchTime {
  readonly milliseconds: number;
  /** The standard error of the time. */
  readonly uncertainty: number;
}

/**
 * The median of exact times, which outliers do not move. Browsers round timestamps, to 0.1 ms as a rule, and most
 * launches take 0 or 1 of these units: such times get the mean, in which rounding evens out.
 */
export function launchTime(times: readonly number[]): LaunchTime {
  const count = times.length;
  const rounded = new Set(times).size <= Math.max(1, count / 4);
  const mean = times.reduce((sum, time) => sum + time, 0) / count;
  if (rounded || count < 3) {
    const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / Math.max(1, count - 1);
    return { milliseconds: mean, uncertainty: count > 1 ? Math.sqrt(variance / count) : Number.NaN };
  }
  const middle = median(times);
  // As of a normal distribution with the same median deviation.
  const deviation = 1.4826 * median(times.map((time) => Math.abs(time - middle)));
  return { milliseconds: middle, uncertainty: (1.2533 * deviation) / Math.sqrt(count) };
}

/** Whether a time is more than its own uncertainty. */
export function isTold({ milliseconds, uncertainty }: LaunchTime): boolean {
  return milliseconds > 0 && milliseconds > 2 * uncertainty;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
