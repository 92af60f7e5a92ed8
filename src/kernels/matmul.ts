import shader from "../../shaders/matmul.wgsl?raw";
import tiledShader from "../../shaders/matmulTiled.wgsl?raw";
import tileShader from "../../shaders/tile.wgsl?raw";
import totalsShader from "../../shaders/tileTotals.wgsl?raw";
import type { Elements } from "../dtypes.ts";
import { blockConstants, blocksFor, plainBlock, tileConstants, tileInvocations } from "./blocks.ts";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, type Variant, type VectorAccess } from "./kernel.ts";
import { isLarge, tileBytes, tilesFor } from "./tiles.ts";
import { inRows, type Load, loaded, pauses, RUN, type TwinCall } from "./twin.ts";
import { isLongHook } from "./vectors.ts";

export interface MatmulShape {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Whether every matrix of the batch has its own A (B), or all share one. */
  readonly batchedA: boolean;
  readonly batchedB: boolean;
  /** The operand, not transposed, whose rows are picked from a larger matrix. */
  readonly rows?: "a" | "b";
}

/** Constants for c[m, n] = A · B; `sums` also requests the sums of A's rows over k. */
export function matmulConstants(shape: MatmulShape, sums = false) {
  const { batch, m, n, k } = shape;
  return {
    BATCH: batch,
    M: m,
    N: n,
    K: k,
    TRANSPOSE_A: shape.transposeA ? 1 : 0,
    TRANSPOSE_B: shape.transposeB ? 1 : 0,
    SUMS: sums ? 1 : 0,
    ROWS_A: shape.rows === "a" ? 1 : 0,
    ROWS_B: shape.rows === "b" ? 1 : 0,
    BATCH_A: shape.batchedA ? m * k : 0,
    BATCH_B: shape.batchedB ? n * k : 0,
    VECTOR_B: 0,
    ...plainBlock({ copies: batch, rows: m, columns: n }),
  };
}

const constants = {
  BATCH: "u32",
  M: "u32",
  N: "u32",
  K: "u32",
  TRANSPOSE_A: "u32",
  TRANSPOSE_B: "u32",
  SUMS: "u32",
  ROWS_A: "u32",
  ROWS_B: "u32",
  BATCH_A: "u32",
  BATCH_B: "u32",
  TILE_M: "u32",
  GROUP_X: "u32",
  GROUP_Y: "u32",
} as const;

/** Sizes that shape no block; their flags are constants, so that the strides of an operand are. */
const NUMBERS = ["M", "N", "BATCH_A", "BATCH_B"] as const;

/** From so many elements on, stores and the end of the loop take a part of the time that counts: as in matmul.wgsl. */
const LARGE = 65_536;

/**
 * K is a constant in gradients of weights and in large products, which take most of a step: where compilers cannot prove
 * that the loop ends, they count its turns as well, which costs lavapipe up to a tenth of a product.
 */
function numbers({ M, N, TRANSPOSE_A }: Constants, traits: DeviceTraits): readonly string[] {
  if (!isNarrow(traits)) return [];
  return TRANSPOSE_A === 1 || M * N >= LARGE ? NUMBERS : [...NUMBERS, "K"];
}

const declaration = {
  bindings: { a: { binding: 0, access: "read" }, b: { binding: 1, access: "read" } },
  hooks: {
    loadA: "load",
    loadB: "load",
    rowOfA: "load",
    rowOfB: "load",
    store: "store",
    storeSum: "store",
  },
  grid: ({ BATCH, M, N, TILE_M, TILE_N, GROUP_X, GROUP_Y }: Constants) =>
    [Math.ceil(N / (TILE_N * GROUP_X)), Math.ceil(M / (TILE_M * GROUP_Y)), BATCH] as const,
  workgroup: ({ GROUP_X, GROUP_Y }: Constants) => [GROUP_X, GROUP_Y] as const,
  joinable: true,
  flops: ({ BATCH, M, N, K }: Constants) => 2 * BATCH * M * N * K,
  loads: ({ M, N, K }: Constants) => ({ loadA: M * K, loadB: K * N, rowOfA: M, rowOfB: K }),
  twin,
} as const;

const vectorB: VectorAccess = { constant: "VECTOR_B", element: "loadB", vector: "vectorB" };

/** c[M, N] = A · B in batches, either operand transposed in memory or not. */
export const matmul = defineKernel({
  ...declaration,
  name: "matmul",
  shader,
  entryPoint: "matmul",
  constants: { ...constants, ...blockConstants, VECTOR_B: "u32" },
  vectors: { b: vectorB },
  numbers,
  variants: matmulVariants,
});

/** As {@link matmul}, in tiles that a workgroup shares. */
export const matmulTiled = defineKernel({
  ...declaration,
  name: "matmulTiled",
  // Rows of a transposed A are a stride.
  numbers: ({ TRANSPOSE_A }) => (TRANSPOSE_A === 1 ? [] : ["M", "BATCH_A"]),
  shader: tiledShader + totalsShader + tileShader,
  entryPoint: "matmulTiled",
  constants: { ...constants, ...tileConstants, VECTOR_A: "u32", VECTOR_B: "u32" },
  workgroup: tileInvocations,
  workgroupBytes: tileBytes,
  // The code of a large product is long where it has a last turn or a long hook: a launch takes what its parts take.
  standsAlone: ({ constants: c, hooks }) =>
    isLarge({ copies: c.BATCH, rows: c.M, columns: c.N, depth: c.K }, 2) &&
    (c.K % c.DEPTH !== 0 || isLongHook(hooks.store)),
  neighbours: { store: { vector: "storeVector", isLong: "isStoreLong" } },
  vectors: { a: { constant: "VECTOR_A", element: "loadA", vector: "vectorA" }, b: vectorB },
});

/** Slower variants worth trying. */
const OTHERS = 2;

/**
 * On narrow devices, and wide ones with one slice, all variants give equal results to the bit, because they add in the
 * order of K. Slices change the order: they are chosen by size, and measurement does not decide about them.
 */
function matmulVariants(c: Constants, traits: DeviceTraits): Variant[] {
  const { BATCH, M, N, K, TRANSPOSE_A, TRANSPOSE_B } = c;
  const tiles = isNarrow(traits) ? [] : tilesFor({ copies: BATCH, rows: M, columns: N, depth: K }, traits);
  if (tiles.length === 0) {
    const size = { copies: BATCH, rows: M, columns: N };
    return blocksFor(size, traits, !TRANSPOSE_B && N % 4 === 0).map((block) => ({
      kernel: "matmul",
      constants: { ...c, ...block },
    }));
  }
  const [best, ...others] = tiles;
  const equal = best.SLICES === 1 ? others.filter(({ SLICES }) => SLICES === 1) : [];
  return [best, ...equal.slice(0, OTHERS)].map((tile) => ({
    kernel: "matmulTiled",
    constants: {
      ...c,
      ...tile,
      VECTOR_A: (TRANSPOSE_A ? M : K) % 4 === 0 ? 1 : 0,
      VECTOR_B: (TRANSPOSE_B ? K : N) % 4 === 0 ? 1 : 0,
    },
  }));
}

/** For both kernels: blocks, tiles and slices concern devices only. */
function* twin({ constants, memory, load, store }: TwinCall) {
  const { BATCH, M, N, K, BATCH_A, BATCH_B, SUMS, ROWS_A, ROWS_B } = constants;
  const a = ROWS_A ? yield* pickedRows(M, K, load.rowOfA, load.loadA) : memory.a;
  const b = ROWS_B ? yield* pickedRows(K, N, load.rowOfB, load.loadB) : memory.b;
  const { rowA, stepA, columnB, stepB } = strides(constants);
  const allTotals = new Float64Array(SUMS ? Math.min(RUN, BATCH * M) : 0);
  const multiply = (first: number, count: number, rows: Float64Array) => {
    const totals = allTotals.subarray(0, count);
    rows.fill(0);
    totals.fill(0);
    for (let i = 0; i < count; i++) {
      const batch = Math.floor((first + i) / M);
      const startA = batch * BATCH_A + ((first + i) % M) * rowA;
      const startB = batch * BATCH_B;
      const row = rows.subarray(i * N, (i + 1) * N);
      // Dot products where B's columns are contiguous, multiples of rows where its rows are.
      if (stepB === 1) dots(row, K, a, startA, stepA, b, startB, columnB);
      else addRows(row, K, a, startA, stepA, b, startB, stepB, columnB);
      if (SUMS) for (let k = 0; k < K; k++) totals[i] += a[startA + k * stepA];
    }
    store.store(first * N, rows);
    if (SUMS) store.storeSum(first, totals);
  };
  yield* inRows(BATCH * M, N, multiply, K);
}

function dots(
  row: Float64Array,
  count: number,
  a: Elements,
  startA: number,
  stepA: number,
  b: Elements,
  startB: number,
  columnB: number,
): void {
  // Two at once: additions do not wait for each other. An odd last one is computed twice.
  for (let n = 0; n < row.length; n += 2) {
    const other = Math.min(n + 1, row.length - 1);
    const further = (other - n) * columnB;
    let sum = 0;
    let next = 0;
    for (let k = 0, i = startA, j = startB + n * columnB; k < count; k++, i += stepA, j++) {
      const value = a[i];
      sum += value * b[j];
      next += value * b[j + further];
    }
    row[n] = sum;
    row[other] = next;
  }
}

function addRows(
  row: Float64Array,
  count: number,
  a: Elements,
  startA: number,
  stepA: number,
  b: Elements,
  startB: number,
  stepB: number,
  columnB: number,
): void {
  for (let k = 0; k < count; k++) {
    const value = a[startA + k * stepA];
    for (let n = 0, j = startB + k * stepB; n < row.length; n++, j += columnB) row[n] += value * b[j];
  }
}

function strides({ M, N, K, TRANSPOSE_A, TRANSPOSE_B }: Constants) {
  return {
    rowA: TRANSPOSE_A ? 1 : K,
    stepA: TRANSPOSE_A ? M : 1,
    columnB: TRANSPOSE_B ? K : 1,
    stepB: TRANSPOSE_B ? 1 : N,
  };
}

/** The rows that a product reads from a larger matrix, as their own matrix. */
function* pickedRows(rows: number, columns: number, rowOf: Load, element: Load) {
  const places = yield* loaded(rowOf, rows);
  const picked = new Float32Array(rows * columns);
  const pause = pauses();
  for (let row = 0; row < rows; row++) {
    if (pause(columns)) yield;
    picked.set(element(places[row] * columns, columns), row * columns);
  }
  return picked;
}
