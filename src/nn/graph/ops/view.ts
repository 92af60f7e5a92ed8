/** Views: the same values at other positions. Views cost nothing; the kernels that read them adapt their indices. */
import { inWords } from "../../../checks.ts";
import { elementCount, formatShape, type IndexRange, type Shape, type TargetRule } from "../../../program.ts";
import { checkShape, sameShape, stridesOf } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";

interface ReshapeAttributes {
  readonly shape: Shape;
  /** Set where the reader of the result uses its elements as indices. */
  readonly indices?: IndexRange;
  /** Set where a loss takes the result for probabilities. */
  readonly targets?: Omit<TargetRule, "scale">;
}

const reshapeOp: Op<ReshapeAttributes> = {
  name: "reshape",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  gradient: ({ inputs: [x] }, arriving) => [reshape(arriving, x.shape)],
  indices: ({ attributes: { indices } }) => indices && { input: 0, ...indices },
  targets: ({ attributes: { targets } }) => targets,
  lowering: { kind: "view", contiguous: true, position: (_node, _emitter, at) => at },
};
const makeReshape = define(reshapeOp);

/**
 * The same elements in another shape; one size may be −1 and follows from the others.
 * @throws ShapeError where the numbers of elements differ
 * @throws TypeError where x is no tensor, or `shape` is no array
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor("reshape", x);
  if (!Array.isArray(shape))
    throw new TypeError(`reshape: the shape is ${inWords(shape)}; give an array of sizes`);
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const count = elementCount(x.shape);
  const full = shape.map((size) => (size === -1 ? count / known : size));
  const open = shape.filter((size) => size === -1).length;
  if (open > 1 || (open === 1 && !Number.isInteger(count / known)) || elementCount(full) !== count) {
    throw new ShapeError(
      "reshape",
      `${formatShape(x.shape)} has ${count} elements, ${formatShape(shape)} does not`,
    );
  }
  checkShape("reshape", full);
  if (sameShape(full, x.shape)) return x;
  // A reshape of a reshape is one reshape.
  const { indices, targets } = isReshape(x) ? (x as Tensor<ReshapeAttributes>).attributes : {};
  const merges = isReshape(x) && !indices && !targets;
  const origin = merges ? x.inputs[0] : x;
  return sameShape(full, origin.shape) ? origin : makeReshape([origin], { shape: full });
}

export function isReshape(node: Tensor): boolean {
  return node.op === (reshapeOp as Op);
}

/** Indices with a last axis of size 1, to be compared with each possible index. */
export function indexColumn(x: Tensor, indices: IndexRange): Tensor {
  return makeReshape([x], { shape: [...x.shape, 1], indices });
}

/** `x` unchanged, marked as probabilities for a loss: each from 0 to 1 and, with rows, summing to 1. */
export function asProbabilities(x: Tensor, loss: string, row?: number): Tensor {
  return makeReshape([x], { shape: x.shape, targets: row === undefined ? { loss } : { loss, row } });
}

const transposeOp: Op<{ axes: readonly number[] }> = {
  name: "transpose",
  infer: ([x], { axes }) => ({ shape: axes.map((axis) => x.shape[axis]), dtype: x.dtype }),
  gradient: ({ attributes: { axes } }, arriving) => [transpose(arriving, invert(axes))],
  lowering: {
    kind: "view",
    position(node, emitter, at) {
      const strides = stridesOf(node.inputs[0].shape);
      return emitter.map(
        at,
        node.shape,
        node.attributes.axes.map((axis) => strides[axis]),
      );
    },
  },
};
const makeTranspose = define(transposeOp);

function invert(axes: readonly number[]): number[] {
  const inverse = new Array<number>(axes.length);
  axes.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}

/**
 * Permutes axes: axis i of the result is axis `axes[i]` of x. Without `axes`, the last two axes are swapped.
 * @throws ShapeError where `axes` is no permutation of x's axes, or x has fewer than two axes to swap
 * @throws TypeError where x is no tensor, or `axes` is no array
 */
export function transpose(x: Tensor, axes?: readonly number[]): Tensor {
  checkTensor("transpose", x);
  if (axes !== undefined && !Array.isArray(axes))
    throw new TypeError(
      `transpose: the axes are ${inWords(axes)}; give an array, the axes in their new order`,
    );
  const identity = x.shape.map((_, axis) => axis);
  if (!axes && x.rank < 2) {
    throw new ShapeError("transpose", `${formatShape(x.shape)} has no two axes to swap`);
  }
  const order = axes ?? [...identity.slice(0, -2), x.rank - 1, x.rank - 2];
  if (
    !sameShape(
      [...order].sort((a, b) => a - b),
      identity,
    )
  ) {
    throw new ShapeError(
      "transpose",
      `axes [${order.join(", ")}] are no order of the ${x.rank} axes of ${formatShape(x.shape)}`,
    );
  }
  if (sameShape(order, identity)) return x;
  return makeTranspose([x], { axes: order });
}

/** The axes and the input of a transposed view; undefined for other nodes. */
export function transposed(node: Tensor): { input: Tensor; axes: readonly number[] } | undefined {
  if (node.op !== transposeOp) return undefined;
  return { input: node.inputs[0], axes: (node as Tensor<{ axes: readonly number[] }>).attributes.axes };
}

/** Whether a node only swaps the last two axes of its input. */
export function swapsLastTwo(node: Tensor): boolean {
  const axes = transposed(node)?.axes;
  if (!axes) return false;
  const rank = axes.length;
  return axes[rank - 1] === rank - 2 && axes[rank - 2] === rank - 1;
}
