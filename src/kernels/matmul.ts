import shader from "../../shaders/matmul.wgsl?raw";
import { type Constants, type Kernel, registerTile } from "./kernel.ts";

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
}

/** Constants for c[m, n] = A · B; `sums` also asks for the sums over k of A's rows. */
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
    BATCH_A: shape.batchedA ? m * k : 0,
    BATCH_B: shape.batchedB ? n * k : 0,
    ...registerTile(m, n, batch),
    GROUP_X: 8,
    GROUP_Y: 1,
  };
}

function strides({ M, N, K, TRANSPOSE_A, TRANSPOSE_B }: Constants) {
  return {
    rowA: TRANSPOSE_A ? 1 : K,
    stepA: TRANSPOSE_A ? M : 1,
    columnB: TRANSPOSE_B ? K : 1,
    stepB: TRANSPOSE_B ? 1 : N,
  };
}

/** c[M, N] = A · B in batches, either operand transposed in memory or not. */
export const matmul: Kernel = {
  name: "matmul",
  shader,
  entryPoint: "matmul",
  bindings: { a: { binding: 0, access: "read" }, b: { binding: 1, access: "read" } },
  constants: {
    BATCH: "u32",
    M: "u32",
    N: "u32",
    K: "u32",
    TRANSPOSE_A: "u32",
    TRANSPOSE_B: "u32",
    SUMS: "u32",
    BATCH_A: "u32",
    BATCH_B: "u32",
    TILE_M: "u32",
    TILE_N: "u32",
    GROUP_X: "u32",
    GROUP_Y: "u32",
  },
  hooks: { store: "store", storeSum: "store" },
  grid: ({ BATCH, M, N, TILE_M, TILE_N, GROUP_X, GROUP_Y }) => [
    Math.ceil(N / (TILE_N * GROUP_X)),
    Math.ceil(M / (TILE_M * GROUP_Y)),
    BATCH,
  ],
  flops: ({ BATCH, M, N, K }) => 2 * BATCH * M * N * K,
  twin({ constants, memory, store }) {
    const { BATCH, M, N, K, BATCH_A, BATCH_B, SUMS } = constants;
    const { a, b } = memory;
    const { rowA, stepA, columnB, stepB } = strides(constants);
    const row = new Float64Array(N);
    for (let batch = 0; batch < BATCH; batch++) {
      for (let m = 0; m < M; m++) {
        row.fill(0);
        const startA = batch * BATCH_A + m * rowA;
        const startB = batch * BATCH_B;
        if (stepB === 1) {
          // B's columns lie contiguous: dot products.
          for (let n = 0; n < N; n++) {
            let sum = 0;
            for (let k = 0, i = startA, j = startB + n * columnB; k < K; k++, i += stepA, j++)
              sum += a[i] * b[j];
            row[n] = sum;
          }
        } else {
          // B's rows lie contiguous: add up multiples of them.
          for (let k = 0; k < K; k++) {
            const value = a[startA + k * stepA];
            for (let n = 0, j = startB + k * stepB; n < N; n++, j += columnB) row[n] += value * b[j];
          }
        }
        for (let n = 0; n < N; n++) store.store((batch * M + m) * N + n, row[n]);
        if (SUMS) {
          let total = 0;
          for (let k = 0; k < K; k++) total += a[startA + k * stepA];
          store.storeSum(batch * M + m, total);
        }
      }
    }
  },
};
