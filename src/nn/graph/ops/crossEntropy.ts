/** Softmax cross-entropy against class indices. */
import { crossEntropyConstants, fitsOneGroup } from "../../../kernels/crossEntropy.ts";
import { formatShape } from "../../../program.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { chosenBy, fromHost, heldTo } from "./held.ts";
import { argmax, max, sum } from "./reduce.ts";
import { equal, greater, isNumber, mul, sub } from "./scalar.ts";
import { softmax } from "./softmax.ts";
import { reshape } from "./view.ts";

interface CrossEntropyAttributes {
  readonly smoothing: number;
}

function call(node: Tensor<CrossEntropyAttributes>, store: string) {
  const [logits, labels] = node.inputs;
  const [rows, classes] = logits.shape;
  return {
    kernel: "crossEntropy",
    constants: crossEntropyConstants(rows, classes, node.attributes.smoothing),
    reads: {},
    loads: { logit: logits, label: labels },
    store,
  };
}

/** Labels are indices of classes. */
function labelIndices({ inputs: [logits] }: Tensor) {
  return { input: 1, count: logits.shape[1] };
}

/** Loss of each row: [rows]. */
export const rowLossOp: Op<CrossEntropyAttributes> = {
  name: "crossEntropy",
  infer: ([logits]) => ({ shape: [logits.shape[0]], dtype: "f32" }),
  gradient(node, arriving) {
    const difference = makeDifference(node.inputs, node.attributes);
    return [mul(difference, reshape(arriving, [node.shape[0], 1])), undefined];
  },
  indices: labelIndices,
  lowering: { kind: "kernel", call: (node) => call(node, "storeLoss") },
};
const makeRowLoss = define(rowLossOp);

/** softmax(logits) − target: the gradient that each row's loss sends to its logits. */
const differenceOp: Op<CrossEntropyAttributes> = {
  name: "crossEntropyGradient",
  infer: ([logits]) => ({ shape: logits.shape, dtype: "f32" }),
  gradient({ inputs: [logits] }, arriving) {
    // The target is constant: the gradient of softmax remains.
    const probabilities = softmax(logits);
    const weighted = mul(arriving, probabilities);
    return [sub(weighted, mul(probabilities, sum(weighted, -1, { keepDims: true }))), undefined];
  },
  indices: labelIndices,
  lowering: { kind: "kernel", call: (node) => call(node, "storeGradient") },
};
const makeDifference = define(differenceOp);

const totalLossOp: Op<CrossEntropyAttributes> = {
  name: "crossEntropyTotal",
  infer: () => ({ shape: [1], dtype: "f32" }),
  gradient: "internal",
  indices: labelIndices,
  lowering: { kind: "kernel", call: (node) => call(node, "storeTotal") },
};
/** Sum of all rows' losses, [1], where one workgroup can compute it; created by a rewrite of sums. */
export const makeTotalLoss = define(totalLossOp);

/** Number of rows, [1], whose first largest logit is at the label; rows with NaN never count. */
const correctOp: Op<CrossEntropyAttributes> = {
  name: "correct",
  infer: () => ({ shape: [1], dtype: "f32" }),
  gradient: "none",
  indices: labelIndices,
  lowering: { kind: "kernel", call: (node) => call(node, "storeCorrect") },
};
const makeCorrect = define(correctOp);

/** For each row, 1 where its first largest logit is at the label and none is NaN, else 0: [rows]. */
const hitsOp: Op<CrossEntropyAttributes> = {
  name: "hits",
  infer: ([logits]) => ({ shape: [logits.shape[0]], dtype: "f32" }),
  gradient: "none",
  indices: labelIndices,
  lowering: { kind: "kernel", call: (node) => call(node, "storeHit") },
};
const makeHits = define(hitsOp);

/**
 * Number of rows of `logits` [rows, classes] whose first largest logit is at the label in `labels` [rows]; a scalar,
 * []. A single output is the logit of class 1 against class 0. A row with NaN is never correct. With the `smoothing` of
 * the loss next to it, both come from one dispatch. `ignoreIndex` is that loss's ignored label, which may lie outside
 * the classes and is never correct.
 * @throws ShapeError where shapes do not fit, or `smoothing` is not from 0 up to 1
 * @throws TypeError where logits or labels is no tensor
 */
export function correctCount(logits: Tensor, labels: Tensor, smoothing = 0, ignoreIndex?: number): Tensor {
  checkTensor("correctCount", logits, labels);
  checkRows("correctCount", logits, labels);
  const [rows, classes] = logits.shape;
  // One output is the logit of class 1; at 0 it decides for class 0, as evaluations count.
  if (classes === 1) {
    const right = equal(reshape(sub(1, greater(0, logits)), [rows]), labels);
    return sum(mul(right, reshape(isNumber(logits), [rows])));
  }
  if (ignoreIndex === undefined && fromHost(labels)) {
    const inputs = [logits, labels];
    if (fitsOneGroup(rows, classes)) return reshape(makeCorrect(inputs, { smoothing }), []);
    return sum(makeHits(inputs, { smoothing }));
  }
  return sum(mul(equal(argmax(logits), labels), isNumber(max(logits, -1))));
}

/** Cross-entropy of each row of `logits` [rows, classes] against class indices `labels` [rows]: [rows]. */
export function rowCrossEntropy(logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  checkRows("crossEntropy", logits, labels);
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ShapeError(
      "crossEntropy",
      `labelSmoothing is ${smoothing}; it must be from 0 up to, not including, 1`,
    );
  }
  return chosenBy(labels, makeRowLoss([logits, heldTo(labels, logits.shape[1])], { smoothing }));
}

function checkRows(name: string, logits: Tensor, labels: Tensor): void {
  if (logits.rank !== 2 || labels.rank !== 1 || logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      name,
      `logits are ${formatShape(logits.shape)}, labels ${formatShape(labels.shape)}; expected [rows, classes] and [rows] class indices`,
    );
  }
}
