/**
 * Tiles of convolutions on wide devices (shaders/conv2dTiled.wgsl): what a workgroup and each of its invocations compute,
 * chosen by a count of what the invocations' instructions come to.
 */
import type { ProductSize } from "./blocks.ts";
import type { Constants, DeviceTraits } from "./kernel.ts";

/** Invocations that a device runs at once, and that one instruction needs where it has most. */
const WAVE = 64;
/** Number of waves that keeps a large device busy. */
const WANTED_WAVES = 192;
/** Blocks of an invocation, as many as registers hold. */
const BLOCKS = [
  [8, 8],
  [12, 4],
  [8, 4],
  [4, 8],
  [4, 4],
] as const;
/** Most steps of a turn: the loop over them is written out by compilers. */
const MOST_STEPS = 12;
/** Workgroup memory of a wave, in bytes: more leaves too few waves on a core. */
const WAVE_BYTES = 8192;
/** Instructions of a turn that neither load nor multiply, and those of a barrier where a workgroup has several waves. */
const TURN = 16;
const BARRIERS = 12;
/** Number of tiles worth measuring. */
const CANDIDATES = 3;

/** A way to compute with its cost, in instructions of one invocation that the whole device would take. */
export interface Costed {
  readonly cost: number;
  readonly tile: Constants;
}

/** The cheapest ways, the best first. */
export function cheapest(ways: readonly Costed[], count = CANDIDATES): Constants[] {
  return [...ways]
    .sort((a, b) => a.cost - b.cost)
    .slice(0, count)
    .map(({ tile }) => tile);
}

/** The time that `total` instructions of waves take on a device that such a number of waves does not fill. */
export function timeOf(total: number, waves: number): number {
  return total / Math.min(1, waves / WANTED_WAVES);
}

function turnCost(invocations: number): number {
  return invocations > WAVE ? TURN + BARRIERS : TURN;
}

/** Whether a device can compute such a tile, with enough waves on a core. */
export function isPossible(tile: Constants, { workgroupBytes, workgroupInvocations }: DeviceTraits): boolean {
  const { TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES, DEPTH } = tile;
  const invocations = GROUP_X * GROUP_Y * SLICES;
  // Vectors that slices add up in a round.
  const round = SLICES >= 4 ? 4 : SLICES >= 2 ? 2 : 0;
  const bytes = Math.max(DEPTH * (TILE_M * GROUP_Y + TILE_N * GROUP_X) * 4, round * invocations * 16);
  return (
    invocations <= workgroupInvocations &&
    bytes <= Math.min(workgroupBytes, WAVE_BYTES * Math.ceil(invocations / WAVE))
  );
}

/** Sums of a convolution with an image as result: channels × pixels, each over channels × taps. */
export interface ImageProduct extends ProductSize {
  readonly taps: number;
  /** Number of products of a sum. */
  readonly k: number;
  /** Whether weights of successive products lie side by side, beyond the taps of a channel as well. */
  readonly inOrder: boolean;
}

/** Tiles for a convolution with an image as result, a good guess first; all give equal results to the bit. */
export function imageTiles(product: ImageProduct, traits: DeviceTraits): Constants[] {
  const ways = BLOCKS.flatMap(([TILE_M, TILE_N]) =>
    [1, 2, 4, 8].flatMap((GROUP_Y) =>
      [WAVE, 2 * WAVE].map((invocations) => {
        const block = { TILE_M, TILE_N, GROUP_X: invocations / GROUP_Y, GROUP_Y, SLICES: 1 };
        // An invocation brings in whole pixels.
        return TILE_N % GROUP_Y === 0 ? cheapestTurn(product, block, traits) : undefined;
      }),
    ),
  );
  return cheapest(ways.filter((way) => way !== undefined));
}

/** The cheapest number of steps of a turn. */
function cheapestTurn(product: ImageProduct, block: Constants, traits: DeviceTraits): Costed | undefined {
  const ways = Array.from({ length: Math.min(product.k, MOST_STEPS) }, (_, i) =>
    costOf(product, block, i + 1),
  ).filter(({ tile }) => isPossible(tile, traits));
  return ways.reduce<Costed | undefined>(
    (best, way) => (best && best.cost <= way.cost ? best : way),
    undefined,
  );
}

function costOf(
  { copies, rows, columns, taps, k, inOrder }: ImageProduct,
  block: Constants,
  DEPTH: number,
): Costed {
  const { TILE_M, TILE_N, GROUP_X, GROUP_Y } = block;
  const invocations = GROUP_X * GROUP_Y;
  const isAligned = DEPTH % taps === 0 || taps % DEPTH === 0;
  const { RUN, loads } = runOf(
    TILE_M * GROUP_Y,
    DEPTH,
    invocations,
    (run) => inOrder || (isAligned ? taps % run === 0 : run === 1),
  );
  const groups = copies * Math.ceil(rows / (TILE_M * GROUP_Y)) * Math.ceil(columns / (TILE_N * GROUP_X));
  const multiplied = DEPTH * (TILE_M * TILE_N + (TILE_M + TILE_N) / 4);
  const loaded = ((DEPTH * TILE_N) / GROUP_Y) * (isAligned ? 1 : 2) + loads * (inOrder || isAligned ? 1 : 8);
  const waves = groups * (invocations / WAVE);
  return {
    cost: timeOf(waves * Math.ceil(k / DEPTH) * (multiplied + loaded + turnCost(invocations)), waves),
    tile: { ...block, DEPTH, RUN },
  };
}

/**
 * Neighbours that an invocation brings in of each of its rows, where rows are shared by DEPTH / RUN invocations and a
 * multiple of four rows is brought in at once; with the number of elements that each brings in.
 */
export function runOf(rows: number, depth: number, invocations: number, isAllowed: (run: number) => boolean) {
  let best = { RUN: 0, loads: Number.POSITIVE_INFINITY };
  for (let run = 1; run <= depth; run++) {
    const atOnce = rowsAtOnce(depth, run, invocations);
    if (depth % run !== 0 || atOnce === 0 || !isAllowed(run)) continue;
    const loads = Math.ceil(rows / atOnce) * run;
    if (loads < best.loads) best = { RUN: run, loads };
  }
  return best;
}

export function rowsAtOnce(depth: number, run: number, invocations: number): number {
  return Math.floor(Math.floor(invocations / (depth / run)) / 4) * 4;
}

/** Sums of a convolution's weight gradient: filters × taps of channels, over the pixels of lines. */
export interface WeightProduct extends ProductSize {
  /** Number of lines of an image that a workgroup adds up, and their pixels. */
  readonly lines: number;
  readonly width: number;
  /** Whether taps can fall into the padding. */
  readonly isPadded: boolean;
}

/** Most slices of a tile, and most waves of a workgroup. */
const MOST_SLICES = 16;
const MOST_WAVES = 4;
/** Most rows (columns) of a tile. */
const LONGEST_SIDE = 128;
/** Most products of an invocation in a turn. */
const MOST_PRODUCTS = 1024;

/**
 * Tiles for a weight's gradient, a good guess first. Results are equal to the bit: a tile that is shared by slices, which
 * add up in another order, is the only one.
 */
export function weightTiles(product: WeightProduct, traits: DeviceTraits): Constants[] {
  const ways = BLOCKS.flatMap(([TILE_M, TILE_N]) =>
    groupsOf(product.rows, TILE_M).flatMap((GROUP_Y) =>
      groupsOf(product.columns, TILE_N).flatMap((GROUP_X) =>
        slicesOf(GROUP_X * GROUP_Y).map((SLICES) => ({ TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES })),
      ),
    ),
  )
    .flatMap((block) => turnsOf(product.width, block.SLICES).map((turn) => ({ ...block, ...turn })))
    .filter((tile) => isPossible(tile, traits))
    .map((tile) => weightCost(product, tile));
  const tiles = cheapest(ways);
  return tiles[0]?.SLICES === 1 ? tiles.filter(({ SLICES }) => SLICES === 1) : tiles.slice(0, 1);
}

/** Numbers of invocations side by side: powers of two, and for short sides those whose tiles divide it evenly. */
function groupsOf(size: number, tile: number): number[] {
  const blocks = Math.ceil(size / tile);
  const found = new Set([1, 2, 4, 8, 16]);
  for (let tiles = Math.ceil(size / LONGEST_SIDE); tiles * LONGEST_SIDE <= 4 * LONGEST_SIDE; tiles++)
    found.add(Math.ceil(blocks / tiles));
  return [...found];
}

/** Numbers of slices with which at least nine of ten lanes of a workgroup's waves are at work. */
function slicesOf(places: number): number[] {
  const found: number[] = [];
  for (let slices = 1; slices <= MOST_SLICES && slices * places <= MOST_WAVES * WAVE; slices++) {
    const lanes = Math.ceil((slices * places) / WAVE) * WAVE;
    if (slices * places >= 0.9 * lanes) found.push(slices);
  }
  return found;
}

/** Pixels of a turn, a multiple of the slices: a part of a line, or several short lines. */
function turnsOf(width: number, slices: number): { readonly CHUNK: number; readonly DEPTH: number }[] {
  const chunks = new Set<number>();
  for (let parts = Math.ceil(width / 24); parts <= Math.ceil(width / 6); parts++)
    chunks.add(Math.ceil(width / parts / slices) * slices);
  const turns = [...chunks].map((CHUNK) => ({ CHUNK, DEPTH: CHUNK }));
  for (let lines = 2; lines * width <= 16; lines++)
    if ((lines * width) % slices === 0) turns.push({ CHUNK: width, DEPTH: lines * width });
  return turns;
}

function weightCost(
  { copies, rows, columns, lines, width, isPadded }: WeightProduct,
  tile: Constants,
): Costed {
  const { TILE_M, TILE_N, GROUP_X, GROUP_Y, SLICES, DEPTH, CHUNK } = tile;
  const invocations = GROUP_X * GROUP_Y * SLICES;
  const isExact = DEPTH === CHUNK && width % CHUNK === 0;
  const each = (isExact ? 1 : 2) + (isPadded ? 2 : 0);
  const { RUN, loading } = vectorsOf(TILE_M * GROUP_Y, TILE_N * GROUP_X, tile, invocations, each);
  const several = DEPTH / CHUNK;
  const steps = DEPTH / SLICES;
  const multiplied = steps * (TILE_M * TILE_N + (TILE_M + TILE_N) / 4);
  const turn = multiplied + loading + turnCost(invocations) + (several > 1 ? 20 : 0);
  const turns = Math.ceil(lines / several) * Math.ceil(width / CHUNK);
  const joined = SLICES === 1 ? 0 : TILE_M * TILE_N * 1.5 + 40;
  const groups = copies * Math.ceil(rows / (TILE_M * GROUP_Y)) * Math.ceil(columns / (TILE_N * GROUP_X));
  const waves = groups * Math.ceil(invocations / WAVE);
  const tooLong = TILE_M * TILE_N * steps > MOST_PRODUCTS ? 2 : 1;
  return {
    cost: timeOf(waves * (turns * turn + joined + 2 * TILE_M * TILE_N) * tooLong, waves),
    tile: { ...tile, RUN },
  };
}

/**
 * Neighbours in a chunk that an invocation brings in, of four rows of either tile at a time, with the instructions for it:
 * `each` of an element, and four for the places of four rows.
 */
function vectorsOf(
  rows: number,
  columns: number,
  { DEPTH, CHUNK }: Constants,
  invocations: number,
  each: number,
) {
  let best = { RUN: 0, loading: Number.POSITIVE_INFINITY };
  for (let run = 1; run <= CHUNK; run++) {
    const atOnce = Math.floor(invocations / (DEPTH / run));
    if (CHUNK % run !== 0 || atOnce === 0) continue;
    const times = Math.ceil(rows / 4 / atOnce) + Math.ceil(columns / 4 / atOnce);
    const loading = times * 4 * (1 + run * each);
    if (loading < best.loading) best = { RUN: run, loading };
  }
  return best;
}
