/**
 * Tiles of products that a workgroup shares (shaders/tile.wgsl), for wide devices: a choice by the sizes alone. Slices
 * change the order of a sum, so that results must not depend on measurements.
 */
import type { Constants, DeviceTraits } from "./kernel.ts";

/** Values of the constants of shaders/tile.wgsl. */
export interface Tile {
  readonly TILE_M: number;
  readonly TILE_N: number;
  readonly GROUP_X: number;
  readonly GROUP_Y: number;
  readonly SLICES: number;
  readonly DEPTH: number;
}

/** A product [rows, columns] with sums over `depth` elements; `copies` of it are computed side by side. */
export interface SummedProduct {
  readonly copies: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** Blocks of an invocation, up to what leaves eight waves a SIMD their registers. */
const BLOCKS = [
  [4, 8],
  [8, 4],
  [8, 8],
  [4, 4],
  [4, 12],
  [12, 4],
] as const;
/** Sizes of a group along one axis. */
const GROUPS = [32, 16, 8, 4, 2, 1];
/** Invocations of a workgroup: one size, so that products can share launches. Many copies need fewer of them each. */
const INVOCATIONS = 128;
const INVOCATIONS_OF_COPIES = 64;
/** Number of workgroups that keeps a large device busy. */
const WANTED_GROUPS = 64;
/** Multiply-adds of an invocation in one turn: enough to hide the loads of the next, few enough to be unrolled. */
const TURN = 256;
/** Least number of turns of a product above this number of operations: start and end of a workgroup then weigh little. */
const TURNS = 4;
const LARGE = 1e6;

/** The fastest tile by {@link timeOf}, and slower ones; none where the device has too little workgroup memory. */
export function tilesFor(product: SummedProduct, traits: DeviceTraits): Tile[] {
  const { copies, rows, columns, depth } = product;
  const invocations = copies >= WANTED_GROUPS ? INVOCATIONS_OF_COPIES : INVOCATIONS;
  if (invocations > traits.workgroupInvocations) return [];
  const fitting = BLOCKS.filter(([m, n]) => fits(m, rows) && fits(n, columns)).flatMap(([TILE_M, TILE_N]) =>
    GROUPS.flatMap((GROUP_X) =>
      GROUPS.filter((GROUP_Y) => GROUP_X * GROUP_Y <= invocations)
        .map((GROUP_Y) =>
          withDepth(
            { TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES: invocations / (GROUP_X * GROUP_Y) },
            depth,
            traits,
          ),
        )
        .filter((tile) => tileBytes(tile) <= traits.workgroupBytes)
        .filter((tile) => suits(TILE_M, tile.GROUP_Y, rows) && suits(TILE_N, GROUP_X, columns))
        .filter((tile) => isWide(TILE_M * tile.GROUP_Y, rows, TILE_N * GROUP_X, columns)),
    ),
  );
  const long = fitting.filter(({ DEPTH }) => !isLarge(product) || depth >= TURNS * DEPTH);
  return (long.length > 0 ? long : fitting)
    .map((tile) => ({ tile, time: timeOf(tile, product) }))
    .sort((a, b) => a.time - b.time)
    .map(({ tile }) => tile);
}

/** Whether the start and end of a workgroup should weigh little in a product, or in `parts` of such a size together. */
export function isLarge({ copies, rows, columns, depth }: SummedProduct, parts = 1): boolean {
  return 2 * copies * rows * columns * depth * parts > LARGE;
}

/** Whether blocks of `tile` rows (columns) may compute `size`: no more than there are, and 12 for narrow products only. */
function fits(tile: number, size: number): boolean {
  return tile === 4 || (tile === 8 ? size > 4 : size > 8 && size < 64);
}

/** Whether a group covers a worthwhile part of `size`: at least 16, and no half of it outside. */
function suits(tile: number, group: number, size: number): boolean {
  const covered = tile * group;
  return covered >= Math.min(16, Math.ceil(size / 4) * 4) && (group === 1 || covered / 2 < size);
}

/** Whether loads of m rows and n columns weigh little beside their products, or there are no more to load. */
function isWide(m: number, rows: number, n: number, columns: number): boolean {
  return m + n >= 48 || m >= rows || n >= columns;
}

/** The tile with as many steps a turn as memory has room for, and the sum has elements. */
function withDepth(tile: Omit<Tile, "DEPTH">, depth: number, { workgroupBytes }: DeviceTraits): Tile {
  const of = (steps: number) => ({ ...tile, DEPTH: steps * tile.SLICES });
  let steps = Math.max(Math.floor(TURN / (tile.TILE_M * tile.TILE_N) / 4) * 4, 4);
  while (steps > 4 && (tileBytes(of(steps)) > workgroupBytes || of(steps / 2).DEPTH >= depth)) steps /= 2;
  return of(steps);
}

/** Workgroup memory of a tile: both factors' parts, and later four vectors of each invocation. */
export function tileBytes({ TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES, DEPTH }: Constants | Tile): number {
  const tiles = DEPTH * (TILE_M * GROUP_Y + TILE_N * GROUP_X);
  const vectors = 4 * Math.min((TILE_M * TILE_N) / 4, 4) * GROUP_X * GROUP_Y * SLICES;
  return 4 * Math.max(tiles, vectors);
}

/**
 * Instructions of an invocation, times the rounds in which WANTED_GROUPS workgroups at once compute the product. The
 * factors are counted in the machine code of RDNA 2 and 3.
 */
function timeOf(tile: Tile, { copies, rows, columns, depth }: SummedProduct): number {
  const { TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES, DEPTH } = tile;
  const [m, n] = [TILE_M * GROUP_Y, TILE_N * GROUP_X];
  const steps = (Math.floor(depth / DEPTH) * DEPTH) / SLICES + Math.ceil((depth % DEPTH) / SLICES);
  const loads = 3 * (1 / m + 1 / n) + 0.6 * (1 / TILE_M + 1 / TILE_N);
  const summed = steps * TILE_M * TILE_N * (1 + loads) + 18 * Math.ceil(depth / DEPTH);
  const shared = Math.min(SLICES, 4);
  const stored = (TILE_M * TILE_N) / 4 / shared;
  const joined = SLICES === 1 ? 0 : stored * (shared + 4 * (SLICES - 1) + 20);
  const groups = copies * Math.ceil(rows / m) * Math.ceil(columns / n);
  const useful = (copies * rows * columns) / (groups * m * n);
  // What lies outside costs time where workgroups share a core, and power elsewhere.
  return (Math.max(groups / WANTED_GROUPS, 1) * (summed + joined + 12 * stored + 300)) / useful;
}
