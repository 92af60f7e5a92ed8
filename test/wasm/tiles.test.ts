/** The tile of a product: by the number of rows, by what multiply-adds there are, and by timing where that pays. */
import { describe, expect, it } from "vitest";
import { probeFeatures } from "../../src/wasm/features.ts";
import { measureTiles, tileFor } from "../../src/wasm/kernels/tiles.ts";

/** With relaxed SIMD, which Node 20 has once it was asked for. */
const features = probeFeatures();
const LARGE = 10_000_000;

describe("tileFor", () => {
  it("gives few rows the more columns, and no row that is not there", () => {
    expect([1, 2, 3, 4].map((rows) => tileFor(features, rows, LARGE))).toEqual([
      { rows: 1, vectors: 4 },
      { rows: 2, vectors: 4 },
      { rows: 3, vectors: 2 },
      { rows: 4, vectors: 2 },
    ]);
    expect(tileFor(features, 5, LARGE).rows).toBe(4);
  });

  it("takes four rows where products are rounded first, or too small to be timed", () => {
    expect(tileFor({ relaxed: false }, 600, LARGE).rows).toBe(4);
    expect(tileFor(features, 600, 1000).rows).toBe(4);
  });

  it("takes the tile that was asked for, where it fits", () => {
    expect(tileFor({ relaxed: false, tileRows: 6 }, 600, 1).rows).toBe(6);
    expect(tileFor({ ...features, tileRows: 6 }, 5, LARGE).rows).toBe(4);
  });

  it("keeps to what was measured, but for rows that another tile fits better", () => {
    const tall = tileFor(features, 6000, LARGE);
    expect([4, 6]).toContain(tall.rows);
    expect(tileFor(features, 6000, LARGE)).toBe(tall);
    // Eight rows are two tiles of four, and two thirds of two tiles of six.
    expect(tileFor(features, 8, LARGE).rows).toBe(4);
  });
});

describe("measureTiles", () => {
  it("ends, on a busy machine as well, and gives speeds relative to the first tile", () => {
    const [first, ...others] = measureTiles(features);
    expect(first).toBe(1);
    for (const speed of others) {
      // 0 where the host did not tell.
      expect(speed).toBeGreaterThanOrEqual(0);
      expect(speed).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });
});
