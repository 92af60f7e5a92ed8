/** Matrix products, softmax and cross-entropy. */
import { correctCount, gradients, logSoftmax, matmul, ops, sum, transpose } from "../../../../src/index.ts";
import { rowCrossEntropy } from "../../../../src/nn/graph/ops/crossEntropy.ts";
import type { DifferentiableFunction } from "../../../helpers/finite-differences.ts";
import { distinct, indices, uniform } from "../../../helpers/samples.ts";

const logits = () => uniform([5, 7], -3, 3);
const labels = () => indices([5], 7);

export const productCases: Record<string, Record<string, DifferentiableFunction>> = {
  matmul: {
    "a · b": { inputs: { a: uniform([5, 7]), b: uniform([7, 3]) }, body: ({ a, b }) => matmul(a, b) },
    "aᵀ · b": {
      inputs: { a: uniform([7, 5]), b: uniform([7, 3]) },
      body: ({ a, b }) => matmul(transpose(a), b),
    },
    "a · bᵀ": {
      inputs: { a: uniform([5, 7]), b: uniform([3, 7]) },
      body: ({ a, b }) => matmul(a, transpose(b)),
    },
    "aᵀ · bᵀ": {
      inputs: { a: uniform([7, 5]), b: uniform([3, 7]) },
      body: ({ a, b }) => matmul(transpose(a), transpose(b)),
    },
    "a · a": { inputs: { a: uniform([3, 3]) }, body: ({ a }) => matmul(a, a) },
    "in batches": {
      inputs: { a: uniform([2, 5, 3]), b: uniform([2, 3, 4]) },
      body: ({ a, b }) => matmul(a, b),
    },
    "in batches, transposed": {
      inputs: { a: uniform([2, 3, 5]), b: uniform([2, 4, 3]) },
      body: ({ a, b }) => matmul(transpose(a), transpose(b)),
    },
    "one b for the batch": {
      inputs: { a: uniform([2, 5, 3]), b: uniform([3, 4]) },
      body: ({ a, b }) => matmul(a, b),
    },
    "one a for the batch": {
      inputs: { a: uniform([5, 3]), b: uniform([2, 3, 4]) },
      body: ({ a, b }) => matmul(a, b),
    },
    "leading axes broadcast": {
      inputs: { a: uniform([1, 2, 3, 2]), b: uniform([3, 1, 2, 3]) },
      body: ({ a, b }) => matmul(a, b),
    },
  },
  softmax: {
    "last axis": { inputs: { x: logits() }, body: ({ x }) => ops.softmax(x) },
    "first axis": { inputs: { x: logits() }, body: ({ x }) => ops.softmax(x, 0) },
    "middle axis, logarithm": { inputs: { x: uniform([2, 3, 5]) }, body: ({ x }) => logSoftmax(x, 1) },
    logarithm: { inputs: { x: logits() }, body: ({ x }) => logSoftmax(x) },
    "of many": { inputs: { x: uniform([2, 130]) }, body: ({ x }) => logSoftmax(x) },
  },
  softmaxGradient: {
    plain: {
      inputs: { x: logits(), dy: uniform([5, 7]) },
      body: ({ x, dy }) => gradients(ops.softmax(x), [x], dy)[0],
    },
    "of the logarithm": {
      inputs: { x: uniform([2, 3, 5]), dy: uniform([2, 3, 5]) },
      body: ({ x, dy }) => gradients(logSoftmax(x, 1), [x], dy)[0],
    },
  },
  crossEntropy: {
    plain: { inputs: { x: logits(), y: labels() }, body: ({ x, y }) => rowCrossEntropy(x, y) },
    smoothed: { inputs: { x: logits(), y: labels() }, body: ({ x, y }) => rowCrossEntropy(x, y, 0.2) },
    summed: { inputs: { x: logits(), y: labels() }, body: ({ x, y }) => sum(rowCrossEntropy(x, y, 0.1)) },
  },
  crossEntropyGradient: {
    plain: {
      inputs: { x: logits(), y: labels() },
      body: ({ x, y }) => gradients(sum(rowCrossEntropy(x, y, 0.1)), [x])[0],
    },
  },
  hits: {
    "of more rows than one workgroup has": {
      inputs: { x: distinct([520, 3], 0.2), y: indices([520], 3) },
      body: ({ x, y }) => correctCount(x, y),
    },
  },
  correct: {
    plain: { inputs: { x: distinct([5, 7], 0.2), y: labels() }, body: ({ x, y }) => correctCount(x, y) },
  },
};
