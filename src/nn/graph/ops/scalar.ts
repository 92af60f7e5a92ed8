/** Elementwise arithmetic and functions, with broadcasting, each with its gradient rule. */
import { checkWhole } from "../../../checks.ts";
import type { ScalarFunction } from "../../../kernels/scalar.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { broadcastShapes, broadcastStrides, checkShape, sameShape } from "../shape.ts";
import { checkTensor, define, type GradientRule, type Op, ShapeError, type Tensor } from "../tensor.ts";
import { constant, constantValue, iota, tensor } from "./source.ts";
import { indexColumn } from "./view.ts";

/** What arithmetic takes: tensors, or numbers as constants. */
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

/** The scalar function of an elementwise node's op, for the passes that look at graphs. */
export function isScalarOp(node: Tensor): boolean {
  return scalarOps.get(node.op.name) === node.op;
}

export function asTensor(operand: Operand, op: string): Tensor {
  if (typeof operand !== "number") checkTensor(op, operand);
  return typeof operand === "number" ? constant(operand) : operand;
}

/** For kernels that read f32 as it lies in memory: anything else is converted first. */
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

/** `tensor` repeated to `shape`, by the broadcasting rule. */
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

/** Folds constants: `known(a, b)` where both are known, else `otherwise` with what is known. */
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

/** Whether a and b have a's shape, so that an identity can return a itself. */
function keeps(a: Tensor, b: Tensor): boolean {
  return sameShape(broadcastShapes("broadcast", [a.shape, b.shape]), a.shape) && a.dtype === "f32";
}

const addOp = scalarOp("add", "add", (_node, arriving) => [arriving, arriving]);
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

/** A constant that compilers do not know: of quotients that they know to have a 0 in them they make what they like. */
function inMemory({ shape }: Tensor, value: number): Tensor {
  return broadcastTo(tensor([value], []), shape);
}

export const neg = scalarOp("neg", "neg", (_node, arriving) => [neg(arriving)]) as (x: Operand) => Tensor;

/** 1 where a > b, else 0; with NaN on either side, 0. */
export const greater = binary("greater", "greater", "none");
/** 1 where a equals b, else 0; NaN equals nothing, not even itself. */
export const equal = binary("equal", "equal", "none");

/** 1, but 0 where x is NaN: which nothing equals, itself neither, on every engine. */
export function isNumber(x: Tensor): Tensor {
  return equal(x, x);
}

/** `a` where `condition` is not 0 (NaN is not), else `b`. What is not chosen has no say, be it NaN or infinite. */
export const choose = scalarOp("choose", "choose", ({ inputs: [condition] }, arriving) => [
  undefined,
  choose(condition, arriving, 0),
  choose(condition, 0, arriving),
]) as (condition: Operand, a: Operand, b: Operand) => Tensor;

/** The larger of two, NaN if one is; where they are equal each gets half the gradient, as in PyTorch. */
export const maximum = binary(
  "maximum",
  "maximum",
  extremum((a, b) => greater(b, a)),
);
/** The smaller of two, NaN if one is; where they are equal each gets half the gradient, as in PyTorch. */
export const minimum = binary(
  "minimum",
  "minimum",
  extremum((a, b) => greater(a, b)),
);

/** Beside NaN none loses, and both get the gradient, as in PyTorch. */
function extremum(loses: (a: Tensor, b: Tensor) => Tensor): GradientRule<null> {
  return ({ inputs: [a, b] }, arriving) => {
    const tied = choose(equal(a, b), mul(arriving, 0.5), arriving);
    return [choose(loses(a, b), 0, tied), choose(loses(b, a), 0, tied)];
  };
}

export const square = unary("square", "square", ({ inputs: [x] }, arriving) => [mul(arriving, mul(x, 2))]);
export const exp = unary("exp", "exponential", (node, arriving) => [mul(arriving, node)]);
export const log = unary("log", "logarithm", ({ inputs: [x] }, arriving) => [div(arriving, x)]);
export const sqrt = unary("sqrt", "squareRoot", (node, arriving) => [div(mul(arriving, 0.5), node)]);
/** |x|; its gradient at 0 is 0. */
export const abs = unary("abs", "absolute", ({ inputs: [x] }, arriving) => [mul(arriving, sign(x))]);
/** -1, 0 or 1; NaN of NaN. */
export const sign = unary("sign", "signum", "none");
export const floor = unary("floor", "floorOf", "none");
export const sin = unary("sin", "sine", ({ inputs: [x] }, arriving) => [mul(arriving, cos(x))]);
export const cos = unary("cos", "cosine", ({ inputs: [x] }, arriving) => [neg(mul(arriving, sin(x)))]);

/** The standard normal distribution's cumulative function Φ. */
export const normalCdf = unary("normalCdf", "normalCdf", ({ inputs: [x] }, arriving) => [
  mul(arriving, normalPdf(x)),
]);
/** The standard normal distribution's density φ. */
export const normalPdf = unary("normalPdf", "normalPdf", (node, arriving) => [
  neg(mul(arriving, mul(node.inputs[0], node))),
]);

/** One-hot rows: [..., classes] from class indices [...]. Labels that are `except`, if given, may lie outside. */
export function oneHot(labels: Tensor, classes: number, except?: number): Tensor {
  checkTensor("oneHot", labels);
  checkWhole("oneHot: classes", classes);
  const shape = [...labels.shape, classes];
  return equal(iota(shape, labels.rank), indexColumn(labels, { count: classes, except }));
}
