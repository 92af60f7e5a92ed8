/** Dense layers, shapes, normalisation, embedding, attention, and layers of layers. */
import {
  add,
  batchNorm,
  dense,
  embedding,
  flatten,
  init,
  type Layer,
  layerNorm,
  mul,
  multiHeadAttention,
  reshape,
  residual,
  scaling,
  sequential,
  tanh,
  unscaling,
} from "../../../../src/index.ts";
import { asLayer } from "../../../../src/nn/model/model.ts";
import type { Samples } from "../../../helpers/layer-run.ts";
import {
  channelSpreads,
  layerNormalised,
  linear,
  type Numbers,
  normalised,
  selfAttention,
} from "../../../helpers/references.ts";
import { indices, uniform } from "../../../helpers/samples.ts";
import type { LayerCase } from "./case.ts";

function map({ shape, data }: Numbers, f: (value: number, i: number) => number): Numbers {
  return { shape, data: Array.from(data, f) };
}

function sum(a: Numbers, b: Numbers): Numbers {
  return map(a, (value, i) => value + b.data[i]);
}

function batchNormCase(shape: readonly number[]): LayerCase {
  return {
    layer: batchNorm({ epsilon: 1e-3 }),
    x: uniform(shape),
    expected: (x, p) => normalised(x, channelSpreads(x), p.weight, p.bias, 1e-3),
    expectedInEvaluation(x, p) {
      const running = Array.from(p.running_mean.data, (mean, i) => ({
        mean,
        variance: p.running_var.data[i],
      }));
      return normalised(x, running, p.weight, p.bias, 1e-3);
    },
  };
}

function attentionCase(causal: boolean): LayerCase {
  return {
    layer: multiHeadAttention(2, { causal }),
    x: uniform([2, 3, 4]),
    expected: (x, p) =>
      selfAttention(x, 2, causal, {
        inWeight: p.in_proj_weight,
        inBias: p.in_proj_bias,
        outWeight: p["out_proj.weight"],
        outBias: p["out_proj.bias"],
      }),
  };
}

/** A layer of one's own: a plain function of a tensor and a scope. */
const scaleShift: Layer = asLayer((x, scope) => {
  const size = x.shape[x.rank - 1];
  const scale = scope.parameter("scale", [size], { init: init.constantValue(1) });
  return add(mul(x, scale), scope.parameter("shift", [size], { init: init.zeros() }));
});

function scaleShifted(x: Numbers, p: Samples, path = ""): Numbers {
  const scale = p[`${path}scale`].data;
  const shift = p[`${path}shift`].data;
  return map(x, (value, i) => value * scale[i % scale.length] + shift[i % scale.length]);
}

const twoLayers = (x: Numbers, p: Samples, path = "") =>
  linear(
    map(linear(x, p[`${path}0.weight`], p[`${path}0.bias`]), Math.tanh),
    p[`${path}2.weight`],
    p[`${path}2.bias`],
  );

export const otherCases: Readonly<Record<string, LayerCase>> = {
  dense: { layer: dense(3), x: uniform([5, 4]), expected: (x, p) => linear(x, p.weight, p.bias) },
  "dense without a bias": {
    layer: dense(3, { bias: false }),
    x: uniform([5, 4]),
    expected: (x, p) => linear(x, p.weight),
  },
  "dense on the last of three axes": {
    layer: dense(2),
    x: uniform([2, 3, 4]),
    expected: (x, p) => linear(x, p.weight, p.bias),
  },
  "dense, which flattens images": {
    layer: dense(3),
    x: uniform([2, 2, 3, 2]),
    expected: (x, p) => linear({ shape: [2, 12], data: x.data }, p.weight, p.bias),
  },
  flatten: {
    layer: flatten(),
    x: uniform([2, 2, 3, 2]),
    expected: ({ data }) => ({ shape: [2, 12], data }),
  },
  reshape: {
    layer: reshape(2, -1, 3),
    x: uniform([2, 12]),
    expected: ({ data }) => ({ shape: [2, 2, 2, 3], data }),
  },
  "batchNorm of features": batchNormCase([6, 3]),
  "batchNorm of images": batchNormCase([3, 2, 3, 4]),
  layerNorm: {
    layer: layerNorm(),
    x: uniform([4, 5]),
    expected: (x, p) => layerNormalised(x, p.weight, p.bias),
  },
  "layerNorm of sequences": {
    layer: layerNorm({ epsilon: 0.1 }),
    x: uniform([2, 3, 4]),
    expected: (x, p) => layerNormalised(x, p.weight, p.bias, 0.1),
  },
  scaling: {
    layer: scaling({ shape: [3] }),
    x: uniform([4, 3]),
    expected: (x, { offset, factor }) =>
      map(x, (value, i) => (value - offset.data[i % 3]) * factor.data[i % 3]),
  },
  "scaling of channels": {
    layer: scaling(),
    x: uniform([2, 3, 2, 4]),
    expected(x, { offset, factor }) {
      const channel = (i: number) => Math.floor(i / 8) % 3;
      return map(x, (value, i) => (value - offset.data[channel(i)]) * factor.data[channel(i)]);
    },
  },
  unscaling: {
    layer: unscaling({ shape: [3] }),
    x: uniform([4, 3]),
    expected: (x, { target_offset, target_factor }) =>
      map(x, (value, i) => value / target_factor.data[i % 3] + target_offset.data[i % 3]),
  },
  embedding: {
    layer: embedding(7, 3),
    x: indices([2, 4], 7),
    expected: (x, { weight }) => ({
      shape: [2, 4, 3],
      data: Array.from(x.data).flatMap((row) => [...weight.data.slice(3 * row, 3 * row + 3)]),
    }),
  },
  multiHeadAttention: attentionCase(false),
  "multiHeadAttention, causal": attentionCase(true),
  residual: {
    layer: residual(dense(4), tanh(), dense(4)),
    x: uniform([3, 4]),
    expected: (x, p) => sum(x, twoLayers(x, p)),
  },
  "a function": { layer: scaleShift, x: uniform([3, 4]), expected: (x, p) => scaleShifted(x, p) },
  "sequential in sequential": {
    layer: sequential(sequential(dense(4), tanh(), dense(3)), scaleShift, sequential(residual(scaleShift))),
    x: uniform([3, 5]),
    expected(x, p) {
      const shifted = scaleShifted(twoLayers(x, p, "0."), p, "1.");
      return sum(shifted, scaleShifted(shifted, p, "2.0.0."));
    },
  },
};
