/** Batched matrix products, with either operand transposed in memory. */
import { type MatmulShape, matmulConstants } from "../../../kernels/matmul.ts";
import { elementCount, formatShape, type Shape } from "../../../program.ts";
import { sameShape } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { broadcastTo, toFloat } from "./scalar.ts";
import { reshape, swapsLastTwo, transpose } from "./view.ts";

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Set by the rewrite that makes the kernel also sum A's rows, for bias gradients. */
  readonly sums?: boolean;
  /** Set by the rewrite that makes the kernel read this operand's rows by a third input, their indices. */
  readonly rows?: "a" | "b";
}

/**
 * a [..., m, k] times b [..., k, n]; b may also be one matrix for the whole batch. With `rows`, that operand is a
 * larger matrix, and the third input names the rows that form the factor.
 */
export const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  infer(inputs, attributes) {
    const { batch, m, n } = sizes(inputs, attributes);
    return { shape: [...batch, m, n], dtype: "f32" };
  },
  gradient({ inputs: [a, b], attributes: { transposeA, transposeB } }, arriving) {
    const dA = transposeA
      ? multiply(b, arriving, transposeB, true)
      : multiply(arriving, b, false, !transposeB);
    const dB = transposeB
      ? multiply(arriving, a, true, transposeA)
      : multiply(a, arriving, !transposeA, false);
    return [dA, dB];
  },
  lowering: { kind: "kernel", call: (node) => matmulCall(node, "store") },
};
export const makeMatmul = define(matmulOp);

export const rowSumsOp: Op<MatmulAttributes> = {
  name: "rowSums",
  infer(inputs, attributes) {
    const { batch, m } = sizes(inputs, attributes);
    return { shape: [...batch, m], dtype: "f32" };
  },
  gradient: "internal",
  lowering: { kind: "kernel", call: (node) => matmulCall(node, "storeSum") },
};
/** Sums of A's rows over k, [..., m]: a second result of the product's kernel. */
export const makeRowSums = define(rowSumsOp);

function matmulCall(node: Tensor<MatmulAttributes>, store: string) {
  const [a, b, indices] = node.inputs;
  const { rows } = node.attributes;
  const { batch, m, n, k } = sizes(node.inputs, node.attributes);
  const shape: MatmulShape = {
    batch: elementCount(batch),
    m,
    n,
    k,
    transposeA: node.attributes.transposeA,
    transposeB: node.attributes.transposeB,
    batchedA: a.rank > 2,
    batchedB: b.rank > 2,
    rows,
  };
  const reads: Record<string, Tensor> = {};
  const loads: Record<string, Tensor> = {};
  if (rows === "a") Object.assign(loads, { loadA: a, rowOfA: indices });
  else reads.a = a;
  if (rows === "b") Object.assign(loads, { loadB: b, rowOfB: indices });
  else reads.b = b;
  return {
    kernel: "matmul",
    constants: matmulConstants(shape, node.attributes.sums),
    reads,
    loads,
    store,
  };
}

function sizes([left, right, indices]: readonly Tensor[], attributes: MatmulAttributes) {
  const { transposeA, transposeB, rows: picked } = attributes;
  const a = picked === "a" ? [...indices.shape, left.shape[1]] : left.shape;
  const b = picked === "b" ? [...indices.shape, right.shape[1]] : right.shape;
  const [rows, inner] = a.slice(-2);
  const [innerB, columns] = b.slice(-2);
  const m = transposeA ? inner : rows;
  const k = transposeA ? rows : inner;
  const n = transposeB ? innerB : columns;
  const other = transposeB ? columns : innerB;
  if (k !== other) {
    const shown = (shape: Shape, flag: boolean) => formatShape(shape) + (flag ? " transposed" : "");
    const remedy = m === other && !transposeA ? "transpose a" : k === n ? "transpose b" : `give b ${k} rows`;
    throw new ShapeError(
      "matmul",
      `inner sizes differ: a is ${shown(a, transposeA)}, b is ${shown(b, transposeB)}; ${remedy}`,
    );
  }
  return { batch: a.slice(0, -2), m, n, k };
}

/** The product with flags: a transposed view becomes a flag, and a shared b joins the batch into the rows. */
function multiply(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  if (swapsLastTwo(a)) return multiply(a.inputs[0], b, !transposeA, transposeB);
  if (swapsLastTwo(b)) return multiply(a, b.inputs[0], transposeA, !transposeB);
  // The kernel has no variant with both transposed: (AᵀBᵀ) = (BA)ᵀ.
  if (transposeA && transposeB) return transpose(multiply(b, a, false, false));
  return makeMatmul([toFloat(a), toFloat(b)], { transposeA, transposeB });
}

/**
 * Matrix product of a [..., m, k] and b [..., k, n]: [..., m, n]. b may also be one matrix [k, n] for all. Leading axes
 * must be equal, or 1, or missing on one side.
 * @throws ShapeError where the inner sizes or the leading axes do not fit, or an operand has fewer than two axes
 * @throws TypeError where a or b is no tensor
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensor("matmul", a, b);
  if (a.rank < 2 || b.rank < 2) {
    throw new ShapeError(
      "matmul",
      `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}; both need two axes or more: reshape a vector to [1, n] or [n, 1]`,
    );
  }
  if (a.rank > 2 && b.rank === 2) {
    const rows = reshape(a, [-1, a.shape[a.rank - 1]]);
    const product = multiply(rows, b, false, false);
    return reshape(product, [...a.shape.slice(0, -1), product.shape[1]]);
  }
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  if (sameShape(batchA, batchB)) return multiply(a, b, false, false);
  const batch = broadcastBatch(batchA, batchB, a, b);
  const expanded = (x: Tensor) => broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return multiply(expanded(a), expanded(b), false, false);
}

function broadcastBatch(batchA: Shape, batchB: Shape, a: Tensor, b: Tensor): number[] {
  const rank = Math.max(batchA.length, batchB.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = batchA[axis - rank + batchA.length] ?? 1;
    const sizeB = batchB[axis - rank + batchB.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new ShapeError(
        "matmul",
        `leading axes differ: a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}; make them equal, or 1`,
      );
    }
    return Math.max(sizeA, sizeB);
  });
}
