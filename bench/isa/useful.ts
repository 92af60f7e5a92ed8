/** How much of the multiply-adds that a launch issues are part of its result. */
import type { LaunchDetails } from "wgrad/inspect";

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

/**
 * Share of the products' work that belongs to the result: the rest is done by tiles that stick out over an edge of it, or
 * by sums filled up to whole turns. Undefined where a dispatch is no product in blocks of TILE_M × TILE_N.
 */
export function usefulShare({ dispatches, workgroup }: LaunchDetails): number | undefined {
  let [useful, issued] = [0, 0];
  for (const { constants, grid, writes, kernelFlops } of dispatches) {
    const { TILE_M, TILE_N, SLICES = 1, DEPTH = 1 } = constants;
    if (!TILE_M || !TILE_N || kernelFlops === 0) return undefined;
    const elements = Math.max(...writes.map(({ shape }) => product(shape)));
    // Multiply-adds for each element.
    const sum = kernelFlops / 2 / elements;
    const computed = (product(grid) * product(workgroup) * TILE_M * TILE_N) / SLICES;
    useful += elements * sum;
    issued += computed * Math.ceil(sum / DEPTH) * DEPTH;
  }
  return useful / issued;
}
