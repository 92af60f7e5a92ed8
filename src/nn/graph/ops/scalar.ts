/** Elementwise arithmetic and functions, with broadcasting, each with its gradient rule. */
import { checkWhole } from "../../../checks.ts";
import type { ScalarFunction } from "../../../kernels/scalar.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { broadcastShapes, broadcastStrides, checkShape, sameShape } from "../shape.ts";
import { checkTensor, define, type GradientRule, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { constant, constantValue, iota, tensor } from "./source.ts";
import { indexColumn } from "./view.ts";

/** An operand of arithmetic: a tensor, or a number as a constant. */
export type Operand = Tensor | number;

const scalarOps = new Map<string, Op<null>>();

/** An op that applies a scalar function at every position of its broadcast inputs. */
export function scalarOp(name: string, fn: ScalarFunction, gradient: GradientRule<null>) {
  const op: Op<null> = {
    name,
    infer: (inputs) => ({
      shape: broadcastShapes(
        name,
        inputs.map((input) => input.shape),
      ),
      dtype: "f32",
    }),
    gradient,
    broadcasts: true,
    lowering: {
      kind: "elementwise",
      emit: (node, emitter, at) =>
        emitter.call(
          fn,
          node.inputs.map((input) =>
            emitter.load(input, emitter.map(at, node.shape, broadcastStrides(input.shape, node.shape))),
          ),
        ),
    },
  };
  scalarOps.set(name, op);
  const make = define(op);
  return (...inputs: readonly Operand[]) =>
    make(
      inputs.map((input) => asTensor(input, name)),
      null,
    );
}

/** {@link scalarOp} of one operand. */
export const unary: (...of: Parameters<typeof scalarOp>) => (x: Operand) => Tensor = scalarOp;
/** {@link scalarOp} of two operands. */
const binary: (...of: Parameters<typeof scalarOp>) => (a: Operand, b: Operand) => Tensor = scalarOp;

/** Whether a node's op is a scalar function, for passes over graphs. */
export function isScalarOp(node: Tensor): boolean {
  return scalarOps.get(node.op.name) === node.op;
}

export function asTensor(operand: Operand, op: string): Tensor {
  if (typeof operand !== "number") checkTensor(op, operand);
  return typeof operand === "number" ? constant(operand) : operand;
}

/** Converts to f32, for kernels that read f32 from memory. */
export function toFloat(x: Tensor): Tensor {
  return x.dtype === "f32" ? x : mul(x, 1);
}

const broadcastOp: Op<{ shape: Shape }> = {
  name: "broadcast",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  gradient: (_node, arriving) => [arriving],
  broadcasts: true,
  lowering: {
    kind: "view",
    position: ({ inputs: [x], shape }, emitter, at) =>
      emitter.map(at, shape, broadcastStrides(x.shape, shape)),
  },
};
const makeBroadcast = define(broadcastOp);

/**
 * Repeats `tensor` to `shape`, by the broadcasting rule.
 * @throws ShapeError where the shape cannot be broadcast to `shape`
 * @throws TypeError where `tensor` is no tensor
 */
export function broadcastTo(tensor: Tensor, shape: Shape): Tensor {
  checkTensor("broadcastTo", tensor);
  checkShape("broadcastTo", shape);
  if (sameShape(tensor.shape, shape)) return tensor;
  const value = constantValue(tensor);
  if (value !== undefined) return constant(value, shape);
  const full = broadcastShapes("broadcast", [tensor.shape, shape]);
  if (!sameShape(full, shape)) {
    throw new ShapeError(
      "broadcast",
      `${formatShape(tensor.shape)} cannot be repeated to ${formatShape(shape)}`,
    );
  }
  return makeBroadcast([tensor], { shape });
}

/** Folds constants: `known(a, b)` where both are known, otherwise `otherwise` with the known values. */
function folded(
  op: string,
  a: Operand,
  b: Operand,
  known: (a: number, b: number) => number,
  otherwise: (a: Tensor, b: Tensor, valueA: number | undefined, valueB: number | undefined) => Tensor,
): Tensor {
  const left = asTensor(a, op);
  const right = asTensor(b, op);
  const valueA = constantValue(left);
  const valueB = constantValue(right);
  if (valueA !== undefined && valueB !== undefined) {
    const value = known(valueA, valueB);
    if (Number.isFinite(value))
      return constant(value, broadcastShapes("constant", [left.shape, right.shape]));
  }
  return otherwise(left, right, valueA, valueB);
}

/** Whether a and b broadcast to a's shape, so that an identity can return a itself. */
function keeps(a: Tensor, b: Tensor): boolean {
  return sameShape(broadcastShapes("broadcast", [a.shape, b.shape]), a.shape) && a.dtype === "f32";
}

const addOp = scalarOp("add", "add", (_node, arriving) => [arriving, arriving]);
/**
 * a + b, elementwise with broadcasting.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export function add(a: Operand, b: Operand): Tensor {
  return folded(
    "add",
    a,
    b,
    (x, y) => x + y,
    (left, right, x, y) => {
      if (y === 0 && keeps(left, right)) return left;
      if (x === 0 && keeps(right, left)) return right;
      return addOp(left, right);
    },
  );
}

const subOp = scalarOp("sub", "sub", (_node, arriving) => [arriving, neg(arriving)]);
/**
 * a − b, elementwise with broadcasting.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export function sub(a: Operand, b: Operand): Tensor {
  return folded(
    "sub",
    a,
    b,
    (x, y) => x - y,
    (left, right, _x, y) => {
      return y === 0 && keeps(left, right) ? left : subOp(left, right);
    },
  );
}

const mulOp = scalarOp("mul", "mul", ({ inputs: [a, b] }, arriving) => [mul(arriving, b), mul(arriving, a)]);
/**
 * a · b, elementwise with broadcasting.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export function mul(a: Operand, b: Operand): Tensor {
  return folded(
    "mul",
    a,
    b,
    (x, y) => x * y,
    (left, right, x, y) => {
      if (y === 1 && keeps(left, right)) return left;
      if (x === 1 && keeps(right, left)) return right;
      return mulOp(left, right);
    },
  );
}

const divOp = scalarOp("div", "div", (node, arriving) => {
  const [, b] = node.inputs;
  return [div(arriving, b), neg(div(mul(arriving, node), b))];
});
/**
 * a / b, elementwise with broadcasting.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export function div(a: Operand, b: Operand): Tensor {
  return folded(
    "div",
    a,
    b,
    (x, y) => x / y,
    (left, right, x, y) =>
      y === 1 && keeps(left, right)
        ? left
        : divOp(x === 0 ? inMemory(left, x) : left, y === 0 ? inMemory(right, y) : right),
  );
}

/** A constant hidden from compilers: they may evaluate a quotient with a known 0 in any way. */
function inMemory({ shape }: Tensor, value: number): Tensor {
  return broadcastTo(tensor([value], []), shape);
}

/**
 * −x.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const neg = scalarOp("neg", "neg", (_node, arriving) => [neg(arriving)]) as (x: Operand) => Tensor;

/**
 * 1 where a > b, else 0; also 0 where a or b is NaN.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export const greater = binary("greater", "greater", "none");
/**
 * 1 where a equals b, else 0; NaN equals nothing, not even itself.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export const equal = binary("equal", "equal", "none");

/** 0 where x is NaN, else 1, on every engine. */
export function isNumber(x: Tensor): Tensor {
  return equal(x, x);
}

/**
 * `a` where `condition` is not 0 (NaN is not 0), else `b`. The value not chosen has no effect, even if NaN or infinite.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export const choose = scalarOp("choose", "choose", ({ inputs: [condition] }, arriving) => [
  undefined,
  choose(condition, arriving, 0),
  choose(condition, 0, arriving),
]) as (condition: Operand, a: Operand, b: Operand) => Tensor;

/**
 * The larger of two, NaN if one is NaN. Where both are equal, each gets half the gradient, as in PyTorch.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export const maximum = binary(
  "maximum",
  "maximum",
  extremum((a, b) => greater(b, a)),
);
/**
 * The smaller of two, NaN if one is NaN. Where both are equal, each gets half the gradient, as in PyTorch.
 * @throws ShapeError where the shapes do not broadcast
 * @throws TypeError where an operand is neither a tensor nor a number
 */
export const minimum = binary(
  "minimum",
  "minimum",
  extremum((a, b) => greater(a, b)),
);

/** Next to NaN neither operand loses, and both get the gradient, as in PyTorch. */
function extremum(loses: (a: Tensor, b: Tensor) => Tensor): GradientRule<null> {
  return ({ inputs: [a, b] }, arriving) => {
    const tied = choose(equal(a, b), mul(arriving, 0.5), arriving);
    return [choose(loses(a, b), 0, tied), choose(loses(b, a), 0, tied)];
  };
}

/**
 * x².
 * @throws TypeError where x is neither a tensor nor a number
 */
export const square = unary("square", "square", ({ inputs: [x] }, arriving) => [mul(arriving, mul(x, 2))]);
/**
 * eˣ.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const exp = unary("exp", "exponential", (node, arriving) => [mul(arriving, node)]);
/**
 * Natural logarithm; −∞ at 0, NaN below.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const log = unary("log", "logarithm", ({ inputs: [x] }, arriving) => [div(arriving, x)]);
/**
 * √x; NaN below 0.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const sqrt = unary("sqrt", "squareRoot", (node, arriving) => [div(mul(arriving, 0.5), node)]);
/**
 * Absolute value |x|; the gradient at 0 is 0.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const abs = unary("abs", "absolute", ({ inputs: [x] }, arriving) => [mul(arriving, sign(x))]);
/**
 * −1, 0 or 1; NaN for NaN. The gradient is 0.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const sign = unary("sign", "signum", "none");
/**
 * Largest whole number not above x. The gradient is 0.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const floor = unary("floor", "floorOf", "none");
/**
 * 1 where x is a number, 0 where x is NaN or infinite. The gradient is 0.
 * @throws TypeError where x is neither a tensor nor a number
 */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name in NumPy, PyTorch and JAX; code here says Number.isFinite
export const isFinite = unary("isFinite", "finite", "none");
/**
 * Sine of x in radians.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const sin = unary("sin", "sine", ({ inputs: [x] }, arriving) => [mul(arriving, cos(x))]);
/**
 * Cosine of x in radians.
 * @throws TypeError where x is neither a tensor nor a number
 */
export const cos = unary("cos", "cosine", ({ inputs: [x] }, arriving) => [neg(mul(arriving, sin(x)))]);

/** Cumulative distribution function Φ of the standard normal distribution. */
export const normalCdf = unary("normalCdf", "normalCdf", ({ inputs: [x] }, arriving) => [
  mul(arriving, normalPdf(x)),
]);
/** Density φ of the standard normal distribution. */
export const normalPdf = unary("normalPdf", "normalPdf", (node, arriving) => [
  neg(mul(arriving, mul(node.inputs[0], node))),
]);

/**
 * One-hot rows [..., classes] from class indices [...]. Labels equal to `except` may lie outside the classes.
 * @throws RangeError where `classes` is no whole number from 1
 * @throws TypeError where `labels` is no tensor; in a run, EngineError where a label from the host is out of range
 */
export function oneHot(labels: Tensor, classes: number, except?: number): Tensor {
  checkTensor("oneHot", labels);
  checkWhole("oneHot: classes", classes);
  const shape = [...labels.shape, classes];
  return equal(iota(shape, labels.rank), indexColumn(labels, { count: classes, except }));
}
