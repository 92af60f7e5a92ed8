/** Augmentations that change values in place, or whole batches. */

import { checkFinite, inWords } from "../checks.ts";
import { gather } from "../nn/graph/ops/gather.ts";
import { mean } from "../nn/graph/ops/reduce.ts";
import {
  add,
  cos,
  floor,
  greater,
  log,
  maximum,
  minimum,
  mul,
  oneHot,
  sqrt,
  sub,
} from "../nn/graph/ops/scalar.ts";
import { iota, tensor } from "../nn/graph/ops/source.ts";
import { stored } from "../nn/graph/ops/stored.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { Batch } from "../nn/training/batch.ts";
import { elementCount } from "../program.ts";
import { type Augmentation, checkFits, imageSize } from "./augmentation.ts";

/** [batch] as [batch, 1, …], to broadcast over samples like `x`. */
function perSample(values: Tensor, x: Tensor): Tensor {
  return reshape(values, [x.shape[0], ...x.shape.slice(1).map(() => 1)]);
}

/** Clips values to the range of the data set's type. */
function within(x: Tensor, range: Batch["range"]): Tensor {
  return range ? maximum(minimum(x, range[1]), range[0]) : x;
}

/**
 * Adds one random number from −`by` to `by` to each image. Stored bytes stay in their range.
 * @throws RangeError where `by` is negative or not finite
 */
export function brightness(by: number): Augmentation {
  checkFinite("brightness: by", by, 0);
  return {
    kind: "values",
    name: `brightness(${by})`,
    images: false,
    apply: (x, draw, range) => within(add(x, perSample(draw.between(-by, by), x)), range),
  };
}

/**
 * Scales the difference from the image's mean by a random factor between `from` and `to`. Stored bytes stay in their
 * range.
 * @throws RangeError where `from` is negative, or `to` is below `from`
 */
export function contrast(from: number, to: number): Augmentation {
  checkFinite("contrast: from", from, 0);
  checkFinite("contrast: to", to, from);
  return {
    kind: "values",
    name: `contrast(${from}, ${to})`,
    images: true,
    apply(x, draw, range) {
      const middle = mean(x, [1, 2, 3], { keepDims: true });
      return within(add(mul(sub(x, middle), perSample(draw.between(from, to), x)), middle), range);
    },
  };
}

/**
 * Adds normal noise with standard deviation `deviation` to every value. Stored bytes stay in their range.
 * @throws RangeError where `deviation` is negative or not finite
 */
export function noise(deviation: number): Augmentation {
  checkFinite("noise: deviation", deviation, 0);
  return {
    kind: "values",
    name: `noise(${deviation})`,
    images: false,
    apply(x, draw, range) {
      const size = elementCount(x.shape.slice(1));
      // Box and Muller (1958); 1 − u keeps 0 out of the logarithm.
      const radius = sqrt(mul(log(sub(1, draw.uniforms(size, 0))), -2));
      const normal = mul(radius, cos(mul(draw.uniforms(size, 1), 2 * Math.PI)));
      return within(add(x, mul(reshape(normal, x.shape), deviation)), range);
    },
  };
}

/**
 * Sets a square of `size` pixels at a random place to 0; at the border only part of the square lies inside (DeVries &
 * Taylor 2017).
 * @throws RangeError where `size` is no whole number from 1
 */
export function cutout(size: number): Augmentation {
  const name = `cutout(${size})`;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`cutout: size is ${inWords(size)}; give a whole number of pixels from 1`);
  }
  return {
    kind: "values",
    name,
    images: true,
    apply(x, draw) {
      const image = imageSize(name, x);
      checkFits(name, "the square", size, image);
      const inside = (axis: number, length: number) => {
        const middle = floor(draw.between(0, length, axis));
        const first = reshape(sub(middle, Math.floor(size / 2)), [image.batch, 1, 1, 1]);
        const shape = [1, 1, 1, 1];
        shape[2 + axis] = length;
        const place = iota(shape, 2 + axis);
        return mul(greater(place, sub(first, 0.5)), greater(add(first, size - 0.5), place));
      };
      return mul(x, sub(1, mul(inside(0, image.height), inside(1, image.width))));
    },
  };
}

/**
 * Mixes each sample with the next of its batch, inputs and targets alike (Zhang et al. 2018): the sample has the weight
 * λ from Beta(alpha, alpha), taken as at least ½, and the next sample 1 − λ. Class indices become probabilities, which
 * the loss must accept: `crossEntropy` does.
 * @throws RangeError where `alpha` is not from 0.01 to 100
 */
export function mixup(alpha = 0.2): Augmentation {
  checkFinite("mixup: alpha", alpha, 0.01, 100);
  return {
    kind: "batch",
    name: `mixup(${alpha})`,
    apply({ x, y, classes }, draw) {
      const share = stored(smallerShare(draw.between(0, 1), alpha));
      const batch = x.shape[0];
      const next = tensor(Array.from({ length: batch }, (_, i) => (i + 1) % batch));
      const mixed = (values: Tensor) => {
        const part = perSample(share, values);
        return add(mul(values, sub(1, part)), mul(gather(values, next), part));
      };
      return { x: mixed(x), y: mixed(classes === undefined ? y : oneHot(y, classes)) };
    },
  };
}

/** Number of steps in the table of quantiles. */
const QUANTILES = 256;

/** Quantile `uniform` [batch] of min(λ, 1 − λ), for λ from Beta(alpha, alpha). */
function smallerShare(uniform: Tensor, alpha: number): Tensor {
  const table = tensor(smallerShares(alpha));
  const at = mul(uniform, QUANTILES);
  const below = minimum(floor(at), QUANTILES - 1);
  const [low, high] = [gather(table, below), gather(table, add(below, 1))];
  return add(low, mul(sub(high, low), sub(at, below)));
}

/**
 * Quantiles 0 to 1, in equal steps, of min(λ, 1 − λ). Its density is twice that of λ below ½, x^(a−1) (1−x)^(a−1) dx,
 * summed over t = x^p with p = min(a, 1), which keeps it finite at 0.
 */
export function smallerShares(alpha: number): number[] {
  const pieces = 8192;
  const power = Math.min(alpha, 1);
  const last = 0.5 ** power;
  const share = (i: number) => ((last * i) / pieces) ** (1 / power);
  const sums = [0];
  for (let i = 0; i < pieces; i++) {
    const middle = share(i + 0.5);
    sums.push(sums[i] + middle ** (alpha - power) * (1 - middle) ** (alpha - 1));
  }
  const total = sums[pieces];
  let i = 0;
  return Array.from({ length: QUANTILES + 1 }, (_, quantile) => {
    const wanted = (quantile / QUANTILES) * total;
    while (i < pieces - 1 && sums[i + 1] < wanted) i++;
    const part = (wanted - sums[i]) / (sums[i + 1] - sums[i]);
    return share(i + Math.min(1, part));
  });
}
