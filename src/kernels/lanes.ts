/** Tiles of kernels whose subgroups share what all lanes need alike (shaders/…Lanes.wgsl). */
import type { Constants, DeviceTraits } from "./kernel.ts";

/** Lanes that share loads; a subgroup may have more. */
const LANES = [8, 4];
/** Rows and columns of the block of one invocation, as many as registers hold. */
const TILES = [
  [32, 4],
  [16, 8],
  [16, 4],
  [8, 8],
  [8, 4],
  [16, 2],
  [8, 2],
  [8, 1],
] as const;
/** Subgroups up to this size are vector units of processors, as a rule: there, loads are what costs. */
const NARROW = 8;
/** Workgroups that a device can be expected to run side by side, at least. */
const PARALLEL_GROUPS = 8;
/** How many tiles are worth trying. */
const CANDIDATES = 3;

export function isNarrow({ subgroupSize = Number.POSITIVE_INFINITY }: DeviceTraits): boolean {
  return subgroupSize <= NARROW;
}

/** Constants of the tiles that suit a product best, by a rough estimate; none without subgroups of a known size. */
export function laneTiles({ BATCH, M, N, TRANSPOSE_B }: Constants, { subgroupSize }: DeviceTraits) {
  const lanes = LANES.find((count) => count <= (subgroupSize ?? 0));
  if (!lanes || !subgroupSize) return [];
  return TILES.map(([TILE_M, TILE_N]) => {
    const VECTOR_B = !TRANSPOSE_B && N % 4 === 0 && TILE_N % 4 === 0 ? 1 : 0;
    const groups = BATCH * Math.ceil(M / TILE_M) * Math.ceil(N / (TILE_N * subgroupSize));
    const rounds = Math.ceil(groups / PARALLEL_GROUPS);
    return {
      time: rounds * stepTime(TILE_M, TILE_N, lanes, VECTOR_B),
      constants: { TILE_M, TILE_N, GROUP_X: subgroupSize, GROUP_Y: 1, LANES: lanes, VECTOR_B },
    };
  })
    .sort((a, b) => a.time - b.time)
    .slice(0, CANDIDATES)
    .map(({ constants }) => constants);
}

/** What one step of K takes, where a multiplication and addition takes 1: loads, broadcasts, and the block. */
function stepTime(rows: number, columns: number, lanes: number, vectorB: number): number {
  const load = 15;
  const broadcast = 1;
  const loadsB = vectorB ? (columns / 4) * 3 : columns;
  return (rows / lanes) * load + rows * broadcast + loadsB * load + rows * columns;
}
