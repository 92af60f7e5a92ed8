/** Positions of values on a logarithmic axis. */

interface LogScale {
  /** Whole decades. */
  readonly ticks: readonly number[];
  /** 0 at the left, 1 at the right. */
  readonly place: (value: number) => number;
}

/** Whole decades around the values, so that the shortest bar still is one. */
export function logScale(values: readonly number[]): LogScale {
  const logs = values.map(Math.log10);
  const room = 0.1;
  const low = Math.floor(Math.min(...logs) - room);
  const high = Math.max(low + 1, Math.ceil(Math.max(...logs)));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    place: (value) => (Math.log10(value) - low) / (high - low),
  };
}
