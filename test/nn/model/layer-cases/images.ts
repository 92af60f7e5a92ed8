/** Convolution and pooling. */
import { avgPool2d, conv2d, globalAvgPool2d, maxPool2d } from "../../../../src/index.ts";
import {
  avgPooling,
  type Convolution,
  channelMeans,
  convolution,
  maxPooling,
  samePadding,
} from "../../../helpers/references.ts";
import { distinct, indices, uniform } from "../../../helpers/samples.ts";
import type { LayerCase } from "./case.ts";

const images = () => uniform([2, 4, 7, 6]);
/** Far enough apart that a small step does not change which is the largest. */
const unlike = () => distinct([2, 2, 7, 6], 0.2);

function convolved(layer: LayerCase["layer"], how: Convolution): LayerCase {
  return { layer, x: images(), expected: (x, p) => convolution(x, p.weight, p.bias, how) };
}

const size = [7, 6] as const;

export const imageCases: Readonly<Record<string, LayerCase>> = {
  conv2d: convolved(conv2d(3, 3), {}),
  "conv2d without a bias": convolved(conv2d(3, [2, 3], { bias: false }), {}),
  "conv2d, stride": convolved(conv2d(3, 3, { stride: [2, 3] }), { stride: [2, 3] }),
  "conv2d, padding in numbers": convolved(conv2d(2, 3, { padding: [2, 1] }), { before: [2, 1] }),
  "conv2d, padding valid": convolved(conv2d(2, [3, 1], { padding: "valid" }), {}),
  "conv2d, padding same": convolved(conv2d(2, 3, { padding: "same" }), { before: [1, 1] }),
  "conv2d, padding same of an even kernel": convolved(
    conv2d(2, [2, 4], { padding: "same" }),
    samePadding(size, [2, 4], [1, 1]),
  ),
  "conv2d, padding same with stride 2": convolved(conv2d(2, [4, 3], { padding: "same", stride: 2 }), {
    stride: [2, 2],
    ...samePadding(size, [4, 3], [2, 2]),
  }),
  "conv2d, dilation": convolved(conv2d(2, [3, 2], { dilation: [2, 3] }), { dilation: [2, 3] }),
  "conv2d, padding same with dilation": convolved(conv2d(2, 2, { padding: "same", dilation: [3, 2] }), {
    dilation: [3, 2],
    ...samePadding(size, [2, 2], [1, 1], [3, 2]),
  }),
  "conv2d in 2 groups": convolved(conv2d(6, 3, { groups: 2, padding: 1 }), { groups: 2, before: [1, 1] }),
  "conv2d, one group a channel": convolved(conv2d(4, 3, { groups: 4, stride: 2 }), {
    groups: 4,
    stride: [2, 2],
  }),
  "conv2d of whole numbers": {
    layer: conv2d(2, 3),
    x: indices([2, 2, 5, 4], 9),
    expected: (x, p) => convolution(x, p.weight, p.bias, {}),
  },
  maxPool2d: { layer: maxPool2d(2), x: unlike(), expected: (x) => maxPooling(x, [2, 2], [2, 2]) },
  "maxPool2d, stride and padding": {
    layer: maxPool2d([3, 2], { stride: [1, 2], padding: 1 }),
    x: unlike(),
    expected: (x) => maxPooling(x, [3, 2], [1, 2], [1, 1]),
  },
  avgPool2d: { layer: avgPool2d([2, 3]), x: images(), expected: (x) => avgPooling(x, [2, 3], [2, 3]) },
  "avgPool2d, stride and padding": {
    layer: avgPool2d(3, { stride: 2, padding: [1, 0] }),
    x: images(),
    expected: (x) => avgPooling(x, [3, 3], [2, 2], [1, 0]),
  },
  globalAvgPool2d: { layer: globalAvgPool2d(), x: images(), expected: (x) => channelMeans(x) },
};
