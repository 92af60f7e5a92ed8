/** Convolution and pooling, and the ops that are their gradients. */
import { gradients, ops } from "../../../../src/index.ts";
import type { DifferentiableFunction } from "../../../helpers/finite-differences.ts";
import { distinct, uniform } from "../../../helpers/samples.ts";

const stepping = { stride: 2, padding: 1, dilation: [1, 2] } as const;
const grouped = { groups: 2, padding: [0, 1] } as const;
const pooling = { stride: [2, 1], padding: 1 } as const;

/** Images of two kinds, the weights that go with them, and what arrives at the results. */
const small = () => ({ x: uniform([2, 2, 5, 7]), w: uniform([3, 2, 3, 2]) });
const inGroups = () => ({ x: uniform([2, 4, 4, 3]), w: uniform([6, 2, 2, 1]) });
const arrivingSmall = () => uniform([2, 3, 3, 4]);
const arrivingGrouped = () => uniform([2, 6, 3, 5]);

export const imageCases: Record<string, Record<string, DifferentiableFunction>> = {
  conv2d: {
    plain: { inputs: small(), body: ({ x, w }) => ops.conv2d(x, w) },
    "stride, padding and dilation": { inputs: small(), body: ({ x, w }) => ops.conv2d(x, w, stepping) },
    "in groups": { inputs: inGroups(), body: ({ x, w }) => ops.conv2d(x, w, grouped) },
  },
  conv2dInputGradient: {
    "stride, padding and dilation": {
      inputs: { ...small(), dy: arrivingSmall() },
      body: ({ x, w, dy }) => gradients(ops.conv2d(x, w, stepping), [x], dy)[0],
    },
    "in groups": {
      inputs: { ...inGroups(), dy: arrivingGrouped() },
      body: ({ x, w, dy }) => gradients(ops.conv2d(x, w, grouped), [x], dy)[0],
    },
  },
  conv2dWeightGradient: {
    "stride, padding and dilation": {
      inputs: { ...small(), dy: arrivingSmall() },
      body: ({ x, w, dy }) => gradients(ops.conv2d(x, w, stepping), [w], dy)[0],
    },
    "in groups": {
      inputs: { ...inGroups(), dy: arrivingGrouped() },
      body: ({ x, w, dy }) => gradients(ops.conv2d(x, w, grouped), [w], dy)[0],
    },
  },
  avgPool2d: {
    "windows side by side": { inputs: { x: uniform([2, 3, 4, 6]) }, body: ({ x }) => ops.avgPool2d(x, 2) },
    "windows that overlap": {
      inputs: { x: uniform([2, 3, 5, 7]) },
      body: ({ x }) => ops.avgPool2d(x, [3, 2], pooling),
    },
  },
  averageScatter: {
    "windows that overlap": {
      inputs: { x: uniform([2, 3, 5, 7]), dy: uniform([2, 3, 3, 8]) },
      body: ({ x, dy }) => gradients(ops.avgPool2d(x, [3, 2], pooling), [x], dy)[0],
    },
  },
  maxSelect: {
    "windows side by side": {
      inputs: { x: distinct([2, 3, 4, 6], 0.1) },
      body: ({ x }) => ops.maxPool2d(x, 2),
    },
    "windows that overlap": {
      inputs: { x: distinct([2, 3, 5, 7], 0.1) },
      body: ({ x }) => ops.maxPool2d(x, [3, 2], pooling),
    },
  },
  maxScatter: {
    "windows that overlap": {
      inputs: { x: distinct([2, 3, 5, 7], 0.1), dy: uniform([2, 3, 3, 8]) },
      body: ({ x, dy }) => gradients(ops.maxPool2d(x, [3, 2], pooling), [x], dy)[0],
    },
  },
};
