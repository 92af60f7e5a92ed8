/**
 * Products of the wasm engine, to the bit: without relaxed SIMD each element is the sum of its rounded products in the
 * order of K, whatever the shape, the layout and the tile; with it, the same for all tiles.
 */
import { afterAll, describe, expect, it } from "vitest";
import { type MatmulShape, matmulConstants } from "../../src/kernels/matmul.ts";
import type { Hook } from "../../src/program.ts";
import type { WasmEngine } from "../../src/wasm/engine.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { type KernelRun, loadFrom, runKernel, storeTo, unused } from "../helpers/kernel-run.ts";
import { uniform } from "../helpers/samples.ts";

const engines = {
  plain: openWasm(1, { relaxed: false, tileRows: 4 }),
  plain6: openWasm(1, { relaxed: false, tileRows: 6 }),
  relaxed: openWasm(1, { tileRows: 4 }),
  relaxed6: openWasm(1, { tileRows: 6 }),
};
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.destroy();
});

const LAYOUTS = ["NN", "NT", "TN"] as const;
type Layout = (typeof LAYOUTS)[number];

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: Layout;
  readonly batch?: number;
  readonly batched?: "both" | "a" | "b";
  readonly a: Float32Array;
  readonly b: Float32Array;
}

function product(
  layout: Layout,
  [m, n, k]: readonly number[],
  { batch = 1, batched }: Pick<Product, "batch" | "batched"> = {},
): Product {
  const own = (name: "a" | "b") => (batched === "both" || batched === name ? batch : 1);
  const values = (length: number) => uniform([length]).data;
  return { m, n, k, layout, batch, batched, a: values(own("a") * m * k), b: values(own("b") * k * n) };
}

function constantsOf({ m, n, k, layout, batch = 1, batched }: Product, rows?: "a" | "b", sums = false) {
  const shape: MatmulShape = {
    batch,
    m,
    n,
    k,
    transposeA: layout[0] === "T",
    transposeB: layout[1] === "T",
    batchedA: batched === "both" || batched === "a",
    batchedB: batched === "both" || batched === "b",
    rows,
  };
  return matmulConstants(shape, sums);
}

function runOf(one: Product, store: Hook = storeTo("result0")): KernelRun {
  const { m, n, batch = 1, a, b } = one;
  return {
    kernel: "matmul",
    constants: constantsOf(one),
    hooks: { store, storeSum: unused },
    reads: { a, b },
    results: { result0: { length: batch * m * n } },
  };
}

/** The product as it is defined: rounded to 32 bits after each multiplication and each addition. */
function rounded({ m, n, k, layout, batch = 1, batched, a, b }: Product): Float32Array {
  const c = new Float32Array(batch * m * n);
  for (let copy = 0; copy < batch; copy++) {
    const startA = batched === "both" || batched === "a" ? copy * m * k : 0;
    const startB = batched === "both" || batched === "b" ? copy * k * n : 0;
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let step = 0; step < k; step++) {
          const x = a[startA + (layout[0] === "T" ? step * m + row : row * k + step)];
          const y = b[startB + (layout[1] === "T" ? column * k + step : step * n + column)];
          sum = Math.fround(sum + Math.fround(x * y));
        }
        c[(copy * m + row) * n + column] = sum;
      }
    }
  }
  return c;
}

async function result(engine: WasmEngine, run: KernelRun): Promise<Float32Array> {
  const { result0 } = await runKernel(engine, run);
  return result0.slice(0, run.results?.result0.length) as Float32Array;
}

/** All engines' results are what the definition gives, or with relaxed SIMD near it, and equal for all tiles. */
async function check(one: Product): Promise<void> {
  const run = runOf(one);
  const want = rounded(one);
  expect(await result(engines.plain, run)).toEqual(want);
  expect(await result(engines.plain6, run)).toEqual(want);
  const fused = await result(engines.relaxed, run);
  expect(await result(engines.relaxed6, run)).toEqual(fused);
  const tolerance = 1e-6 * Math.sqrt(one.k);
  fused.forEach((value, i) => {
    expect(Math.abs(value - want[i])).toBeLessThanOrEqual(tolerance);
  });
}

/** Around the rows and columns of tiles. */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17];
const DEPTHS = [1, 2, 3, 4, 5, 7, 16, 17, 31];

describe.each(LAYOUTS)("%s", (layout) => {
  it.each(SIZES)("%i rows by all columns around the tiles", async (m) => {
    for (const [i, n] of SIZES.entries())
      await check(product(layout, [m, n, DEPTHS[(i + m) % DEPTHS.length]]));
  });

  it.each([
    // Past the most rows and columns of a block; packed where operands are read across long distances.
    [65, 67, 9],
    [70, 9, 257],
    [13, 131, 300],
    [33, 35, 260],
    [1, 130, 300],
    [130, 1, 300],
    [130, 3, 5],
    [2, 67, 19],
    // As many rows as a part copies panels for itself, and one more.
    [128, 19, 261],
    [129, 19, 34],
  ])("%i × %i by %i steps", async (...sizes) => {
    await check(product(layout, sizes));
  });

  it.each(["both", "a", "b"] as const)("in batches, %s with matrices of their own", async (batched) => {
    for (const sizes of [
      [5, 9, 7],
      [1, 3, 4],
      [7, 1, 6],
      [35, 33, 258],
    ])
      await check(product(layout, sizes, { batch: 3, batched }));
  });

  it.each([
    [7, 9, 5],
    [9, 3, 6],
    [33, 34, 259],
  ])("NaN and infinities arrive where they belong, and nowhere else: %i × %i by %i", async (m, n, k) => {
    const one = product(layout, [m, n, k]);
    const put = (side: Float32Array, values: readonly number[]) => {
      values.forEach((value, i) => {
        side[Math.floor(((i + 1) * side.length) / (values.length + 2))] = value;
      });
      side[side.length - 1] = Number.NaN;
    };
    put(one.a, [0, Number.POSITIVE_INFINITY]);
    put(one.b, [Number.NEGATIVE_INFINITY, 0]);
    const want = rounded(one);
    const isOrdinary = want.filter(Number.isFinite).length;
    expect(isOrdinary).toBeGreaterThan(0);
    expect(want.some(Number.isNaN)).toBe(true);
    for (const engine of Object.values(engines)) {
      const got = await result(engine, runOf(one));
      expect(got.map(Number)).toHaveLength(m * n);
      want.forEach((value, i) => {
        if (Number.isFinite(value)) expect(got[i]).toBeCloseTo(value, 4);
        else expect(got[i]).toBe(value);
      });
    }
  });

  it("what lies beside the operands does not matter", async () => {
    const one = product(layout, [5, 10, 7]);
    const inNaN = (data: Float32Array) => {
      const all = new Float32Array(256).fill(Number.NaN);
      all.set(data, 64);
      return all;
    };
    const a = inNaN(one.a);
    const b = inNaN(one.b);
    const { reads, results, constants, hooks } = runOf(one);
    const want = rounded(one);
    for (const engine of Object.values(engines)) {
      const buffers = {
        a: engine.buffer("a", "f32", a.length, a),
        b: engine.buffer("b", "f32", b.length, b),
      };
      const executable = await engine.compile(
        {
          name: "beside",
          buffers: [
            { name: "a", kind: "data", dtype: "f32", length: 256 },
            { name: "b", kind: "data", dtype: "f32", length: 256 },
            { name: "c", kind: "output", dtype: "f32", length: 50 },
          ],
          dispatches: [
            {
              label: "product",
              kernel: "matmul",
              constants,
              hooks: { ...hooks },
              bindings: {
                a: { buffer: 0, offset: 64, shape: [reads?.a.length ?? 0] },
                b: { buffer: 1, offset: 64, shape: [reads?.b.length ?? 0] },
                result0: { buffer: 2, offset: 0, shape: [results?.result0.length ?? 0] },
              },
            },
          ],
          scalars: [],
          outputs: { c: { buffer: 2, offset: 0, shape: [50] } },
        },
        { data: buffers },
      );
      const { c } = await executable.run(1);
      want.forEach((value, i) => {
        expect(c[i]).toBeCloseTo(value, 4);
      });
      executable.release();
    }
  });
});

it("reads no row past the last one, where memory may end", async () => {
  const one = product("NN", [7, 4, 20_000]);
  const { reads, ...run } = runOf(one);
  const want = rounded(one);
  for (const tileRows of [4, 6]) {
    const engine = openWasm(1, { relaxed: false, tileRows });
    // Of a whole tile, the rows that are missing would be longer than all that the program takes behind a.
    expect(await result(engine, { ...run, reads: { b: one.b, a: one.a } })).toEqual(want);
    await engine.destroy();
  }
});

/** Adds the product to what lies there: an element that is stored twice would come out wrong. */
const added: Hook = {
  code: [
    { op: "value" },
    { op: "index" },
    { op: "load", binding: "total", at: 1 },
    { op: "call", fn: "add", args: [0, 2] },
  ],
  stores: [{ binding: "total", from: 3 }],
};

describe("store hooks", () => {
  it.each(SIZES.map((m) => [m, 70 - m]))("see every element once: %i × %i", async (m, n) => {
    const one = product("NN", [m, n, 6]);
    const total = uniform([m * n]).data;
    const product0 = rounded(one);
    const want = total.map((value, i) => Math.fround(value + product0[i]));
    const { kernel, constants, reads } = runOf(one);
    const run: KernelRun = {
      kernel,
      constants,
      reads,
      hooks: { store: added, storeSum: unused },
      updates: { total },
    };
    for (const engine of [engines.plain, engines.plain6])
      expect((await runKernel(engine, run)).total).toEqual(want);
  });
});

describe("rows picked from a larger matrix", () => {
  it.each(["a", "b"] as const)("of %s are kept within it", async (rows) => {
    const m = 5;
    const k = 5;
    const one = product("NN", [m, 6, k]);
    const places = [2, -7, 2_000_000_000, 0, 1];
    const columns = rows === "a" ? k : 6;
    const larger = uniform([3 * columns]).data;
    const run: KernelRun = {
      kernel: "matmul",
      constants: constantsOf(one, rows),
      hooks: {
        ...(rows === "a"
          ? { loadA: loadFrom("operand0"), rowOfA: loadFrom("operand1") }
          : { loadB: loadFrom("operand0"), rowOfB: loadFrom("operand1") }),
        store: storeTo("result0"),
        storeSum: unused,
      },
      reads: {
        ...(rows === "a" ? { b: one.b } : { a: one.a }),
        operand0: larger,
        operand1: Int32Array.from(places),
      },
      results: { result0: { length: m * 6 } },
    };
    const got = await result(engines.plain, run);
    const picked = new Float32Array(one[rows].length);
    places.forEach((place, row) => {
      const at = Math.min(Math.max(place, 0), 2) * columns;
      picked.set(larger.subarray(at, at + columns), row * columns);
    });
    const want = rounded({ ...one, [rows]: picked });
    // The row past the end is of no meaning, but a row of numbers in memory.
    want.forEach((value, i) => {
      const isAsked = rows === "b" || Math.floor(i / 6) !== 2;
      if (rows === "a" && isAsked) expect(got[i]).toBe(value);
      expect(Number.isFinite(got[i])).toBe(true);
    });
  });
});

describe("sums of A's rows", () => {
  it.each(LAYOUTS)("%s: of any size, in batches", async (layout) => {
    for (const [m, k, batch] of [
      [1, 1, 1],
      [3, 5, 1],
      [17, 37, 2],
      [35, 16, 1],
      [9, 131, 3],
    ]) {
      const one = product(layout, [m, 2, k], { batch, batched: "both" });
      const run: KernelRun = {
        kernel: "matmul",
        constants: constantsOf(one, undefined, true),
        hooks: { store: unused, storeSum: storeTo("result0") },
        reads: { a: one.a, b: one.b },
        results: { result0: { length: batch * m } },
      };
      const got = await result(engines.relaxed, run);
      for (let row = 0; row < batch * m; row++) {
        let sum = 0;
        const start = Math.floor(row / m) * m * k;
        for (let step = 0; step < k; step++)
          sum += one.a[start + (layout[0] === "T" ? step * m + (row % m) : (row % m) * k + step)];
        expect(Math.abs(got[row] - sum)).toBeLessThan(1e-6 * Math.sqrt(k) + 1e-7);
      }
    }
  });
});
