/**
 * Graphs, evaluated naively: every node for itself, element by element, in f64. It shares nothing with lowering, kernels
 * and engines but the nodes, so it can judge them.
 */
import { type Tensor, topological } from "../../src/nn/graph/tensor.ts";
import { elementCount, type Shape, scalarName } from "../../src/program.ts";
import { stepUniform } from "../../src/random.ts";
import { imageRules } from "./interpreter-images.ts";
import { normRules } from "./interpreter-norms.ts";
import {
  attribute,
  coordinates,
  type Evaluation,
  type Given,
  type Rule,
  type Values,
} from "./interpreter-values.ts";

export type { Given, Values } from "./interpreter-values.ts";

/** Whether `evaluate` knows all ops that `roots` are made of. */
export function isKnown(roots: readonly Tensor[]): boolean {
  return topological(roots).every((node) => rules[node.op.name] !== undefined);
}

/** What each node of a graph is, and how close the closest comparison of unequal numbers was. */
interface Evaluated {
  readonly elements: ReadonlyMap<Tensor, Values>;
  /** Relative to the numbers compared: 0.01 says that 1 % more could have changed the outcome. */
  readonly margin: number;
}

/** @param known what earlier calls found */
export function evaluate(
  roots: readonly Tensor[],
  given: Given,
  known: ReadonlyMap<Tensor, Values> = new Map(),
): Evaluated {
  const elements = new Map(known);
  let margin = Number.POSITIVE_INFINITY;
  const compared = (a: number, b: number) => {
    if (a !== b) margin = Math.min(margin, Math.abs(a - b) / Math.max(1, Math.abs(a), Math.abs(b)));
  };
  for (const node of topological(roots)) {
    if (elements.has(node)) continue;
    const rule = rules[node.op.name];
    if (!rule) throw new Error(`the interpreter does not know op ${node.op.name}`);
    const inputs = node.inputs.map((input) => elements.get(input) as Values);
    elements.set(node, rule({ node, inputs, given, compared }));
  }
  return { elements, margin };
}

function count(shape: Shape): number {
  let product = 1;
  for (const size of shape) product *= size;
  return product;
}

function flat(indices: readonly number[], shape: Shape): number {
  return shape.reduce((position, size, axis) => position * size + indices[axis], 0);
}

/** A tensor of `shape` whose element at `indices` is `element(indices)`. */
function build(shape: Shape, element: (indices: number[]) => number): Values {
  return Float64Array.from({ length: count(shape) }, (_, i) => element(coordinates(i, shape)));
}

/** The element of a broadcast tensor: missing axes in front, and axes of size 1, do not count. */
function broadcast(values: Values, shape: Shape, indices: readonly number[]): number {
  const own = indices.slice(indices.length - shape.length);
  return values[
    flat(
      own.map((index, axis) => (shape[axis] === 1 ? 0 : index)),
      shape,
    )
  ];
}

function elementwise(fn: (...values: number[]) => number, comparesFirstTwo = false): Rule {
  return ({ node, inputs, compared }) =>
    build(node.shape, (indices) => {
      const values = inputs.map((input, i) => broadcast(input, node.inputs[i].shape, indices));
      if (comparesFirstTwo) compared(values[0], values[1]);
      return fn(...values);
    });
}

/** Functions of one number that jump, or whose gradient does, at 0. */
function aroundZero(fn: (x: number) => number): Rule {
  return ({ node, inputs: [x], compared }) =>
    build(node.shape, (indices) => {
      const value = x[flat(indices, node.shape)];
      compared(value, 0);
      return fn(value);
    });
}

const softplus = (x: number) => (x > 30 ? x : Math.log1p(Math.exp(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const elu = (x: number, alpha: number) => (x > 0 ? x : alpha * (Math.exp(x) - 1));

/** Φ by integrating the density from 0, Simpson's rule. */
function cumulative(x: number): number {
  const steps = 200;
  const h = Math.min(Math.max(x, -9), 9) / steps;
  let sum = density(0) + density(h * steps);
  for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * h);
  return 0.5 + (sum * h) / 3;
}

/** Rows of x [rows, size]. */
/** For each row of logits, 1 where its first maximum is at the label and none is NaN, else 0. */
function hits({ node, inputs: [logits, labels], compared }: Evaluation): Float64Array {
  const rows = rowsOf(logits, node.inputs[0].shape[1]);
  const isHit = (row: Values, i: number) =>
    firstMaximum(row, compared) === labels[i] && !row.some(Number.isNaN);
  return Float64Array.from(rows, (row, i) => (isHit(row, i) ? 1 : 0));
}

function rowsOf(x: Values, size: number): Values[] {
  return Array.from({ length: x.length / size }, (_, row) => x.subarray(row * size, (row + 1) * size));
}

function firstMaximum(row: Values, compared: Evaluation["compared"]): number {
  const missing = row.findIndex(Number.isNaN);
  if (missing >= 0) return missing;
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  row.forEach((value) => {
    compared(value, row[best]);
  });
  return best;
}

function softmaxRow(row: Values): Values {
  const highest = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function concatenated(rows: readonly Values[]): Values {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

/** A row's loss, and softmax minus target. */
function rowLoss(row: Values, label: number, smoothing: number): { loss: number; difference: Values } {
  const probabilities = softmaxRow(row);
  const goal = row.map((_, i) => (i === label ? 1 - smoothing : 0) + smoothing / row.length);
  let loss = 0;
  row.forEach((_, i) => {
    // 0 · log 0 is 0.
    if (goal[i] > 0) loss -= goal[i] * Math.log(probabilities[i]);
  });
  return { loss, difference: probabilities.map((p, i) => p - goal[i]) };
}

function crossEntropy(pick: (found: ReturnType<typeof rowLoss>) => readonly number[]): Rule {
  return ({ node, inputs: [logits, labels] }) =>
    concatenated(
      rowsOf(logits, node.inputs[0].shape[1]).map((row, i) =>
        Float64Array.from(pick(rowLoss(row, labels[i], attribute(node, "smoothing") as number))),
      ),
    );
}

const reductions: Readonly<Record<string, (row: Values, compared: Evaluation["compared"]) => number>> = {
  sum: (row) => row.reduce((sum, value) => sum + value, 0),
  max: (row, compared) => row[firstMaximum(row, compared)],
  argmax: firstMaximum,
};

const matmul: Rule = ({ node, inputs: [a, b] }) => {
  const [shapeA, shapeB] = node.inputs.map(({ shape }) => shape);
  const transposeA = attribute(node, "transposeA");
  const transposeB = attribute(node, "transposeB");
  const inner = shapeA[shapeA.length - (transposeA ? 2 : 1)];
  return build(node.shape, (indices) => {
    const batch = indices.slice(0, -2);
    const [row, column] = indices.slice(-2);
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const x = broadcast(a, shapeA, [...batch, ...(transposeA ? [k, row] : [row, k])]);
      const y = broadcast(b, shapeB, [...batch, ...(transposeB ? [column, k] : [k, column])]);
      sum += x * y;
    }
    return sum;
  });
};

/** What a constant holds, or what is given by its name. */
const named: Rule = ({ node, given }) =>
  Float64Array.from(
    (attribute(node, "values") as number[]) ?? given[scalarName(attribute(node, "name") as string)],
  );

/** By op. */
const rules: Readonly<Record<string, Rule>> = {
  source: named,
  stepScalar: named,
  window: ({ node, inputs: [x], given }) => {
    const [start] = Array.from(given[scalarName(attribute(node, "scalar") as string)]);
    return x.slice(start, start + node.shape[0]);
  },
  random: ({ node, given: { seed, step } }) =>
    Float64Array.from({ length: count(node.shape) }, (_, i) =>
      stepUniform(seed[0], attribute(node, "stream") as number, step[0], i),
    ),
  add: elementwise((a, b) => a + b),
  sub: elementwise((a, b) => a - b),
  mul: elementwise((a, b) => a * b),
  div: elementwise((a, b) => a / b),
  maximum: elementwise((a, b) => Math.max(a, b), true),
  minimum: elementwise((a, b) => Math.min(a, b), true),
  greater: elementwise((a, b) => (a > b ? 1 : 0), true),
  equal: elementwise((a, b) => (a === b ? 1 : 0), true),
  choose: elementwise((condition, a, b) => (condition !== 0 ? a : b)),
  neg: elementwise((x) => -x),
  square: elementwise((x) => x * x),
  exp: elementwise(Math.exp),
  log: elementwise(Math.log),
  sqrt: elementwise(Math.sqrt),
  abs: aroundZero(Math.abs),
  sign: aroundZero(Math.sign),
  floor: ({ node, inputs: [x], compared }) =>
    build(node.shape, (indices) => {
      const value = x[flat(indices, node.shape)];
      compared(value, Math.round(value));
      return Math.floor(value);
    }),
  isFinite: elementwise((x) => (Number.isFinite(x) ? 1 : 0)),
  sin: elementwise(Math.sin),
  cos: elementwise(Math.cos),
  normalCdf: elementwise(cumulative),
  normalPdf: elementwise(density),
  relu: aroundZero((x) => Math.max(x, 0)),
  leakyRelu: elementwise((x, slope) => (x > 0 ? x : slope * x)),
  elu: elementwise(elu),
  selu: aroundZero((x) => 1.0507009873554805 * elu(x, 1.6732632423543772)),
  sigmoid: elementwise(sigmoid),
  tanh: elementwise(Math.tanh),
  softplus: elementwise(softplus),
  constant: ({ node }) => build(node.shape, () => Math.fround(attribute(node, "value") as number)),
  iota: ({ node }) => build(node.shape, (indices) => indices[attribute(node, "axis") as number]),
  broadcast: ({ node, inputs: [x] }) =>
    build(node.shape, (indices) => broadcast(x, node.inputs[0].shape, indices)),
  reshape: ({ inputs: [x] }) => x,
  transpose: ({ node, inputs: [x] }) => {
    const axes = attribute(node, "axes") as number[];
    return build(node.shape, (indices) => {
      const own = new Array<number>(axes.length);
      axes.forEach((axis, i) => {
        own[axis] = indices[i];
      });
      return x[flat(own, node.inputs[0].shape)];
    });
  },
  slice: ({ node, inputs: [x] }) => {
    const { axis, start } = node.attributes as { axis: number; start: number };
    return build(
      node.shape,
      (indices) =>
        x[
          flat(
            indices.map((index, i) => (i === axis ? index + start : index)),
            node.inputs[0].shape,
          )
        ],
    );
  },
  pad: ({ node, inputs: [x] }) => {
    const { axis, before } = node.attributes as { axis: number; before: number };
    const { shape } = node.inputs[0];
    return build(node.shape, (indices) => {
      const own = indices.map((index, i) => (i === axis ? index - before : index));
      return own[axis] >= 0 && own[axis] < shape[axis] ? x[flat(own, shape)] : 0;
    });
  },
  concat: ({ node, inputs: [a, b] }) => {
    const axis = attribute(node, "axis") as number;
    const [first, second] = node.inputs.map(({ shape }) => shape);
    return build(node.shape, (indices) => {
      if (indices[axis] < first[axis]) return a[flat(indices, first)];
      return b[
        flat(
          indices.map((index, i) => (i === axis ? index - first[axis] : index)),
          second,
        )
      ];
    });
  },
  gather: ({ node, inputs: [x, rows] }) => {
    const [{ shape }, { rank }] = node.inputs;
    return build(node.shape, (indices) => {
      const row = rows[flat(indices.slice(0, rank), node.inputs[1].shape)];
      return x[flat([row, ...indices.slice(rank)], shape)];
    });
  },
  scatterRows: ({ node, inputs: [values, rows] }) => {
    const size = elementCount(node.shape.slice(1));
    const sums = new Float64Array(elementCount(node.shape));
    values.forEach((value, i) => {
      sums[rows[Math.floor(i / size)] * size + (i % size)] += value;
    });
    return sums;
  },
  reduce: ({ node, inputs: [x], compared }) => {
    const reduction = reductions[attribute(node, "mode") as string];
    const [, size, inner] = node.inputs[0].shape;
    return Float64Array.from({ length: x.length / size }, (_, result) => {
      const first = Math.floor(result / inner) * size * inner + (result % inner);
      return reduction(
        Float64Array.from({ length: size }, (_, r) => x[first + r * inner]),
        compared,
      );
    });
  },
  softmax: ({ node, inputs: [x] }) => {
    const rows = rowsOf(x, node.shape[node.rank - 1]).map(softmaxRow);
    return concatenated(rows).map((p) => (attribute(node, "logarithm") ? Math.log(p) : p));
  },
  softmaxGradient: ({ node, inputs: [y, dy] }) => {
    const size = node.shape[node.rank - 1];
    const log = attribute(node, "logarithm");
    const dys = rowsOf(dy, size);
    const total = (values: Values) => values.reduce((a, b) => a + b, 0);
    const rows = rowsOf(y, size).map((row, r) => {
      const sum = total(log ? dys[r] : row.map((value, i) => value * dys[r][i]));
      return row.map((value, i) => (log ? dys[r][i] - Math.exp(value) * sum : value * (dys[r][i] - sum)));
    });
    return concatenated(rows);
  },
  matmul,
  ...normRules,
  ...imageRules,
  crossEntropy: crossEntropy(({ loss }) => [loss]),
  crossEntropyGradient: crossEntropy(({ difference }) => [...difference]),
  correct: (evaluation) => Float64Array.of(hits(evaluation).reduce((a, b) => a + b, 0)),
  hits,
};
