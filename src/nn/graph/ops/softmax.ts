/** Softmax and log-softmax along an axis. */
import { softmaxConstants } from "../../../kernels/softmax.ts";
import { elementCount } from "../../../program.ts";
import { resolveAxis } from "../shape.ts";
import { checkTensor, define, type KernelCall, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { sum } from "./reduce.ts";
import { broadcastTo, exp, mul, neg, sub } from "./scalar.ts";
import { transpose } from "./view.ts";

interface SoftmaxAttributes {
  readonly logarithm: boolean;
}

function kernelCall(
  kernel: string,
  { shape }: Tensor,
  logarithm: boolean,
  loads: KernelCall["loads"],
): KernelCall {
  const size = shape[shape.length - 1];
  const constants = softmaxConstants(elementCount(shape) / size, size, logarithm);
  return { kernel, constants, reads: {}, loads, store: "store" };
}

/** Along the last axis. */
const softmaxRows: Op<SoftmaxAttributes> = {
  name: "softmax",
  infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
  gradient: (node, arriving) => [makeGradient([node, arriving], node.attributes)],
  lowering: {
    kind: "kernel",
    call: ({ inputs: [x], attributes: { logarithm } }) => kernelCall("softmax", x, logarithm, { element: x }),
  },
};
const makeSoftmax = define(softmaxRows);

/**
 * The gradient of the above, from its result y and the gradient dy that arrives: y · (dy − Σ dy · y), or dy − exp(y) · Σ dy
 * for the logarithm.
 */
const gradientOp: Op<SoftmaxAttributes> = {
  name: "softmaxGradient",
  infer: ([y]) => ({ shape: y.shape, dtype: "f32" }),
  gradient({ inputs: [y, dy], attributes }, arriving) {
    const rowSum = (x: Tensor) => sum(x, -1, { keepDims: true });
    if (attributes.logarithm) {
      const own = mul(arriving, exp(y));
      return [neg(mul(own, rowSum(dy))), sub(arriving, broadcastTo(rowSum(own), y.shape))];
    }
    const own = mul(arriving, y);
    return [
      sub(mul(arriving, sub(dy, rowSum(mul(dy, y)))), mul(dy, rowSum(own))),
      makeGradient([y, arriving], attributes),
    ];
  },
  lowering: {
    kind: "kernel",
    call: ({ inputs: [element, arriving], attributes: { logarithm } }) =>
      kernelCall("softmaxGradient", element, logarithm, { element, arriving }),
  },
};
const makeGradient = define(gradientOp);

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
