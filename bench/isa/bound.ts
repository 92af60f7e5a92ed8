/** From counted instructions to shares of the f32 ceiling, and to a model of a step's time. */
import type { Counts } from "./assembly.ts";

/** Share of lanes at work: the last wave of a workgroup may be partly empty. */
export function lanesUsed(invocations: number, wave: number): number {
  return invocations / (Math.ceil(invocations / wave) * wave);
}

/**
 * Upper bound on the share of the f32 ceiling: of all that the vector unit issues, only multiply-adds count, and of these
 * only those of lanes at work. Workgroup memory, caches and waits come on top. 0 where registers went to memory.
 */
export function ceilingShare({ multiplyAdds, slots }: Counts, lanes: number, scratchBytes: number): number {
  if (slots === 0 || scratchBytes > 0) return 0;
  return Math.min(1, multiplyAdds / slots) * lanes;
}

export interface Weighed {
  readonly flops: number;
  /** Share of the f32 ceiling; undefined where the launch has no products, or where the code is not known. */
  readonly bound?: number;
}

/**
 * The share of the f32 ceiling over a step: all operations over the time that they take at their bounds. Launches
 * without products are left out. Undefined where none is left.
 */
export function stepBound(launches: readonly Weighed[]): number | undefined {
  let flops = 0;
  let time = 0;
  for (const launch of launches) {
    if (launch.bound === undefined || launch.flops === 0) continue;
    flops += launch.flops;
    time += launch.flops / launch.bound;
  }
  return flops === 0 ? undefined : flops / time;
}
