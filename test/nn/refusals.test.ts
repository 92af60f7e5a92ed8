/** Bad input is refused by the call that got it, in words that name what came and what was expected. */
import { describe, expect, it } from "vitest";
import {
  adagrad,
  adam,
  adamw,
  argmax,
  avgPool2d,
  batchNorm,
  binaryCrossEntropy,
  broadcastTo,
  concat,
  constant,
  conv2d,
  correctCount,
  cosineDecay,
  cpu,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  elu,
  embedding,
  exponentialDecay,
  flatten,
  gather,
  globalAvgPool2d,
  gradients,
  huber,
  init,
  iota,
  type Layer,
  layerNorm,
  leakyRelu,
  logSoftmax,
  matmul,
  max,
  maxPool2d,
  mean,
  meanSquaredError,
  multiHeadAttention,
  oneCycle,
  oneHot,
  ops,
  pad,
  randomUniform,
  reduceOnPlateau,
  relu,
  reshape,
  residual,
  rmsprop,
  sequential,
  sgd,
  slice,
  stepDecay,
  stepWindow,
  sum,
  type Tensor,
  tensor,
  transpose,
  warmUp,
} from "../../src/index.ts";
import { inputSource } from "../../src/nn/graph/ops/source.ts";

/** What is called, and what its error must say. */
type Refusal = readonly [call: () => unknown, message: string];

function refuse(refusals: readonly Refusal[]) {
  it.each(refusals.map(([call, message]) => [message, call] as const))("%s", (message, call) => {
    expect(call).toThrow(message);
  });
}

const x = (...shape: number[]) => inputSource("x", shape);
/** Values that types do not allow, or that make no sense whatever the type. */
const not = (value: unknown) => value as never;

/** The layer behind another one, traced on samples of `shape`. */
const traced =
  (layer: Layer, ...shape: number[]) =>
  () =>
    createTrainer(cpu(), sequential(relu(), layer), { inputShape: shape });

describe("layers refuse their options", () => {
  refuse([
    [() => dense(0), "dense: units is 0; give a whole number from 1"],
    [() => dense(2.5), "dense: units is 2.5"],
    [() => dense(Number.NaN), "dense: units is NaN"],
    [() => conv2d(0, 3), "conv2d: filters is 0; give a whole number from 1"],
    [() => conv2d(4, 0), "conv2d: kernel is 0; give a whole number from 1, or two of them"],
    [() => conv2d(4, [3, 1.5]), "conv2d: kernel is [3, 1.5]"],
    [() => conv2d(4, not([3])), "conv2d: kernel is [3]"],
    [() => conv2d(4, not(undefined)), "conv2d: kernel is undefined"],
    [() => conv2d(4, 3, { stride: 0 }), "conv2d: stride is 0; give a whole number from 1"],
    [() => conv2d(4, 3, { stride: Number.NaN }), "conv2d: stride is NaN"],
    [() => conv2d(4, 3, { dilation: [1, 0] }), "conv2d: dilation is [1, 0]"],
    [() => conv2d(4, 3, { padding: -1 }), "conv2d: padding is -1; give a whole number from 0"],
    [
      () => conv2d(4, 3, { padding: not("smae") }),
      'conv2d: padding is "smae"; give "same", "valid", a whole number, or two of them',
    ],
    [
      () => conv2d(4, 3, { groups: 3 }),
      "conv2d: groups is 3; give a whole number that divides the 4 filters",
    ],
    [() => conv2d(4, 3, { groups: 0 }), "conv2d: groups is 0"],
    [() => conv2d(4, 3, { groups: Number.NaN }), "conv2d: groups is NaN"],
    [() => maxPool2d(0), "maxPool2d: kernel is 0; give a whole number from 1, or two of them"],
    [() => maxPool2d(2, { stride: -1 }), "maxPool2d: stride is -1"],
    [() => avgPool2d(Number.NaN), "avgPool2d: kernel is NaN"],
    [
      () => avgPool2d([2, 3], { padding: [1, 2] }),
      "avgPool2d: padding 1×2 is more than half of the window 2×3",
    ],
    [() => maxPool2d(2, { padding: 0.5 }), "maxPool2d: padding is 0.5"],
    [() => reshape(3, 0), "reshape: sizes are [3, 0]; give the axes of a sample as whole numbers from 1"],
    [() => reshape(-1, -1), "reshape: sizes are [-1, -1]"],
    [() => reshape(2, Number.NaN), "reshape: sizes are [2, NaN]"],
    [() => batchNorm({ epsilon: 0 }), "batchNorm: epsilon is 0; give a finite number above 0"],
    [() => batchNorm({ epsilon: Number.NaN }), "batchNorm: epsilon is NaN"],
    [() => batchNorm({ momentum: 1.5 }), "batchNorm: momentum is 1.5; give a fraction from 0 to 1"],
    [() => batchNorm({ momentum: Number.NaN }), "batchNorm: momentum is NaN"],
    [() => layerNorm({ epsilon: -1e-5 }), "layerNorm: epsilon is -0.00001"],
    [
      () => layerNorm({ epsilon: 1e-60 }),
      "layerNorm: epsilon is 1e-60; give a number from 1.2e-38 to 3.4e38",
    ],
    [() => batchNorm({ epsilon: 1e60 }), "batchNorm: epsilon is 1e+60; give a number from 1.2e-38 to 3.4e38"],
    [() => dropout(1), "dropout: rate is 1; give a number from 0 up to, not including, 1"],
    [() => dropout(-0.1), "dropout: rate is -0.1"],
    [() => dropout(Number.NaN), "dropout: rate is NaN"],
    [() => embedding(0, 3), "embedding: count is 0; give a whole number from 1"],
    [() => embedding(3, 1.5), "embedding: width is 1.5"],
    [() => multiHeadAttention(0), "multiHeadAttention: heads is 0; give a whole number from 1"],
    [() => multiHeadAttention(Number.NaN), "multiHeadAttention: heads is NaN"],
    [() => leakyRelu(Number.NaN), "leakyRelu: slope is NaN; give a finite number"],
    [() => elu(Number.POSITIVE_INFINITY), "elu: alpha is Infinity; give a finite number"],
  ]);
});

describe("layers refuse inputs that do not fit, and say where they stand", () => {
  refuse([
    [traced(dense(3)), "dense (in 1.dense): the input is [1]; expected [batch, features]"],
    [
      traced(conv2d(3, 3), 28),
      "conv2d (in 1.conv2d): the input is [1, 28]; expected images [batch, channels, height, width]",
    ],
    [
      traced(conv2d(3, 5), 1, 4, 7),
      "conv2d (in 1.conv2d): a kernel of 5×5 is larger than the padded image of 4×7; use a smaller kernel or more padding",
    ],
    [
      traced(conv2d(3, 3, { dilation: 3, padding: 1 }), 1, 4, 9),
      "conv2d (in 1.conv2d): a kernel of 3×3 with dilation 3×3 is larger than the padded image of 6×11",
    ],
    [
      traced(conv2d(4, 1, { groups: 2 }), 3, 4, 4),
      "conv2d (in 1.conv2d): groups is 2, and must divide both the 3 channels and the 4 filters",
    ],
    [
      traced(maxPool2d(3), 1, 2, 9),
      "maxPool2d (in 1.maxPool2d): a window of 3×3 is larger than the padded image of 2×9",
    ],
    [traced(avgPool2d(2), 4), "avgPool2d (in 1.avgPool2d): x is [1, 4]; expected images"],
    [
      traced(globalAvgPool2d(), 3, 4),
      "globalAvgPool2d (in 1.globalAvgPool2d): the input is [1, 3, 4]; expected images",
    ],
    [traced(reshape(5, -1), 12), "reshape (in 1.reshape): [1, 12] has 12 elements, [1, 5, -1] does not"],
    [traced(reshape(3, 5), 12), "reshape (in 1.reshape): [1, 12] has 12 elements, [1, 3, 5] does not"],
    [traced(batchNorm()), "batchNorm (in 1.batchNorm): the input is [1]; expected [batch, channels, …]"],
    [traced(layerNorm()), "layerNorm (in 1.layerNorm): the input is [1]; expected [batch, …, features]"],
    [
      traced(multiHeadAttention(3), 5, 4),
      "multiHeadAttention (in 1.multiHeadAttention): 3 heads do not divide the width 4; use a divisor of it",
    ],
    [
      traced(multiHeadAttention(2), 4),
      "multiHeadAttention (in 1.multiHeadAttention): the input is [1, 4]; expected [batch, length, width]",
    ],
    [
      traced(residual(dense(3)), 4),
      "residual (in 1.residual): the layers turn [1, 4] into [1, 3]; what is added must keep its shape",
    ],
    [
      traced(sequential(flatten(), conv2d(1, 1)), 2, 3),
      "conv2d (in 1.1.conv2d): the input is [1, 6]; expected images",
    ],
  ]);
});

describe("ops refuse shapes and axes", () => {
  const a = x(2, 3);
  refuse([
    [() => matmul(a, x(4, 5)), "matmul: inner sizes differ: a is [2, 3], b is [4, 5]; give b 3 rows"],
    [() => matmul(a, x(5, 3)), "matmul: inner sizes differ: a is [2, 3], b is [5, 3]; transpose b"],
    [() => matmul(a, x(3)), "matmul: a is [2, 3], b is [3]; both need two axes or more"],
    [() => matmul(x(2, 3, 4), x(3, 4, 5)), "matmul: leading axes differ: a is [2, 3, 4], b is [3, 4, 5]"],
    [
      () => ops.conv2d(x(1, 3, 4, 4), x(2, 2, 3, 3)),
      "conv2d: the weight [2, 2, 3, 3] takes 2 channels in each of 1 groups; x [1, 3, 4, 4] has 3",
    ],
    [
      () => ops.conv2d(x(3, 4, 4), x(2, 3, 3, 3)),
      "conv2d: x is [3, 4, 4], the weight [2, 3, 3, 3]; expected",
    ],
    [() => ops.reshape(a, [4]), "reshape: [2, 3] has 6 elements, [4] does not"],
    [() => ops.reshape(a, [-1, -1]), "reshape: [2, 3] has 6 elements, [-1, -1] does not"],
    [() => ops.reshape(a, [-1, 4]), "reshape: [2, 3] has 6 elements, [-1, 4] does not"],
    [() => ops.reshape(a, [-2, -3]), "reshape: shape [-2, -3] has size -2; sizes are whole numbers from 1"],
    [() => transpose(x(3)), "transpose: [3] has no two axes to swap"],
    [() => transpose(a, [0, 0]), "transpose: axes [0, 0] are no order of the 2 axes of [2, 3]"],
    [
      () => broadcastTo(a, [2, 4]),
      "broadcast: shapes [2, 3] and [2, 4] do not fit: sizes 3 and 4 on axis -1",
    ],
    [() => broadcastTo(a, [3]), "broadcast: [2, 3] cannot be repeated to [3]"],
    [() => slice(a, 2), "slice: 2 to the end of axis 0 of [2, 3] is empty or outside"],
    [() => slice(a, 0, 4, 1), "slice: 0 to 4 of axis 1 of [2, 3] is empty or outside"],
    [() => slice(a, -3), "slice: -3 to the end of axis 0 of [2, 3]"],
    [() => slice(a, 0.5), "slice: 0.5 to the end of axis 0 of [2, 3]"],
    [() => slice(a, Number.NaN), "slice: NaN to the end of axis 0"],
    [() => slice(a, 0, 1, 2), "slice: axis 2 is outside a tensor of rank 2; use -2 to 1"],
    [() => pad(a, 0, -1, 2), "pad: -1 before and 2 after; give whole numbers from 0"],
    [() => pad(a, 0, 1, not(undefined)), "pad: 1 before and undefined after"],
    [() => pad(a, -3, 1, 1), "pad: axis -3 is outside a tensor of rank 2; use -2 to 1"],
    [() => concat([]), "concat: there is nothing to join; give at least one tensor"],
    [
      () => concat([a, x(2, 4)]),
      "concat: [2, 3] and [2, 4] differ on an axis other than 0; all other sizes must agree",
    ],
    [() => concat([a, x(2)], 0), "concat: [2, 3] and [2] differ on an axis other than 0"],
    [() => concat([a, a], 2), "concat: axis 2 is outside a tensor of rank 2"],
    [() => sum(a, 2), "sum: axis 2 is outside a tensor of rank 2; use -2 to 1"],
    [() => mean(a, [0, -2]), "mean: axes [0, -2] repeat an axis"],
    [() => max(a, 0.5), "max: axis 0.5 is outside a tensor of rank 2"],
    [() => argmax(a, Number.NaN), "argmax: axis NaN is outside a tensor of rank 2"],
    [() => ops.softmax(a, 2), "softmax: axis 2 is outside a tensor of rank 2"],
    [() => logSoftmax(x()), "logSoftmax: a tensor without axes has nothing to normalise over"],
    [
      () => ops.layerNorm(a, x(3), x(2)),
      "layerNorm: x is [2, 3], the weight [3], the bias [2]; expected [..., size], [size] and [size]",
    ],
    [() => ops.layerNorm(x(), x(1), x(1)), "layerNorm: x is [], the weight [1]"],
    [
      () => ops.layerNorm(a, x(3), x(3), { epsilon: 1e-40 }),
      "layerNorm: epsilon is 1e-40; give a number from",
    ],
    [() => ops.layerNorm(a, x(3), x(3), { epsilon: 0 }), "layerNorm: epsilon is 0; give a finite number"],
    [() => iota([2, 3], 2), "iota: axis 2 is outside a tensor of rank 2"],
    [() => iota([2.5], 0), "iota: shape [2.5] has size 2.5"],
    [() => oneHot(x(3), 0), "oneHot: classes is 0; give a whole number from 1"],
    [() => constant(Number.NaN), "constant: NaN is no finite 32-bit number"],
    [() => constant(1e39), "constant: 1e+39 is no finite 32-bit number"],
    [() => constant(1, [-2]), "constant: shape [-2] has size -2"],
    [() => tensor([1, 2], [3]), "tensor: 2 values for [3]; give as many finite numbers as it has elements"],
    [() => tensor([1, Number.NaN]), "tensor: 2 values for [2]; give as many finite numbers"],
    [() => gather(x(), x(2)), "gather: rows of []; the source needs 1 to 16777216 rows"],
    [() => stepWindow(x(3), "start", 4), "window: 4 elements from step scalar start on, of [3]"],
    [() => stepWindow(x(3), "start", Number.NaN), "window: NaN elements from step scalar start on"],
    [() => randomUniform([2], -1), "randomUniform: stream is -1; give a whole number from 0 to 2^32 - 1"],
    [() => randomUniform([0], 1), "randomUniform: shape [0] has size 0"],
    [() => gradients(a, [a]), "gradients: the output is [2, 3]; take its sum or mean first"],
    [
      () => gradients(a, [a], x(3)),
      "gradients: the output is [2, 3], the arriving gradient [3]; they must agree",
    ],
  ]);
});

describe("losses refuse options and shapes", () => {
  const logits = x(4, 3);
  const labels = inputSource("y", [4], "i32");
  const of = (loss: { apply(a: Tensor, b: Tensor): Tensor }, ...shape: number[]) =>
    loss.apply(logits, x(...shape));
  refuse([
    [
      () => crossEntropy({ labelSmoothing: 1 }),
      "crossEntropy: labelSmoothing is 1; give a number from 0 up to 1",
    ],
    [() => crossEntropy({ labelSmoothing: Number.NaN }), "crossEntropy: labelSmoothing is NaN"],
    [
      () => crossEntropy({ classWeights: [1, -1] }),
      "crossEntropy: a class weight is -1; give finite numbers from 0",
    ],
    [() => crossEntropy({ classWeights: [1, Number.NaN] }), "crossEntropy: a class weight is NaN"],
    [() => crossEntropy({ classWeights: [0, 0] }), "crossEntropy: all class weights are 0"],
    [() => crossEntropy({ ignoreIndex: 0.5 }), "crossEntropy: ignoreIndex is 0.5; give a whole number"],
    [
      () => ops.crossEntropy(logits, labels, { classWeights: [1, 2] }),
      "crossEntropy: 2 class weights for 3 classes; give one for each",
    ],
    [
      () => ops.crossEntropy(logits, x(4, 3), { ignoreIndex: 0 }),
      "crossEntropy: ignoreIndex is for class indices; the targets [4, 3] are probabilities",
    ],
    [
      () => of(crossEntropy(), 5),
      "crossEntropy: logits are [4, 3], targets [5]; expected class indices [4], or probabilities [4, 3]",
    ],
    [() => ops.crossEntropy(x(3), x()), "crossEntropy: logits are [3], targets []"],
    [
      () => ops.crossEntropy(logits, not(undefined)),
      "crossEntropy: the targets are undefined; give a tensor",
    ],
    [
      () => of(meanSquaredError(), 4, 2),
      "meanSquaredError: outputs are [4, 3], targets [4, 2]; expected the same shape, or class indices [4]",
    ],
    [() => of(binaryCrossEntropy(), 3), "binaryCrossEntropy: outputs are [4, 3], targets [3]"],
    [() => ops.meanSquaredError(logits, not(undefined)), "meanSquaredError: the targets are undefined"],
    [() => huber({ delta: 0 }), "huber: delta is 0; give a finite number above 0"],
    [() => huber({ delta: Number.NaN }), "huber: delta is NaN"],
    [() => ops.huber(logits, not([1])), "huber: the targets are an array of 1; give a tensor"],
    [
      () => correctCount(x(2, 3, 4), labels),
      "correctCount: logits are [2, 3, 4], labels [4]; expected [rows, classes]",
    ],
  ]);
});

describe("optimizers refuse numbers that make no sense", () => {
  const makers = { sgd, adam, adamw, rmsprop, adagrad };
  refuse(
    Object.entries(makers).flatMap(([name, make]): Refusal[] => [
      [() => make({ learningRate: -1 }), `${name}: learningRate is -1; give a finite number from 0`],
      [() => make({ learningRate: Number.NaN }), `${name}: learningRate is NaN`],
      [() => make({ learningRate: Number.POSITIVE_INFINITY }), `${name}: learningRate is Infinity`],
      [() => make({ weightDecay: -0.1 }), `${name}: weightDecay is -0.1; give a finite number from 0`],
      [() => make({ weightDecay: Number.NaN }), `${name}: weightDecay is NaN`],
      [() => make({ groups: [{ match: "0", learningRate: -2 }] }), `${name}: learningRate of group 0 is -2`],
      [
        () => make({ groups: [{ match: /w/, weightDecay: Number.NaN }] }),
        `${name}: weightDecay of group /w/ is NaN`,
      ],
      [
        () => make({ learningRate: 0, groups: [{ match: "0", learningRate: 1 }] }),
        `${name}: group 0 has a learning rate of its own, so learningRate must be above 0`,
      ],
    ]),
  );
  refuse([
    [() => sgd({ momentum: 1 }), "sgd: momentum is 1; give a number from 0 up to, not including, 1"],
    [() => sgd({ momentum: Number.NaN }), "sgd: momentum is NaN"],
    [() => sgd({ nesterov: true }), "sgd: nesterov needs a momentum above 0, such as 0.9"],
    [() => adam({ beta1: 1 }), "adam: beta1 is 1"],
    [() => adamw({ beta2: -0.1 }), "adamw: beta2 is -0.1"],
    [() => adam({ epsilon: Number.NaN }), "adam: epsilon is NaN; give a finite number from 0"],
    [() => rmsprop({ decay: 1 }), "rmsprop: decay is 1"],
    [() => rmsprop({ momentum: -1 }), "rmsprop: momentum is -1"],
    [() => adagrad({ lrDecay: -1 }), "adagrad: lrDecay is -1"],
    [() => adagrad({ epsilon: Number.NaN }), "adagrad: epsilon is NaN"],
  ]);
});

describe("schedules and initializers refuse numbers that make no sense", () => {
  refuse([
    [() => stepDecay({ epochs: 0 }), "stepDecay: epochs is 0; give a finite number above 0"],
    [() => stepDecay({ epochs: 1, gamma: Number.NaN }), "stepDecay: gamma is NaN"],
    [() => exponentialDecay({ gamma: -1 }), "exponentialDecay: gamma is -1"],
    [() => cosineDecay({ floor: 2 }), "cosineDecay: floor is 2; give a fraction from 0 to 1"],
    [() => cosineDecay({ floor: Number.NaN }), "cosineDecay: floor is NaN"],
    [() => warmUp({ steps: 0 }), "warmUp: steps is 0; give a finite number above 0"],
    [() => warmUp({ steps: Number.NaN }), "warmUp: steps is NaN"],
    [() => oneCycle({ warmup: 1 }), "oneCycle: warmup is 1; give a fraction between 0 and 1"],
    [() => oneCycle({ initialDivisor: 0 }), "oneCycle: initialDivisor is 0"],
    [() => oneCycle({ finalDivisor: Number.NaN }), "oneCycle: finalDivisor is NaN"],
    [() => reduceOnPlateau({ factor: 1 }), "reduceOnPlateau: factor is 1; give a number between 0 and 1"],
    [
      () => reduceOnPlateau({ patience: 1.5 }),
      "reduceOnPlateau: patience is 1.5; give a whole number from 0",
    ],
    [() => reduceOnPlateau({ threshold: Number.NaN }), "reduceOnPlateau: threshold is NaN"],
    [() => init.normal(-1), "normal: the deviation is -1; give a number from 0"],
    [() => init.normal(1, Number.NaN), "normal: the mean is NaN; give a finite number"],
    [() => init.uniform(1, 0), "uniform: the bounds are 1 and 0; give the lower one first"],
    [() => init.uniform(Number.NaN, 0), "uniform: the lower bound is NaN"],
    [
      () => init.constantValue(Number.POSITIVE_INFINITY),
      "constantValue: the value is Infinity; give a finite number",
    ],
  ]);
});
