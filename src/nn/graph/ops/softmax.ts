/** Softmax and log-softmax along an axis. */
import { softmaxConstants } from "../../../kernels/softmax.ts";
import { elementCount } from "../../../program.ts";
import { resolveAxis } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { sum } from "./reduce.ts";
import { exp, mul, sub } from "./scalar.ts";
import { transpose } from "./view.ts";

interface SoftmaxAttributes {
  readonly logarithm: boolean;
}

/** Along the last axis. */
const softmaxRows: Op<SoftmaxAttributes> = {
  name: "softmax",
  infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
  gradient(node, arriving) {
    if (node.attributes.logarithm) {
      return [sub(arriving, mul(exp(node), sum(arriving, -1, { keepDims: true })))];
    }
    return [mul(node, sub(arriving, sum(mul(arriving, node), -1, { keepDims: true })))];
  },
  lowering: {
    kind: "kernel",
    call({ inputs: [x], attributes: { logarithm } }) {
      const size = x.shape[x.rank - 1];
      return {
        kernel: "softmax",
        constants: softmaxConstants(elementCount(x.shape) / size, size, logarithm),
        reads: {},
        loads: { element: x },
        store: "store",
      };
    },
  },
};
const makeSoftmax = define(softmaxRows);

function along(name: string, x: Tensor, axis: number, logarithm: boolean): Tensor {
  checkTensor(name, x);
  if (x.rank === 0) throw new ShapeError(name, "a tensor without axes has nothing to normalise over");
  const resolved = resolveAxis(name, axis, x.rank);
  // Swapping an axis with the last is its own inverse.
  const swap = x.shape.map((_, i) => (i === resolved ? x.rank - 1 : i === x.rank - 1 ? resolved : i));
  return transpose(makeSoftmax([transpose(x, swap)], { logarithm }), swap);
}

/**
 * exp(x) / Σ exp(x) along `axis` (default: the last), stable for any finite x.
 * @throws ShapeError where x has no axis, or the axis is outside x
 * @throws TypeError where x is no tensor
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  return along("softmax", x, axis, false);
}

/**
 * log softmax(x) along `axis` (default: the last), stable for any finite x.
 * @throws ShapeError where x has no axis, or the axis is outside x
 * @throws TypeError where x is no tensor
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return along("logSoftmax", x, axis, true);
}
