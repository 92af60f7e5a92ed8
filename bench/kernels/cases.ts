/** The kernels' cases: shapes that training has. A case is a function of traced tensors. */
import { add, argmax, gradients, matmul, mul, ops, sum, type Tensor, transpose } from "wgrad";

type Shapes = Readonly<Record<string, readonly number[]>>;
/** What the inputs hold. */
export type Values = Readonly<Record<string, Float32Array>>;
type Traced = Readonly<Record<string, Tensor>>;

export interface KernelCase {
  /** The kernel and its variants are known by the beginning of their names. */
  readonly kernel: string;
  readonly shape: string;
  readonly inputs: Shapes;
  readonly body: (inputs: Traced) => Tensor;
  /** Of a product that takes the CPU engine seconds: operations, and one element of the result in f64. */
  readonly large?: {
    readonly flops: number;
    readonly element: (values: Values, index: number) => number;
  };
}

type Layout = "NN" | "NT" | "TN";

/** From here on, elements are checked one by one. */
const LARGE_FLOPS = 1e9;

export function product(m: number, n: number, k: number, layout: Layout): KernelCase {
  const flops = 2 * m * n * k;
  const [stepA, rowA] = layout === "TN" ? [m, 1] : [1, k];
  const [stepB, columnB] = layout === "NT" ? [1, k] : [n, 1];
  const element = ({ a, b }: Values, index: number) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[row * rowA + i * stepA] * b[column * columnB + i * stepB];
    return sum;
  };
  return {
    kernel: "matmul",
    shape: `${layout} ${m} × ${k} · ${k} × ${n}`,
    inputs: { a: layout === "TN" ? [k, m] : [m, k], b: layout === "NT" ? [n, k] : [k, n] },
    body: ({ a, b }) => matmul(layout === "TN" ? transpose(a) : a, layout === "NT" ? transpose(b) : b),
    large: flops > LARGE_FLOPS ? { flops, element } : undefined,
  };
}

/** A convolution of the `conv` model at batch 64, forward and backward. */
function convolution(x: readonly number[], w: readonly number[]): KernelCase[] {
  const y = [x[0], w[0], x[2] - w[2] + 1, x[3] - w[3] + 1];
  const shape = `${x.join("×")} by ${w.join("×")}`;
  const conv = ({ x, w }: Traced) => ops.conv2d(x, w);
  return [
    { kernel: "convForward", shape, inputs: { x, w }, body: conv },
    {
      kernel: "convInputGradient",
      shape,
      inputs: { x, w, y },
      body: (inputs) => gradients(conv(inputs), [inputs.x], inputs.y)[0],
    },
    {
      kernel: "convWeightGradient",
      shape,
      inputs: { x, w, y },
      body: (inputs) => gradients(conv(inputs), [inputs.w], inputs.y)[0],
    },
  ];
}

const image = [64, 24, 24, 24];
/** The most telling first: a run that is cut off has measured them. */
export const CASES: readonly KernelCase[] = [
  ...[1024, 2048, 4096, 8192].map((size) => product(size, size, size, "NN")),
  product(1024, 1024, 1024, "NT"),
  product(1024, 1024, 1024, "TN"),
  product(256, 256, 256, "NN"),
  product(128, 256, 784, "NT"),
  product(256, 784, 128, "TN"),
  product(1, 4096, 1024, "NT"),
  product(10, 30, 784, "NT"),
  {
    kernel: "matmul",
    shape: "64 of 128 × 64 · 64 × 128",
    inputs: { a: [64, 128, 64], b: [64, 64, 128] },
    body: ({ a, b }) => matmul(a, b),
  },
  ...convolution([64, 1, 28, 28], [24, 1, 5, 5]),
  ...convolution([64, 24, 12, 12], [32, 24, 3, 3]),
  { kernel: "maxSelect", shape: image.join("×"), inputs: { x: image }, body: ({ x }) => ops.maxPool2d(x, 2) },
  {
    kernel: "maxScatter",
    shape: image.join("×"),
    inputs: { x: image, y: [64, 24, 12, 12] },
    body: ({ x, y }) => gradients(ops.maxPool2d(x, 2), [x], y)[0],
  },
  {
    kernel: "elementwise",
    shape: "a + b, 4 M",
    inputs: { a: [4 * 2 ** 20], b: [4 * 2 ** 20] },
    body: ({ a, b }) => ops.relu(add(a, mul(b, 2))),
  },
  { kernel: "reduce", shape: "sum of all of 4 M", inputs: { x: [2048, 2048] }, body: ({ x }) => sum(x) },
  { kernel: "reduce", shape: "sum of rows, 2048²", inputs: { x: [2048, 2048] }, body: ({ x }) => sum(x, 1) },
  {
    kernel: "reduce",
    shape: "sum of columns, 2048²",
    inputs: { x: [2048, 2048] },
    body: ({ x }) => sum(x, 0),
  },
  { kernel: "softmax", shape: "4096 × 512", inputs: { x: [4096, 512] }, body: ({ x }) => ops.softmax(x) },
  {
    kernel: "crossEntropy",
    shape: "4096 × 10",
    inputs: { x: [4096, 10], y: [4096, 10] },
    body: ({ x, y }) => ops.crossEntropy(x, argmax(y)),
  },
];
