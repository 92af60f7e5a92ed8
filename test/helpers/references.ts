/** What layers compute, written down in the plainest way: loops over numbers, in f64. Images are [batch, channels, y, x]. */
import type { Shape } from "../../src/index.ts";

export interface Numbers {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

type Two = readonly [number, number];

/** The element at `indices`; undefined outside. */
function at({ shape, data }: Numbers, ...indices: readonly number[]): number | undefined {
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    if (!(indices[axis] >= 0 && indices[axis] < shape[axis])) return undefined;
    position = position * shape[axis] + indices[axis];
  }
  return data[position];
}

function build(shape: Shape, element: (...indices: number[]) => number): Numbers {
  const data: number[] = [];
  const visit = (indices: number[]) => {
    if (indices.length === shape.length) return void data.push(element(...indices));
    for (let i = 0; i < shape[indices.length]; i++) visit([...indices, i]);
  };
  visit([]);
  return { shape, data };
}

/** Σ f(i) for i from 0 up to `count`. */
function total(count: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += f(i);
  return sum;
}

/** x · weightᵀ + bias over the last axis. */
export function linear(x: Numbers, weight: Numbers, bias?: Numbers): Numbers {
  const [units, features] = weight.shape;
  const leading = x.shape.slice(0, -1);
  return build([...leading, units], (...indices) => {
    const unit = indices[indices.length - 1];
    const row = indices.slice(0, -1);
    const product = total(features, (i) => at(x, ...row, i)! * at(weight, unit, i)!);
    return product + (bias ? bias.data[unit] : 0);
  });
}

export interface Convolution {
  readonly stride?: Two;
  /** Zeros in front of and behind the image, vertically and horizontally. */
  readonly before?: Two;
  readonly after?: Two;
  readonly dilation?: Two;
  readonly groups?: number;
}

export function convolution(
  x: Numbers,
  weight: Numbers,
  bias: Numbers | undefined,
  how: Convolution,
): Numbers {
  const { stride = [1, 1], before = [0, 0], after = before, dilation = [1, 1], groups = 1 } = how;
  const [batch, , ...size] = x.shape;
  const [filters, depth, ...kernel] = weight.shape;
  const out = size.map((length, i) => {
    const room = length + before[i] + after[i] - dilation[i] * (kernel[i] - 1) - 1;
    return Math.floor(room / stride[i]) + 1;
  });
  return build([batch, filters, ...out], (n, f, y, xx) => {
    const first = Math.floor(f / (filters / groups)) * depth;
    const tap = (c: number, i: number, j: number) => {
      const pixel = at(
        x,
        n,
        first + c,
        y * stride[0] + i * dilation[0] - before[0],
        xx * stride[1] + j * dilation[1] - before[1],
      );
      return (pixel ?? 0) * at(weight, f, c, i, j)!;
    };
    const sum = total(depth, (c) => total(kernel[0], (i) => total(kernel[1], (j) => tap(c, i, j))));
    return sum + (bias ? bias.data[f] : 0);
  });
}

/** What Keras and PyTorch call "same": an output of ⌈size / stride⌉, an odd zero behind the image. */
export function samePadding(size: Two, kernel: Two, stride: Two, dilation: Two = [1, 1]) {
  const zeros = size.map((length, i) => {
    const out = Math.ceil(length / stride[i]);
    return Math.max((out - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - length, 0);
  });
  const before = [Math.floor(zeros[0] / 2), Math.floor(zeros[1] / 2)] as const;
  return { before, after: [zeros[0] - before[0], zeros[1] - before[1]] as const };
}

/** `reduce` over the elements of each window that lie inside of the image. */
function pooling(x: Numbers, kernel: Two, stride: Two, padding: Two, reduce: (inside: number[]) => number) {
  const [batch, channels, ...size] = x.shape;
  const out = size.map((length, i) => Math.floor((length + 2 * padding[i] - kernel[i]) / stride[i]) + 1);
  return build([batch, channels, ...out], (n, c, y, xx) => {
    const inside: number[] = [];
    for (let i = 0; i < kernel[0]; i++) {
      for (let j = 0; j < kernel[1]; j++) {
        const pixel = at(x, n, c, y * stride[0] + i - padding[0], xx * stride[1] + j - padding[1]);
        if (pixel !== undefined) inside.push(pixel);
      }
    }
    return reduce(inside);
  });
}

export function maxPooling(x: Numbers, kernel: Two, stride: Two, padding: Two = [0, 0]): Numbers {
  return pooling(x, kernel, stride, padding, (inside) => Math.max(...inside));
}

/** Padding counts as zeros. */
export function avgPooling(x: Numbers, kernel: Two, stride: Two, padding: Two = [0, 0]): Numbers {
  return pooling(x, kernel, stride, padding, (inside) => {
    return total(inside.length, (i) => inside[i]) / (kernel[0] * kernel[1]);
  });
}

/** The mean of each channel. */
export function channelMeans(x: Numbers): Numbers {
  const [batch, channels, height, width] = x.shape;
  return build([batch, channels], (n, c) => {
    return total(height, (y) => total(width, (xx) => at(x, n, c, y, xx)!)) / (height * width);
  });
}

interface Spread {
  readonly mean: number;
  /** Divided by the number of elements. */
  readonly variance: number;
  readonly count: number;
}

export function spread(values: readonly number[]): Spread {
  const count = values.length;
  const mean = total(count, (i) => values[i]) / count;
  return { mean, variance: total(count, (i) => (values[i] - mean) ** 2) / count, count };
}

/** Mean and variance of each channel of [batch, channels, …] over everything else. */
export function channelSpreads({ shape, data }: Numbers): Spread[] {
  const inner = shape.slice(2).reduce((product, size) => product * size, 1);
  return Array.from({ length: shape[1] }, (_, channel) =>
    spread(Array.from(data).filter((_, i) => Math.floor(i / inner) % shape[1] === channel)),
  );
}

/** (x - mean) / √(variance + ε) · weight + bias, by channel. */
export function normalised(
  x: Numbers,
  spreads: readonly { mean: number; variance: number }[],
  weight: Numbers,
  bias: Numbers,
  epsilon = 1e-5,
): Numbers {
  return build(x.shape, (...indices) => {
    const channel = indices[1];
    const { mean, variance } = spreads[channel];
    const centred = (at(x, ...indices)! - mean) / Math.sqrt(variance + epsilon);
    return centred * weight.data[channel] + bias.data[channel];
  });
}

/** The same over the last axis. */
export function layerNormalised(x: Numbers, weight: Numbers, bias: Numbers, epsilon = 1e-5): Numbers {
  const size = x.shape[x.shape.length - 1];
  const data = Array.from({ length: x.data.length }, (_, i) => {
    const row = Array.from(x.data).slice(i - (i % size), i - (i % size) + size);
    const { mean, variance } = spread(row);
    return ((x.data[i] - mean) / Math.sqrt(variance + epsilon)) * weight.data[i % size] + bias.data[i % size];
  });
  return { shape: x.shape, data };
}

/** Multi-head self-attention of [batch, length, width], one head and one position after the other. */
export function selfAttention(
  x: Numbers,
  heads: number,
  causal: boolean,
  p: { inWeight: Numbers; inBias: Numbers; outWeight: Numbers; outBias: Numbers },
): Numbers {
  const [, length, width] = x.shape;
  const size = width / heads;
  const projected = linear(x, p.inWeight, p.inBias);
  const mixed = build(x.shape, (n, position, column) => {
    const first = Math.floor(column / size) * size;
    const score = (other: number) =>
      total(size, (i) => {
        const query = at(projected, n, position, first + i)!;
        return query * at(projected, n, other, width + first + i)!;
      }) / Math.sqrt(size);
    const seen = causal ? position + 1 : length;
    const weights = Array.from({ length: seen }, (_, other) => Math.exp(score(other)));
    const all = total(seen, (other) => weights[other]);
    return total(seen, (other) => (weights[other] / all) * at(projected, n, other, 2 * width + column)!);
  });
  return linear(mixed, p.outWeight, p.outBias);
}
