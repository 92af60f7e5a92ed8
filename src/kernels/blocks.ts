/**
 * Blocks of a product [rows, columns], TILE_M × TILE_N, that one invocation computes in registers, and their
 * distribution over invocations: shared by products and convolutions.
 */
import { type Constants, type DeviceTraits, isNarrow } from "./kernel.ts";

/** The product; `copies` of it are computed side by side. */
export interface ProductSize {
  readonly copies: number;
  readonly rows: number;
  readonly columns: number;
}

/** Constants of the distribution: invocations of a workgroup, and lanes that share loads. */
export const blockConstants = {
  TILE_M: "u32",
  TILE_N: "u32",
  GROUP_X: "u32",
  GROUP_Y: "u32",
  LANES: "u32",
} as const;

/** Constants of tiles that a workgroup shares (shaders/tile.wgsl). */
export const tileConstants = {
  TILE_M: "u32",
  TILE_N: "u32",
  GROUP_X: "u32",
  GROUP_Y: "u32",
  SLICES: "u32",
  DEPTH: "u32",
} as const;

/** Invocations of a workgroup that shares tiles, in one row. */
export function tileInvocations({ GROUP_X, GROUP_Y, SLICES }: Constants): readonly [number, number] {
  return [GROUP_X * GROUP_Y * SLICES, 1];
}

/**
 * Least number of invocations of a product: fewer leave a device idle. Small products also have short inner loops,
 * which software adapters unroll around large tiles and compile for seconds.
 */
const WANTED_INVOCATIONS = 256;
const PLAIN_GROUP = { GROUP_X: 8, GROUP_Y: 1, LANES: 1 };

/** The largest worthwhile block with enough invocations, for an unknown device. */
export function plainBlock({ copies, rows, columns }: ProductSize) {
  const within = (size: number, limit: number) => {
    let tile = limit;
    while (tile > size) tile /= 2;
    return tile;
  };
  for (let limit = 8; ; limit /= 2) {
    const TILE_M = within(rows, limit);
    const TILE_N = within(columns, limit);
    const invocations = copies * Math.ceil(rows / TILE_M) * Math.ceil(columns / TILE_N);
    if (invocations >= WANTED_INVOCATIONS || limit === 1) return { TILE_M, TILE_N, ...PLAIN_GROUP };
  }
}

/** Numbers of lanes that share loads; a subgroup may have more. */
const LANES = [8, 4];
/** As many as registers hold. */
const LANE_TILES = [
  [32, 4],
  [24, 4],
  [16, 8],
  [16, 4],
  [8, 8],
  [8, 4],
  [16, 2],
  [8, 2],
  [8, 1],
] as const;
/** For fewer rows than lanes, as in a vector times a matrix: no loads are shared. */
const LOW_TILES = [
  [4, 8],
  [2, 8],
  [1, 8],
  [1, 4],
] as const;
const PLAIN_TILES = [
  [16, 8],
  [8, 8],
  [4, 4],
] as const;
/** Least number of concurrent workgroups of a device with unknown cores. */
const PARALLEL_GROUPS = 4;
/** Number of blocks with shared loads worth trying. */
const CANDIDATES = 3;

/**
 * Blocks worth trying on such a device, a good guess first. `vectors` states whether four columns of the second factor
 * are contiguous.
 */
export function blocksFor(size: ProductSize, traits: DeviceTraits, vectors: boolean) {
  const vectorB = (columns: number) => (vectors && columns % 4 === 0 ? 1 : 0);
  const guess = plainBlock(size);
  const plain = [
    guess,
    ...PLAIN_TILES.filter(([m, n]) => m <= size.rows && n <= size.columns)
      .filter(([m, n]) => m !== guess.TILE_M || n !== guess.TILE_N)
      .map(([TILE_M, TILE_N]) => ({ TILE_M, TILE_N, ...PLAIN_GROUP })),
  ].map((block) => ({ ...block, VECTOR_B: vectorB(block.TILE_N) }));
  const { subgroupSize = 0, cores = PARALLEL_GROUPS } = traits;
  const most = LANES.find((count) => count <= subgroupSize);
  if (!most || !isNarrow(traits)) return plain;
  const tiles = size.rows < most ? [...LANE_TILES, ...LOW_TILES] : LANE_TILES;
  const shared = tiles
    .map(([TILE_M, TILE_N]) => {
      const VECTOR_B = vectorB(TILE_N);
      const lanes = TILE_M < most ? 1 : most;
      const groups =
        size.copies * Math.ceil(size.rows / TILE_M) * Math.ceil(size.columns / (TILE_N * subgroupSize));
      const time = Math.ceil(groups / cores) * stepTime(TILE_M, TILE_N, lanes, VECTOR_B);
      return { time, block: { TILE_M, TILE_N, GROUP_X: subgroupSize, GROUP_Y: 1, LANES: lanes, VECTOR_B } };
    })
    .sort((a, b) => a.time - b.time)
    .slice(0, CANDIDATES)
    .map(({ block }) => block);
  return [...shared, ...plain];
}

/** Cost of one step of the sum, relative to a multiply-add: loads, broadcasts, and the block. */
function stepTime(rows: number, columns: number, lanes: number, vectorB: number): number {
  const load = 15;
  const broadcast = 1;
  const loadsB = vectorB ? (columns / 4) * 3 : columns;
  return (rows / lanes) * load + rows * broadcast + loadsB * load + rows * columns;
}
