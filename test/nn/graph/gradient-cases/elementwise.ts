/** Elementwise ops: at odd shapes, with either operand broadcast, away from kinks. */
import {
  abs,
  add,
  choose,
  constant,
  cos,
  div,
  equal,
  exp,
  floor,
  greater,
  iota,
  log,
  maximum,
  minimum,
  mul,
  neg,
  ops,
  sign,
  sin,
  sqrt,
  square,
  sub,
  type Tensor,
} from "../../../../src/index.ts";
import { normalCdf, normalPdf } from "../../../../src/nn/graph/ops/scalar.ts";
import type { DifferentiableFunction } from "../../../helpers/finite-differences.ts";
import { node } from "../../../helpers/nodes.ts";
import { nearGrid, type Sample, uniform } from "../../../helpers/samples.ts";

type Cases = Record<string, Record<string, DifferentiableFunction>>;

function unary(fn: (x: Tensor) => Tensor, x: Sample = uniform([3, 7], -2, 2)) {
  return { inputs: { x }, body: ({ x }: Readonly<Record<string, Tensor>>) => fn(x) };
}

/** Values of both signs, none near 0. */
const kinkAtZero = () => nearGrid([3, 7], 0.4, 0.2);

/** Three ways to broadcast, with operands from `a` and `b`. */
function binary(
  fn: (a: Tensor, b: Tensor) => Tensor,
  a: (shape: number[]) => Sample,
  b: (shape: number[]) => Sample,
): Record<string, DifferentiableFunction> {
  const body = ({ a, b }: Readonly<Record<string, Tensor>>) => fn(a, b);
  return {
    "equal shapes": { inputs: { a: a([3, 5]), b: b([3, 5]) }, body },
    "b broadcast": { inputs: { a: a([2, 3, 5]), b: b([3, 1]) }, body },
    "both broadcast": { inputs: { a: a([4, 1, 3]), b: b([5, 1]) }, body },
    "a scalar": { inputs: { a: a([]), b: b([7]) }, body },
  };
}

const any = (shape: number[]) => uniform(shape, -2, 2);
/** Numbers that keep apart from those of `other`. */
const one = (shape: number[]) => nearGrid(shape, 0.4, 0);
const other = (shape: number[]) => nearGrid(shape, 0.4, 0.2);

export const elementwiseCases: Cases = {
  add: binary(add, any, any),
  sub: binary(sub, any, any),
  mul: binary(mul, any, any),
  div: binary(div, any, (shape) => uniform(shape, 0.5, 2)),
  maximum: binary(maximum, one, other),
  minimum: binary(minimum, one, other),
  greater: binary(greater, one, other),
  equal: binary(equal, one, other),
  choose: {
    "by a comparison": {
      inputs: { a: any([3, 5]), b: any([3, 1]) },
      body: ({ a, b }) => choose(greater(iota([3, 5], 1), 1.5), a, b),
    },
    "between a tensor and a number": {
      inputs: { condition: kinkAtZero(), a: any([7]) },
      body: ({ condition, a }) => choose(greater(condition, 0), square(a), 3),
    },
  },
  neg: { plain: unary(neg) },
  square: { plain: unary(square) },
  exp: { plain: unary(exp) },
  log: { plain: unary(log, uniform([3, 7], 0.5, 3)) },
  sqrt: { plain: unary(sqrt, uniform([3, 7], 0.5, 3)) },
  abs: { plain: unary(abs, kinkAtZero()) },
  sign: { plain: unary(sign, kinkAtZero()) },
  floor: { plain: unary(floor, nearGrid([3, 7], 1, 0.5)) },
  isFinite: { plain: unary(ops.isFinite) },
  sin: { plain: unary(sin) },
  cos: { plain: unary(cos) },
  normalCdf: { plain: unary(normalCdf), gelu: unary(ops.gelu) },
  normalPdf: { plain: unary(normalPdf) },
  relu: { plain: unary(ops.relu, kinkAtZero()) },
  leakyRelu: { plain: unary((x) => ops.leakyRelu(x, 0.3), kinkAtZero()) },
  elu: { plain: unary((x) => ops.elu(x, 0.7), kinkAtZero()) },
  selu: { plain: unary(ops.selu, kinkAtZero()) },
  sigmoid: { plain: unary(ops.sigmoid), silu: unary(ops.silu) },
  tanh: { plain: unary(ops.tanh) },
  softplus: { plain: unary(ops.softplus) },
  copy: { plain: unary((x) => node("copy", [square(x)], { place: "0" })) },
  constant: { "as an operand": unary((x) => mul(square(x), constant(1.5, [3, 1]))) },
  iota: { "as an operand": unary((x) => mul(square(x), iota([3, 7], 0))) },
};
