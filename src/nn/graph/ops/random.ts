/** Random numbers in a step: functions of (seed, step, stream, position), equal on every engine. */
import { checkNumber } from "../../../checks.ts";
import type { Shape } from "../../../program.ts";
import { checkShape } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { greater, mul } from "./scalar.ts";

const uniformOp: Op<{ shape: Shape; stream: number }> = {
  name: "random",
  infer: (_inputs, { shape }) => ({ shape, dtype: "f32" }),
  gradient: "none",
  lowering: {
    kind: "elementwise",
    emit: (node, emitter, at) => emitter.random(at, node.attributes.stream, "step"),
  },
};
const uniform = define(uniformOp);

/**
 * Uniform numbers in [0, 1) of `shape`, new in every step. Streams are independent; a layer gets its own from
 * `scope.stream()`.
 * @throws ShapeError where `shape` is none, or `stream` is no whole number from 0 to 2^32 − 1
 */
export function randomUniform(shape: Shape, stream: number): Tensor {
  checkShape("randomUniform", shape);
  if (!Number.isInteger(stream) || stream < 0 || stream >= 2 ** 32) {
    throw new ShapeError("randomUniform", `stream is ${stream}; give a whole number from 0 to 2^32 - 1`);
  }
  return uniform([], { shape, stream });
}

export function checkDropoutRate(rate: number): void {
  checkNumber("dropout: rate", rate);
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`dropout: rate is ${rate}; give a number from 0 up to, not including, 1`);
  }
}

/**
 * Inverted dropout (Srivastava et al. 2014): zeroes each element with probability `rate` and divides the others by 1 −
 * rate, which keeps the mean. Streams are those of {@link randomUniform}.
 * @throws RangeError where `rate` is not from 0 up to 1
 * @throws TypeError where x is no tensor
 */
export function dropout(x: Tensor, rate: number, stream: number): Tensor {
  checkTensor("dropout", x);
  checkDropoutRate(rate);
  const kept = greater(randomUniform(x.shape, stream), rate);
  return mul(x, mul(kept, 1 / (1 - rate)));
}
