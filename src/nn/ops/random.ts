/** Random numbers inside a step: functions of (seed, step, stream, position), the same on every engine. */
import type { Shape } from "../../program.ts";
import { define, type Op, type Tensor } from "../tensor.ts";
import { greater, mul } from "./scalar.ts";

const uniformOp: Op<{ shape: Shape; stream: number }> = {
  name: "random",
  infer: (_inputs, { shape }) => ({ shape, dtype: "f32" }),
  gradient: "none",
  lowering: {
    kind: "elementwise",
    emit: (node, emitter, at) => emitter.random(at, node.attributes.stream),
  },
};
const uniform = define(uniformOp);

/**
 * Uniform numbers in [0, 1), new ones in every step. Streams are independent; layers get theirs from
 * `scope.stream()`.
 */
export function randomUniform(shape: Shape, stream: number): Tensor {
  return uniform([], { shape, stream });
}

/**
 * Inverted dropout (Srivastava et al. 2014): each element is zeroed with probability `rate`, the others are divided
 * by 1 - rate, so that the mean stays.
 */
export function dropoutOp(x: Tensor, rate: number, stream: number): Tensor {
  const kept = greater(randomUniform(x.shape, stream), rate);
  return mul(x, mul(kept, 1 / (1 - rate)));
}
