/**
 * Blocks of a product [rows, columns] that one invocation computes in registers, TILE_M × TILE_N, and who works on them:
 * what the shaders of products and convolutions have in common.
 */
import type { DeviceTraits } from "./kernel.ts";

/** The product, of which `copies` are computed side by side. */
export interface ProductSize {
  readonly copies: number;
  readonly rows: number;
  readonly columns: number;
}

/** Constants that say who computes what: invocations of a workgroup, and lanes that share loads. */
export const blockConstants = {
  TILE_M: "u32",
  TILE_N: "u32",
  GROUP_X: "u32",
  GROUP_Y: "u32",
  LANES: "u32",
} as const;

/**
 * Invocations that a product should at least have: fewer would leave a device idle. Small products are also the ones
 * with short inner loops: around a large tile, software adapters unroll them, and compile for seconds.
 */
const WANTED_INVOCATIONS = 256;
const PLAIN_GROUP = { GROUP_X: 8, GROUP_Y: 1, LANES: 1 };

/** The block as large as pays, as long as there are invocations enough, on a device of which nothing is known. */
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

/** Lanes that share loads; a subgroup may have more. */
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
/** For fewer rows than lanes, a vector times a matrix among them: nothing to share. */
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
/** Subgroups up to this size are vector units of processors, as a rule: there, loads are what costs. */
const NARROW = 8;

export function isNarrow({ subgroupSize = Number.POSITIVE_INFINITY }: DeviceTraits): boolean {
  return subgroupSize <= NARROW;
}

/** Workgroups that a device runs side by side, at least, where its cores are not known. */
const PARALLEL_GROUPS = 4;
/** How many blocks with shared loads are worth trying. */
const CANDIDATES = 3;

/**
 * Blocks worth trying on such a device, the first of them a good guess. `vectors` says whether four columns of the second
 * factor lie side by side.
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
  if (!most) return plain;
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
  return isNarrow(traits) ? [...shared, ...plain] : [...plain, ...shared];
}

/** What one step of the sum takes, where a multiplication and addition takes 1: loads, broadcasts, and the block. */
function stepTime(rows: number, columns: number, lanes: number, vectorB: number): number {
  const load = 15;
  const broadcast = 1;
  const loadsB = vectorB ? (columns / 4) * 3 : columns;
  return (rows / lanes) * load + rows * broadcast + loadsB * load + rows * columns;
}
