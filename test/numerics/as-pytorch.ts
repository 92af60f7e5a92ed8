/** What PyTorch gives for NaN, infinities and the largest numbers: written down, not computed. */
import {
  abs,
  add,
  argmax,
  choose,
  constant,
  correctCount,
  cos,
  div,
  equal,
  exp,
  floor,
  gradients,
  greater,
  log,
  logSoftmax,
  max,
  maximum,
  minimum,
  mul,
  ops,
  sign,
  sin,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { gridSample } from "../../src/nn/graph/ops/gridSample.ts";
import { normalCdf, normalPdf } from "../../src/nn/graph/ops/scalar.ts";
import type { Sample } from "../helpers/samples.ts";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

type Tensors = Readonly<Record<string, Tensor>>;

export interface Known {
  readonly inputs: Readonly<Record<string, Sample>>;
  readonly body: (inputs: Tensors) => Tensor;
  readonly want: readonly number[];
}

function floats(values: readonly number[], shape: readonly number[] = [values.length]): Sample<Float32Array> {
  return { shape, dtype: "f32", data: Float32Array.from(values) };
}

function classes(...values: number[]): Sample<Int32Array> {
  return { shape: [values.length], dtype: "i32", data: Int32Array.from(values) };
}

const strangers = [nan, inf, -inf, 3e38, -3e38, 0];

/** The function of NaN, ∞, -∞, 3e38, -3e38 and 0. */
function unary(fn: (x: Tensor) => Tensor, ...want: number[]): Known {
  return { inputs: { x: floats(strangers) }, body: ({ x }) => fn(x), want };
}

/** The derivative there. */
function slope(fn: (x: Tensor) => Tensor, ...want: number[]): Known {
  return { inputs: { x: floats(strangers) }, body: ({ x }) => gradients(sum(fn(x)), [x])[0], want };
}

/** The derivative at -14 and -20, in units of 1e-9: it is that small. */
function farBelow0(fn: (x: Tensor) => Tensor, ...want: number[]): Known {
  return {
    inputs: { x: floats([-14, -20]) },
    body: ({ x }) => mul(gradients(sum(fn(x)), [x])[0], 1e9),
    want: want.map((one) => one * 1e9),
  };
}

/** What the sum of the losses of rows sends back, or the loss itself. */
function ofLogits(
  rows: readonly (readonly number[])[],
  labels: Sample,
  fn: (logits: Tensor, labels: Tensor) => Tensor,
  ...want: number[]
): Known {
  return {
    inputs: { logits: floats(rows.flat(), [rows.length, rows[0].length]), labels },
    body: ({ logits, labels }) => fn(logits, labels),
    want,
  };
}

const image = (...values: number[]) => floats(values, [1, 1, values.length / 3, 3]);
const SELU = 1.7580993175506592;

export const asPyTorch: Readonly<Record<string, Known>> = {
  relu: unary((x) => ops.relu(x), nan, inf, 0, 3e38, 0, 0),
  "relu, slope": slope((x) => ops.relu(x), 1, 1, 0, 1, 0, 0),
  leakyRelu: unary((x) => ops.leakyRelu(x, 0.5), nan, inf, -inf, 3e38, -1.5e38, 0),
  "elu, slope far below 0": farBelow0((x) => ops.elu(x, 1), 8.315287e-7, 2.0611537e-9),
  "selu, slope far below 0": farBelow0((x) => ops.selu(x), 1.4619101e-6, 3.6237129e-9),
  elu: unary((x) => ops.elu(x, 1), nan, inf, -1, 3e38, -1, 0),
  selu: unary((x) => ops.selu(x), nan, inf, -SELU, 1.0507009873554805 * 3e38, -SELU, 0),
  tanh: unary((x) => ops.tanh(x), nan, 1, -1, 1, -1, 0),
  "tanh, slope": slope((x) => ops.tanh(x), nan, 0, 0, 0, 0, 1),
  sigmoid: unary((x) => ops.sigmoid(x), nan, 1, 0, 1, 0, 0.5),
  gelu: unary((x) => ops.gelu(x), nan, inf, nan, 3e38, 0, 0),
  "gelu, slope": slope((x) => ops.gelu(x), nan, nan, nan, 1, 0, 0.5),
  silu: unary((x) => ops.silu(x), nan, inf, nan, 3e38, 0, 0),
  softplus: unary((x) => ops.softplus(x), nan, inf, 0, 3e38, 0, Math.LN2),
  exp: unary(exp, nan, inf, 0, inf, 0, 1),
  log: unary(log, nan, inf, nan, Math.log(3e38), nan, -inf),
  sin: unary(sin, nan, nan, nan, Math.sin(Math.fround(3e38)), -Math.sin(Math.fround(3e38)), 0),
  cos: unary(cos, nan, nan, nan, Math.cos(Math.fround(3e38)), Math.cos(Math.fround(3e38)), 1),
  floor: unary(floor, nan, inf, -inf, 3e38, -3e38, 0),
  isFinite: unary((x) => ops.isFinite(x), 0, 0, 0, 1, 1, 1),
  square: unary(square, nan, inf, inf, inf, inf, 0),
  normalCdf: unary(normalCdf, nan, 1, 0, 1, 0, 0.5),
  normalPdf: unary(normalPdf, nan, 0, 0, 0, 0, 1 / Math.sqrt(2 * Math.PI)),
  sqrt: unary(sqrt, nan, inf, nan, Math.sqrt(3e38), nan, 0),
  // Where PyTorch gives 0 for the sign of NaN, it stays NaN, as in NumPy and JAX.
  sign: unary(sign, nan, 1, -1, 1, -1, 0),
  abs: unary(abs, nan, inf, inf, 3e38, 3e38, 0),
  "multiplied by 0": unary((x) => mul(x, 0), nan, nan, nan, 0, 0, 0),
  "minus itself": unary((x) => sub(x, x), nan, nan, nan, 0, 0, 0),
  "0 divided": unary((x) => div(0, x), nan, 0, 0, 0, 0, nan),
  "0 divided by 0": unary((x) => add(mul(x, 0), div(constant(0, [6]), 0)), nan, nan, nan, nan, nan, nan),
  "divided by 0": unary((x) => div(x, 0), nan, inf, -inf, inf, -inf, nan),
  "divided by itself": unary((x) => div(x, x), nan, nan, nan, 1, 1, nan),
  "equal to itself": unary((x) => equal(x, x), 0, 1, 1, 1, 1, 1),
  "greater than 0": unary((x) => greater(x, 0), 0, 1, 0, 1, 0, 0),
  "not greater than 0": unary((x) => sub(1, greater(x, 0)), 1, 0, 1, 0, 1, 1),
  "chosen by itself": unary((x) => choose(x, 7, 8), 7, 7, 7, 7, 7, 8),
  "at least 0, by a choice": unary((x) => choose(greater(x, 0), x, 0), 0, inf, 0, 3e38, 0, 0),
  maximum: unary((x) => maximum(x, 1), nan, inf, 1, 3e38, 1, 1),
  "maximum with NaN": unary((x) => maximum(1, x), nan, inf, 1, 3e38, 1, 1),
  "maximum, slope": slope((x) => maximum(x, 1), 1, 1, 0, 1, 0, 0),
  minimum: unary((x) => minimum(x, 1), nan, 1, -inf, 1, -3e38, 0),
  "minimum, slope": slope((x) => minimum(x, 1), 1, 0, 1, 0, 1, 1),
  "between bounds": unary((x) => minimum(maximum(x, -1), 1), nan, 1, -1, 1, -1, 0),
  max: {
    inputs: { x: floats([1, nan, 2, 1, 3, 2, -inf, -inf, -inf, -3e38, -inf, 3e38], [4, 3]) },
    body: ({ x }) => max(x, 1),
    want: [nan, 3, -inf, 3e38],
  },
  "max, slope": {
    inputs: { x: floats([1, nan, 2, 1, 3, 2, -inf, -inf, -inf], [3, 3]) },
    body: ({ x }) => gradients(sum(max(x, 1)), [x])[0],
    want: [nan, nan, nan, 0, 1, 0, 1 / 3, 1 / 3, 1 / 3],
  },
  argmax: {
    inputs: { x: floats([1, nan, nan, 1, 3, 2, -inf, -inf, -inf, inf, nan, 5], [4, 3]) },
    body: ({ x }) => argmax(x),
    want: [1, 1, 0, 1],
  },
  softmax: {
    inputs: { x: floats([1, nan, 2, 1, -inf, 1, -inf, -inf, -inf, 3e38, -3e38, 3e38, inf, 1, 2], [5, 3]) },
    body: ({ x }) => ops.softmax(x),
    want: [nan, nan, nan, 0.5, 0, 0.5, nan, nan, nan, 0.5, 0, 0.5, nan, nan, nan],
  },
  "softmax, slope of masked logits": {
    inputs: { x: floats([1, -inf, 1], [1, 3]) },
    body: ({ x }) => gradients(sum(mul(ops.softmax(x), x)), [x], undefined)[0],
    want: [nan, nan, nan],
  },
  logSoftmax: {
    inputs: { x: floats([1, -inf, 1, 3e38, -3e38, 3e38], [2, 3]) },
    body: ({ x }) => logSoftmax(x),
    want: [-Math.LN2, -inf, -Math.LN2, -Math.LN2, -inf, -Math.LN2],
  },
  maxPool2d: {
    inputs: { x: image(1, nan, 2, 4, 3, 5) },
    body: ({ x }) => ops.maxPool2d(x, [2, 3]),
    want: [nan],
  },
  "maxPool2d, slope": {
    inputs: { x: image(1, nan, 2, 4, nan, 5, 7, 8, -inf) },
    body: ({ x }) => gradients(sum(ops.maxPool2d(x, [3, 2], { stride: 1 })), [x])[0],
    want: [0, 0, 0, 0, 2, 0, 0, 0, 0],
  },
  "maxPool2d of -∞": {
    inputs: { x: image(-inf, -inf, -inf, -inf, -inf, -inf) },
    body: ({ x }) => gradients(sum(ops.maxPool2d(x, [2, 3])), [x])[0],
    want: [1, 0, 0, 0, 0, 0],
  },
  "gridSample reads nothing outside": {
    inputs: {
      x: image(nan, 1, 2, 3, 4, 5),
      // Rows and columns: beside the image, between pixels, nowhere.
      grid: floats([-3, 1, nan, -3, 1, 1], [1, 2, 1, 3]),
    },
    body: ({ x, grid }) => gridSample(x, grid),
    want: [0, 4, nan],
  },
  "crossEntropy, masked": ofLogits(
    [
      [1, -inf, 1],
      [-inf, 2, 2],
    ],
    classes(0, 1),
    (x, y) => ops.crossEntropy(x, y),
    Math.LN2,
  ),
  "crossEntropy, masked, slope": ofLogits(
    [[1, -inf, 1]],
    classes(0),
    (x, y) => gradients(ops.crossEntropy(x, y), [x])[0],
    -0.5,
    0,
    0.5,
  ),
  "crossEntropy, masked target": ofLogits([[1, -inf, 1]], classes(1), (x, y) => ops.crossEntropy(x, y), inf),
  "crossEntropy, masked and smoothed": ofLogits(
    [[1, -inf, 1]],
    classes(0),
    (x, y) => ops.crossEntropy(x, y, { labelSmoothing: 0.1 }),
    inf,
  ),
  "crossEntropy with NaN": ofLogits(
    [
      [1, nan, 1],
      [0, 0, 0],
    ],
    classes(0, 1),
    (x, y) => ops.crossEntropy(x, y),
    nan,
  ),
  "crossEntropy, masked, with an ignored label": ofLogits(
    [
      [1, -inf, 1],
      [3e38, -3e38, 0],
      [nan, 0, 0],
    ],
    classes(0, 0, -1),
    (x, y) => ops.crossEntropy(x, y, { ignoreIndex: -1 }),
    Math.LN2 / 2,
  ),
  "crossEntropy, masked, with an ignored label, slope": ofLogits(
    [
      [1, -inf, 1],
      [3e38, -3e38, 0],
    ],
    classes(0, 0),
    (x, y) => gradients(ops.crossEntropy(x, y, { ignoreIndex: -1 }), [x])[0],
    -0.25,
    0,
    0.25,
    0,
    0,
    0,
  ),
  "crossEntropy of the largest logits": ofLogits(
    [
      [3e38, -3e38],
      [3e38, 3e38],
    ],
    classes(0, 1),
    (x, y) => ops.crossEntropy(x, y),
    Math.LN2 / 2,
  ),
  "crossEntropy, masked, weighted": ofLogits(
    [
      [1, -inf, 1],
      [0, 0, -inf],
    ],
    classes(0, 1),
    (x, y) => ops.crossEntropy(x, y, { classWeights: [1, 3, 2] }),
    Math.LN2,
  ),
  // PyTorch divides 0 by 0 here; as with labels that are all ignored, nothing counts, and the loss is 0.
  "crossEntropy of weights that are all 0": ofLogits(
    [
      [1, 2, 3],
      [3, 2, 1],
    ],
    classes(0, 0),
    (x, y) => ops.crossEntropy(x, y, { classWeights: [0, 1, 1], labelSmoothing: 0.1 }),
    0,
  ),
  "crossEntropy of weights that are all 0, slope": ofLogits(
    [[1, 2, 3]],
    classes(0),
    (x, y) => gradients(ops.crossEntropy(x, y, { classWeights: [0, 1, 1], labelSmoothing: 0.1 }), [x])[0],
    0,
    0,
    0,
  ),
  "crossEntropy of probabilities, masked": {
    inputs: { x: floats([1, -inf, 1], [1, 3]), p: floats([0.5, 0, 0.5], [1, 3]) },
    body: ({ x, p }) => ops.crossEntropy(x, p),
    want: [Math.LN2],
  },
  "rows with NaN are never right": ofLogits(
    [
      [nan, 0, 0],
      [0, nan, 0],
      [0, 1, 0],
    ],
    classes(0, 1, 1),
    (x, y) => correctCount(x, y),
    1,
  ),
  "one output that is NaN is never right": ofLogits([[nan], [1], [nan]], classes(1, 1, 0), correctCount, 1),
};
