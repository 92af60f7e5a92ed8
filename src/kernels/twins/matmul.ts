import type { Load } from "../hooks.ts";
import type { Constants } from "../kernel.ts";
import { loaded, pauses, type TwinCall } from "./twin.ts";

/** c[M, N] = A · B in batches. */
export function* matmul({ constants, memory, load, store }: TwinCall) {
  const { BATCH, M, N, K, BATCH_A, BATCH_B, SUMS, ROWS_A, ROWS_B } = constants;
  const a = ROWS_A ? yield* pickedRows(M, K, load.rowOfA, load.loadA) : memory.a;
  const b = ROWS_B ? yield* pickedRows(K, N, load.rowOfB, load.loadB) : memory.b;
  const { rowA, stepA, columnB, stepB } = strides(constants);
  const row = new Float64Array(N);
  const pause = pauses();
  for (let batch = 0; batch < BATCH; batch++) {
    for (let m = 0; m < M; m++) {
      if (pause(N * K)) yield;
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
      store.store((batch * M + m) * N, row);
      if (SUMS) {
        let total = 0;
        for (let k = 0; k < K; k++) total += a[startA + k * stepA];
        store.storeSum(batch * M + m, Float64Array.of(total));
      }
    }
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

/** The rows that a product reads from a larger matrix, as a matrix of their own. */
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
