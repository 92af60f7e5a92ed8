/**
 * Linear regression in closed form, next to its iterative fit by `fit`. ml-matrix does the linear algebra in 64-bit
 * floats.
 */

import { Matrix, QrDecomposition, SingularValueDecomposition } from "ml-matrix";
import { checkOptions } from "../checks.ts";
import { checkDataset, checkTargets, type Dataset, type Field } from "../data/dataset.ts";

/** Samples as rows, with one target number for each, or several. */
export interface LinearRows {
  readonly x: readonly ArrayLike<number>[];
  readonly y: ArrayLike<number> | readonly ArrayLike<number>[];
}

export interface LinearOptions {
  /** λ of the penalty λ · Σ weights², added to the sum of squared errors (default 0). The intercept is not penalised. */
  readonly ridge?: number;
}

export interface LinearRegression {
  readonly features: number;
  readonly outputs: number;
  /** [outputs, features], row by row: the layout of `weight` in `dense(outputs)`. */
  readonly weights: Float64Array;
  /** [outputs], as `bias` in `dense`. */
  readonly intercept: Float64Array;
  /** Number of features that are linearly independent of each other and of a constant. */
  readonly rank: number;
  /**
   * Method of solution: QR; or, where features are linearly dependent, the singular value decomposition, which gives
   * the equally good weights with the least sum of squares.
   */
  readonly method: "qr" | "svd";
  /** Sum of squared errors over all samples and outputs. */
  readonly residual: number;
  /** Mean of squared errors, as the loss `meanSquaredError` measures it. */
  readonly meanSquaredError: number;
  /**
   * Predicted outputs, [rows, outputs], row by row.
   * @throws RangeError where a row has another number of features than the fit
   */
  predict(rows: readonly ArrayLike<number>[]): Float64Array;
}

/** Solution of a method: weights of centred features, one column for each output. */
interface Solution {
  readonly weights: Matrix;
  readonly rank: number;
  readonly method: "qr" | "svd";
}

/**
 * Weights and intercept with the least sum of squared errors.
 * @param source a data set with numeric targets, or rows
 * @throws RangeError where a number is not finite (the message names row and column), rows and targets differ in count,
 *   rows differ in length, or `ridge` is negative or not finite
 * @throws TypeError where targets are classes, `source` is neither, or an option is unknown
 */
export function linearRegression(
  source: Dataset | LinearRows,
  options: LinearOptions = {},
): LinearRegression {
  const { ridge = 0 } = checkOptions("linearRegression", options, { ridge: "number" });
  if (!(ridge >= 0 && Number.isFinite(ridge))) {
    throw new RangeError(`linearRegression: ridge is ${ridge}; give a finite number from 0`);
  }
  if (!("x" in Object(source))) checkDataset("linearRegression", source);
  const { x, y } = "x" in source ? fromRows(source) : fromDataset(source);
  const [features, outputs] = [x.columns, y.columns];
  const [xMean, yMean] = [x.mean("column"), y.mean("column")];
  // Centring removes the intercept from the problem: it is neither penalised nor a column of its own.
  const centred = x.clone().subRowVector(xMean);
  const targets = y.clone().subRowVector(yMean);
  const { weights: columns, rank, method } = solve(centred, targets, ridge);
  const weights = Float64Array.from(columns.transpose().to1DArray());
  const intercept = Float64Array.from(yMean, (mean, output) =>
    xMean.reduce((sum, value, i) => sum - value * columns.get(i, output), mean),
  );
  const errors = Matrix.sub(targets, centred.mmul(columns)).to1DArray();
  const residual = errors.reduce((sum, error) => sum + error * error, 0);
  return {
    features,
    outputs,
    weights,
    intercept,
    rank,
    method,
    residual,
    meanSquaredError: residual / errors.length,
    predict: (rows) => predict(rows, weights, intercept, features),
  };
}

function solve(x: Matrix, y: Matrix, ridge: number): Solution {
  const { rows, columns } = x;
  // The penalty λ · Σ w² equals the squared errors of extra rows √λ · w with targets 0 (Hoerl & Kennard 1970).
  const penalised = ridge > 0;
  const a = penalised ? stacked(x, Matrix.eye(columns, columns, Math.sqrt(ridge))) : x;
  const b = penalised ? stacked(y, Matrix.zeros(columns, y.columns)) : y;
  if (a.rows >= columns) {
    const qr = new QrDecomposition(a);
    if (isIndependent(qr.upperTriangularMatrix, Math.max(rows, columns))) {
      return { weights: qr.solve(b), rank: columns, method: "qr" };
    }
  }
  const svd = new SingularValueDecomposition(a, { autoTranspose: true });
  // numpy's rule: singular values below the largest one's rounding error count as 0.
  const values = svd.diagonal;
  const threshold = Number.EPSILON * Math.max(a.rows, columns) * Math.max(...values);
  const inverses = values.map((value) => (value > threshold ? 1 / value : 0));
  const weights = svd.rightSingularVectors
    .mmul(Matrix.diag(inverses))
    .mmul(svd.leftSingularVectors.transpose())
    .mmul(b);
  return { weights, rank: inverses.filter(Boolean).length, method: "svd" };
}

/** Whether every column is independent of the columns before it, up to rounding; R's diagonal shows the rest. */
function isIndependent(r: Matrix, size: number): boolean {
  return Array.from({ length: r.columns }, (_, i) => i).every((i) => {
    const norm = Math.hypot(...r.getColumn(i).slice(0, i + 1));
    return Math.abs(r.get(i, i)) > Number.EPSILON * size * norm;
  });
}

function stacked(above: Matrix, below: Matrix): Matrix {
  return new Matrix([...above.to2DArray(), ...below.to2DArray()]);
}

function predict(
  rows: readonly ArrayLike<number>[],
  weights: Float64Array,
  intercept: Float64Array,
  features: number,
): Float64Array {
  const outputs = intercept.length;
  const predicted = new Float64Array(rows.length * outputs);
  rows.forEach((row, i) => {
    if (row.length !== features) {
      throw new RangeError(
        `linearRegression: predict: row ${i} has ${row.length} features; the fit had ${features}`,
      );
    }
    for (let output = 0; output < outputs; output++) {
      let sum = intercept[output];
      for (let j = 0; j < features; j++) sum += weights[output * features + j] * row[j];
      predicted[i * outputs + output] = sum;
    }
  });
  return predicted;
}

function fromDataset(source: Dataset): { x: Matrix; y: Matrix } {
  checkTargets("linearRegression", source);
  const { name, count, inputs, targets, classes } = source;
  if (classes !== undefined) {
    throw new TypeError(
      `linearRegression: the targets of ${name} are classes; give numbers, or fit a model with crossEntropy()`,
    );
  }
  const matrix = ({ data, exact, scale }: Field) => {
    const width = data.length / count;
    return Array.from({ length: count }, (_, row) =>
      Array.from((exact ?? data).subarray(row * width, (row + 1) * width), (value) => value * scale),
    );
  };
  return { x: toMatrix(`${name}: inputs`, matrix(inputs)), y: toMatrix(`${name}: targets`, matrix(targets)) };
}

function fromRows({ x, y }: LinearRows): { x: Matrix; y: Matrix } {
  if (x.length === 0 || x.length !== y.length) {
    throw new RangeError(
      `linearRegression: ${x.length} rows of x, ${y.length} of y; give one or more, and as many of both`,
    );
  }
  const targets = Array.from(y as ArrayLike<number | ArrayLike<number>>, (row) =>
    typeof row === "number" ? [row] : Array.from(row),
  );
  return {
    x: toMatrix(
      "x",
      x.map((row) => Array.from(row)),
    ),
    y: toMatrix("y", targets),
  };
}

function toMatrix(what: string, rows: number[][]): Matrix {
  const width = rows[0].length;
  rows.forEach((row, i) => {
    if (row.length !== width || width === 0) {
      throw new RangeError(
        `linearRegression: ${what}: row ${i} has ${row.length} numbers, row 0 has ${width}; rows must be of one length, from 1`,
      );
    }
    const bad = row.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new RangeError(
        `linearRegression: ${what}: row ${i}, column ${bad} is ${row[bad]}; expected finite numbers; drop the row or fill the gap`,
      );
    }
  });
  return new Matrix(rows);
}
