/** The choice of tiles for products on wide devices: of sizes alone. */
import { describe, expect, it } from "vitest";
import { type SummedProduct, type Tile, tileBytes, tilesFor } from "../../src/kernels/tiles.ts";

const traits = { workgroupBytes: 16384, workgroupInvocations: 256 };
const product = (rows: number, columns: number, depth: number, copies = 1): SummedProduct => ({
  copies,
  rows,
  columns,
  depth,
});

const invocationsOf = ({ GROUP_X, GROUP_Y, SLICES }: Tile) => GROUP_X * GROUP_Y * SLICES;

/** Workgroups, and the part of what they compute that is asked for. */
function groupsOf({ TILE_M, TILE_N, GROUP_X, GROUP_Y }: Tile, { copies, rows, columns }: SummedProduct) {
  const [m, n] = [TILE_M * GROUP_Y, TILE_N * GROUP_X];
  const count = copies * Math.ceil(rows / m) * Math.ceil(columns / n);
  return { count, useful: (copies * rows * columns) / (count * m * n) };
}

describe("tiles", () => {
  it("suit any size: whole waves, memory that devices have, steps for all slices", () => {
    for (const rows of [1, 3, 10, 19, 33, 129, 1000]) {
      for (const columns of [1, 10, 24, 65, 784]) {
        for (const depth of [1, 10, 19, 64, 1000]) {
          for (const copies of [1, 64]) {
            const size = product(rows, columns, depth, copies);
            const tiles = tilesFor(size, traits);
            expect(tiles.length).toBeGreaterThan(0);
            for (const tile of tiles) {
              expect(invocationsOf(tile)).toBe(copies === 64 ? 64 : 128);
              expect(tileBytes(tile)).toBeLessThanOrEqual(traits.workgroupBytes);
              expect(tile.DEPTH % (4 * tile.SLICES)).toBe(0);
              expect(tile.TILE_M * tile.TILE_N).toBeLessThanOrEqual(64);
            }
          }
        }
      }
    }
  });

  it("fill a large device: with slices where elements are few and sums long, without where elements are many", () => {
    const layer = product(128, 256, 784);
    const [first] = tilesFor(layer, traits);
    expect(groupsOf(first, layer).count).toBeGreaterThanOrEqual(64);
    expect(first.SLICES).toBeGreaterThan(1);
    const square = product(1024, 1024, 1024);
    const [large] = tilesFor(square, traits);
    expect(large).toMatchObject({ TILE_M: 8, TILE_N: 8, SLICES: 1 });
    expect(groupsOf(large, square).count).toBeGreaterThanOrEqual(64);
  });

  it("leave out little of narrow products", () => {
    for (const [narrow, least] of [
      [12, 0.99],
      [16, 0.99],
      [19, 0.75],
      [24, 0.99],
      [48, 0.99],
    ]) {
      for (const size of [product(1024, narrow, 64), product(narrow, 1024, 64)]) {
        expect(groupsOf(tilesFor(size, traits)[0], size).useful).toBeGreaterThan(least);
      }
    }
  });

  it("are none where a device has too few invocations or too little memory", () => {
    const size = product(64, 64, 64);
    expect(tilesFor(size, { ...traits, workgroupInvocations: 64 })).toEqual([]);
    expect(tilesFor(size, { ...traits, workgroupBytes: 1024 })).toEqual([]);
    for (const tile of tilesFor(size, { ...traits, workgroupBytes: 8192 })) {
      expect(tileBytes(tile)).toBeLessThanOrEqual(8192);
    }
  });
});
