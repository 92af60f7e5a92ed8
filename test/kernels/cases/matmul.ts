/**
 * matmul, and its variants: A and B as they are or transposed in memory, rows picked out of a larger matrix, sums of A's
 * rows, batches, sizes around the tiles.
 */
import { type MatmulShape, matmul, matmulConstants } from "../../../src/kernels/matmul.ts";
import type { Hook } from "../../../src/program.ts";
import { permutation } from "../../../src/random.ts";
import { storeTo, unused } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

type Layout = "NN" | "NT" | "TN";

interface MatmulOptions {
  readonly sums?: boolean;
  readonly batch?: number;
  /** Which operands have a matrix of their own for each of the batch. */
  readonly batched?: "both" | "a" | "b";
  /** Which operand's rows are picked out of a matrix of another order, of bytes or of floats. */
  readonly rows?: "a" | "b";
  readonly dtype?: "u8" | "f32";
  /** Whether a bias is added to what is stored, before a function of many instructions. */
  readonly activated?: boolean;
}

/** A load hook for rows, and one for elements that halves them. */
const rowAt: Hook = { code: [{ op: "index" }, { op: "load", binding: "operand1", at: 0 }], result: 1 };
const halved: Hook = {
  code: [
    { op: "index" },
    { op: "load", binding: "operand0", at: 0 },
    { op: "constant", value: 0.5 },
    { op: "call", fn: "mul", args: [1, 2] },
  ],
  result: 3,
};

/** A store hook that adds a bias to each row of `n` columns, and writes the hyperbolic tangent. */
function activation(n: number): Hook {
  return {
    code: [
      { op: "value" },
      { op: "index" },
      { op: "map", from: 1, terms: [{ div: 1, mod: n, mul: 1 }], offset: 0 },
      { op: "load", binding: "operand2", at: 2 },
      { op: "call", fn: "add", args: [0, 3] },
      { op: "call", fn: "hyperbolicTangent", args: [4] },
    ],
    stores: [{ binding: "result0", from: 5 }],
  };
}

/** A matrix whose rows are picked in another order, and that order. */
function picked(rows: number, columns: number, dtype: "u8" | "f32") {
  const values = uniform([rows * columns]).data;
  const bytes = Uint8Array.from(values, (value) => Math.floor(Math.abs(value) * 255));
  const order = permutation(rows, 1, 1);
  return {
    operand0: dtype === "u8" ? bytes : values,
    operand1: Int32Array.from({ length: rows }, (_, i) => order.at(i)),
  };
}

function matmulCase(
  [m, n, k]: readonly [number, number, number],
  layout: Layout,
  options: MatmulOptions = {},
): KernelCase {
  const { sums = false, batch = 1, batched, rows, dtype = "u8", activated = false } = options;
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
  const a = m * k * (shape.batchedA ? batch : 1);
  const b = n * k * (shape.batchedB ? batch : 1);
  return {
    name: `${layout} ${m} × ${k} · ${k} × ${n}${sums ? " with sums" : ""}${batched ? `, ${batch} of ${batched}` : ""}${rows ? `, rows of ${rows} picked from ${dtype}` : ""}${activated ? ", activated" : ""}`,
    run: {
      kernel: "matmul",
      constants: matmulConstants(shape, sums),
      hooks: {
        ...(rows === "a" ? { loadA: halved, rowOfA: rowAt } : {}),
        ...(rows === "b" ? { loadB: halved, rowOfB: rowAt } : {}),
        store: activated ? activation(n) : storeTo("result0"),
        storeSum: sums ? storeTo("result1") : unused,
      },
      reads: {
        ...(rows === "a" ? picked(m, k, dtype) : { a: uniform([a]).data }),
        ...(rows === "b" ? picked(k, n, dtype) : { b: uniform([b]).data }),
        ...(activated ? { operand2: uniform([n]).data } : {}),
      },
      results: {
        result0: { length: batch * m * n },
        ...(sums ? { result1: { length: batch * m } } : {}),
      },
    },
    // Sums over k of products below 1 in f32: partial sums grow like √k, and so do their errors.
    tolerance: { ...TIGHT, atol: 1e-6 * Math.sqrt(k) * (rows && dtype === "u8" ? 128 : 1) },
  };
}

/** Enough for the largest tile, and one past it in both directions. */
const large = [129, 129, 17] as const;

const plainCases: KernelCase[] = [
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
  // Few elements and long sums: a vector times a matrix, and what is split among invocations on some devices.
  matmulCase([1, 65, 300], "NN", { sums: true }),
  matmulCase([3, 17, 257], "TN", { sums: true }),
  matmulCase([10, 30, 784], "NT", { rows: "a" }),
  matmulCase([5, 20, 300], "TN", { rows: "b", sums: true }),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "both", sums: true }),
  matmulCase([5, 7, 3], "NT", { batch: 3, batched: "both" }),
  matmulCase([5, 7, 3], "TN", { batch: 3, batched: "both", sums: true }),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "a" }),
  matmulCase([5, 7, 3], "NN", { batch: 3, batched: "b" }),
  matmulCase([33, 33, 3], "NN", { batch: 20, batched: "both" }),
  matmulCase([17, 20, 36], "NT", { rows: "a" }),
  matmulCase([17, 65, 5], "NN", { rows: "a", dtype: "f32", sums: true }),
  matmulCase([20, 36, 17], "TN", { rows: "b", sums: true }),
  matmulCase([20, 35, 17], "TN", { rows: "b" }),
  matmulCase([9, 36, 7], "NN", { rows: "b", dtype: "f32" }),
  // Many copies, and sums in whole turns.
  matmulCase([40, 36, 40], "NT", { batch: 65, batched: "both" }),
  matmulCase([24, 70, 96], "NN", { sums: true }),
  // Narrow ones, in multiples of twelve.
  matmulCase([70, 19, 64], "NT"),
  // Two workgroups share the sums of rows, and have several an invocation.
  matmulCase([19, 30, 130], "TN", { sums: true }),
  matmulCase([40, 36, 40], "NN", { activated: true }),
  matmulCase([37, 35, 300], "NT", { activated: true }),
];

/** Devices of several kinds: processors, and GPUs with subgroups and without. */
const kinds = [8, 32, 4, undefined].map((subgroupSize) => ({
  narrow: subgroupSize !== undefined && subgroupSize <= 8,
  subgroupSize,
  workgroupBytes: 16384,
  workgroupInvocations: 256,
}));

/** The cases as they may be computed on such devices instead, by one kernel; in turn, for there are many ways. */
function variantCases(kernel: string): KernelCase[] {
  return plainCases.flatMap((one, i): KernelCase[] => {
    const ways = kinds.map((traits) => matmul.variants?.(one.run.constants, traits) ?? []);
    const own = ways.map((variants) => variants.filter((variant) => variant.kernel === kernel));
    const fitting = own.filter((variants) => variants.length > 0);
    if (fitting.length === 0) return [];
    const variants = fitting[i % fitting.length];
    const { constants } = variants[i % variants.length];
    const { TILE_M, TILE_N, GROUP_X, GROUP_Y, LANES = 1, SLICES = 1 } = constants;
    const how = `${GROUP_X} × ${GROUP_Y} of ${TILE_M} × ${TILE_N}, ${LANES} lanes, ${SLICES} slices`;
    return [{ ...one, name: `${one.name}, by ${how}`, run: { ...one.run, kernel, constants } }];
  });
}

export const matmulCases = [...plainCases, ...variantCases("matmul")];
export const matmulTiledCases = variantCases("matmulTiled");
