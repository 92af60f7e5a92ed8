/** Reductions over axes: sum, mean, max, argmax. */
import { checkOptions } from "../../../checks.ts";
import { chunkOf, type ReduceMode, reduceConstants } from "../../../kernels/reduce.ts";
import { elementCount, type Shape } from "../../../program.ts";
import { resolveAxes, resolveAxis } from "../shape.ts";
import { checkTensor, define, type Op, type Tensor } from "../tensor.ts";
import { broadcastTo, div, equal, mul } from "./scalar.ts";
import { reshape, transpose } from "./view.ts";

interface ReduceAttributes {
  readonly mode: ReduceMode;
  /** Set by the rewrite of long reductions: the axis is reduced in parts of so many elements, to [outer, parts, inner]. */
  readonly chunk?: number;
}

/** Over the middle axis of [outer, size, inner]: to [outer, inner]. Views handle all other axes. */
export const reduceOp: Op<ReduceAttributes> = {
  name: "reduce",
  infer(
    [
      {
        shape: [outer, size, inner],
      },
    ],
    { mode, chunk },
  ) {
    const parts = chunk === undefined ? [] : [Math.ceil(size / chunk)];
    return { shape: [outer, ...parts, inner], dtype: mode === "argmax" ? "i32" : "f32" };
  },
  gradient(node, arriving) {
    const [x] = node.inputs;
    const kept = [x.shape[0], 1, x.shape[2]];
    const column = reshape(arriving, kept);
    switch (node.attributes.mode) {
      case "sum":
        return [broadcastTo(column, x.shape)];
      case "max": {
        // Equal maxima share the gradient, as in PyTorch's amax.
        const hits = equal(x, reshape(node, kept));
        return [mul(hits, div(column, sum(hits, 1, { keepDims: true })))];
      }
      case "argmax":
        return [undefined];
    }
  },
  lowering: {
    kind: "kernel",
    call: ({ inputs: [x], attributes: { mode, chunk } }) => ({
      kernel: "reduce",
      constants: reduceConstants(mode, { ...sizesOf(x), chunk }),
      reads: {},
      loads: { element: x },
      compared: mode === "max" ? [x] : [],
      store: "store",
    }),
  },
};
const makeReduce = define(reduceOp);

function sizesOf({ shape: [outer, size, inner] }: Tensor) {
  return { outer, size, inner };
}

/** A long reduction in two: of parts, and of their results. Undefined where one is as good. */
export function inTwo(node: Tensor<ReduceAttributes>, input: Tensor): Tensor | undefined {
  const { mode } = node.attributes;
  const chunk = chunkOf(mode, sizesOf(input));
  if (chunk === input.shape[1]) return undefined;
  return makeReduce([makeReduce([input], { mode, chunk }, node.label)], { mode }, node.label);
}

export interface ReduceOptions {
  /** Whether the reduced axes remain, with size 1 (default false). */
  readonly keepDims?: boolean;
}

/** @throws TypeError where x is no tensor, or an option is unknown */
function check(op: string, x: Tensor, options: ReduceOptions): void {
  checkTensor(op, x);
  checkOptions(op, options, { keepDims: "boolean" });
}

function reduceOver(mode: ReduceMode, x: Tensor, axes: readonly number[], keepDims: boolean): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const result = keptShape(x.shape, axes, keepDims);
  // Reducing axes of size 1 changes nothing, except for argmax, which is 0 there.
  if (axes.every((axis) => x.shape[axis] === 1) && mode !== "argmax") return reshape(x, result);
  const size = axes.reduce((product, axis) => product * x.shape[axis], 1);
  const real = axes.filter((axis) => x.shape[axis] > 1);
  const [first, last] = real.length > 0 ? [Math.min(...real), Math.max(...real)] : [0, 0];
  // Axes that lie together are one; others are moved behind those that remain.
  const together = kept.every((axis) => axis < first || axis > last || x.shape[axis] === 1);
  const inner = together ? elementCount(x.shape.slice(last + 1)) : 1;
  const ordered = together ? x : transpose(x, [...kept, ...axes]);
  const middle = reshape(ordered, [elementCount(x.shape) / (size * inner), size, inner]);
  return reshape(makeReduce([middle], { mode }), result);
}

function keptShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]));
}

/**
 * Sum over `axes` (default: all).
 * @throws ShapeError where an axis is outside x or repeated
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function sum(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  check("sum", x, options);
  return reduceOver("sum", x, resolveAxes("sum", axes, x.rank), options.keepDims ?? false);
}

/**
 * Mean over `axes` (default: all).
 * @throws ShapeError where an axis is outside x or repeated
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function mean(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  check("mean", x, options);
  const resolved = resolveAxes("mean", axes, x.rank);
  const count = resolved.reduce((product, axis) => product * x.shape[axis], 1);
  return mul(sum(x, resolved, options), 1 / count);
}

/**
 * Maximum over `axes` (default: all); NaN where an element is NaN. Equal maxima share the gradient.
 * @throws ShapeError where an axis is outside x or repeated
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function max(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  check("max", x, options);
  return reduceOver("max", x, resolveAxes("max", axes, x.rank), options.keepDims ?? false);
}

/**
 * Index (i32) of the first maximum, or of the first NaN, along `axis` (default: the last).
 * @throws ShapeError where the axis is outside x
 * @throws TypeError where x is no tensor, or an option is unknown
 */
export function argmax(x: Tensor, axis = -1, options: ReduceOptions = {}): Tensor {
  check("argmax", x, options);
  return reduceOver("argmax", x, [resolveAxis("argmax", axis, x.rank)], options.keepDims ?? false);
}
