/** matmul: A and B as they are or transposed in memory, sums of A's rows, batches, sizes around the tiles. */
import { type MatmulShape, matmulConstants } from "../../../src/kernels/matmul.ts";
import { storeTo, unused } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

type Layout = "NN" | "NT" | "TN";

interface MatmulOptions {
  readonly sums?: boolean;
  readonly batch?: number;
  /** Which operands have a matrix of their own for each of the batch. */
  readonly batched?: "both" | "a" | "b";
}

function matmulCase(
  [m, n, k]: readonly [number, number, number],
  layout: Layout,
  options: MatmulOptions = {},
): KernelCase {
  const { sums = false, batch = 1, batched } = options;
  const shape: MatmulShape = {
    batch,
    m,
    n,
    k,
    transposeA: layout[0] === "T",
    transposeB: layout[1] === "T",
    batchedA: batched === "both" || batched === "a",
    batchedB: batched === "both" || batched === "b",
  };
  const a = m * k * (shape.batchedA ? batch : 1);
  const b = n * k * (shape.batchedB ? batch : 1);
  return {
    name: `${layout} ${m} × ${k} · ${k} × ${n}${sums ? " with sums" : ""}${batched ? `, ${batch} of ${batched}` : ""}`,
    run: {
      kernel: "matmul",
      constants: matmulConstants(shape, sums),
      hooks: { store: storeTo("result0"), storeSum: sums ? storeTo("result1") : unused },
      reads: { a: uniform([a]).data, b: uniform([b]).data },
      results: {
        result0: { length: batch * m * n },
        ...(sums ? { result1: { length: batch * m } } : {}),
      },
    },
    // Sums over k of products below 1 in f32: partial sums grow like √k, and so do their errors.
    tolerance: { ...TIGHT, atol: 1e-6 * Math.sqrt(k) },
  };
}

/** Enough for the largest tile, and one past it in both directions. */
const large = [129, 129, 17] as const;

export const matmulCases: KernelCase[] = [
  matmulCase([1, 1, 1], "NN", { sums: true }),
  matmulCase([3, 17, 65], "NN"),
  matmulCase([3, 17, 65], "NT", { sums: true }),
  matmulCase([17, 3, 65], "TN", { sums: true }),
  matmulCase([65, 65, 17], "NN", { sums: true }),
  matmulCase([65, 65, 17], "NT"),
  matmulCase([65, 65, 17], "TN"),
  matmulCase(large, "NN"),
  matmulCase(large, "NT", { sums: true }),
  matmulCase(large, "TN"),
  matmulCase(large, "TN", { sums: true }),
  matmulCase([33, 33, 5], "NN"),
  // A long sum, and a matrix of one row.
  matmulCase([33, 9, 1000], "NT"),
  matmulCase([1, 300, 5], "TN"),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "both", sums: true }),
  matmulCase([5, 7, 3], "NT", { batch: 3, batched: "both" }),
  matmulCase([5, 7, 3], "TN", { batch: 3, batched: "both", sums: true }),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "a" }),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "b" }),
  matmulCase([33, 33, 3], "NN", { batch: 20, batched: "both" }),
];
