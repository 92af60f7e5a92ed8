/** Augmentations that move pixels: by a linear map, or by a smooth random field. */
import { checkFinite, checkOptions, checkWhole } from "../checks.ts";
import { matmul } from "../nn/graph/ops/matmul.ts";
import { cos, div, floor, greater, mul, neg, sin, sub } from "../nn/graph/ops/scalar.ts";
import { tensor } from "../nn/graph/ops/source.ts";
import { stored } from "../nn/graph/ops/stored.ts";
import { reshape, transpose } from "../nn/graph/ops/view.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import { type Augmentation, checkFits, STILL } from "./augmentation.ts";

const RADIANS = Math.PI / 180;

export interface TranslateOptions {
  /** Whether images move by whole pixels, and so stay sharp (default false). */
  readonly whole?: boolean;
}

/**
 * Moves images by up to `pixels` vertically and horizontally; zeros fill the gap.
 * @throws RangeError where `pixels` is negative, not finite, or not whole with `whole`
 * @throws TypeError where an option is unknown or of another kind
 */
export function translate(pixels: number, options: TranslateOptions = {}): Augmentation {
  const { whole = false } = checkOptions("translate", options, { whole: "boolean" });
  const name = `translate(${pixels}${whole ? ", whole" : ""})`;
  checkFinite("translate: pixels", pixels, 0);
  if (whole && !Number.isInteger(pixels)) {
    throw new RangeError(`translate: pixels is ${pixels}; give a whole number with the option whole`);
  }
  return {
    kind: "affine",
    name,
    map(draw, size) {
      checkFits(name, "the move", pixels, size);
      // Each whole number from -pixels to pixels is equally likely.
      const move = (column: number) =>
        whole
          ? sub(floor(draw.between(0, 2 * pixels + 1, column)), pixels)
          : draw.between(-pixels, pixels, column);
      return { ...STILL, e: move(0), f: move(1) };
    },
  };
}

/**
 * Pads images with `padding` zeros on each side and crops a random window of the old size: a move by whole pixels,
 * common for CIFAR-10 (He et al. 2016).
 * @throws RangeError where `padding` is no whole number from 0
 */
export function crop(padding: number): Augmentation {
  checkWhole("crop: padding", padding, 0);
  return { ...translate(padding, { whole: true }), name: `crop(${padding})` };
}

/**
 * Rotates images about their middle by up to `degrees` in either direction.
 * @throws RangeError where `degrees` is not from 0 to 180
 */
export function rotate(degrees: number): Augmentation {
  checkFinite("rotate: degrees", degrees, 0, 180);
  return {
    kind: "affine",
    name: `rotate(${degrees})`,
    map(draw) {
      const angle = draw.between(-degrees * RADIANS, degrees * RADIANS);
      const [cosine, sine] = [cos(angle), sin(angle)];
      return { ...STILL, a: cosine, b: neg(sine), c: sine, d: cosine };
    },
  };
}

/**
 * Scales images about their middle by a factor between `from` and `to`.
 * @throws RangeError where `from` is not above 0, or `to` is below `from`
 */
export function scale(from: number, to: number): Augmentation {
  checkFinite("scale: from", from, Number.MIN_VALUE);
  checkFinite("scale: to", to, from);
  return {
    kind: "affine",
    name: `scale(${from}, ${to})`,
    map(draw) {
      const shrink = div(1, draw.between(from, to));
      return { ...STILL, a: shrink, d: shrink };
    },
  };
}

/**
 * Shears images by up to `degrees` to the left or the right: rows move in proportion to their distance from the middle.
 * @throws RangeError where `degrees` is not from 0 to 89
 */
export function shear(degrees: number): Augmentation {
  checkFinite("shear: degrees", degrees, 0, 89);
  return {
    kind: "affine",
    name: `shear(${degrees})`,
    map(draw) {
      const angle = draw.between(-degrees * RADIANS, degrees * RADIANS);
      return { ...STILL, c: div(sin(angle), cos(angle)) };
    },
  };
}

export interface FlipOptions {
  /** Probability of mirroring left and right (default 0.5). */
  readonly horizontal?: number;
  /** Probability of mirroring top and bottom (default 0). */
  readonly vertical?: number;
}

/**
 * Mirrors images at random.
 * @throws RangeError where a probability is not from 0 to 1
 * @throws TypeError where an option is unknown or of another kind
 */
export function flip(options: FlipOptions = {}): Augmentation {
  checkOptions("flip", options, { horizontal: "number", vertical: "number" });
  const { horizontal = 0.5, vertical = 0 } = options;
  checkFinite("flip: horizontal", horizontal, 0, 1);
  checkFinite("flip: vertical", vertical, 0, 1);
  return {
    kind: "affine",
    name: `flip(${horizontal}, ${vertical})`,
    map(draw) {
      const side = (part: number, column: number) =>
        part === 0 ? 1 : sub(1, mul(2, greater(part, draw.between(0, 1, column))));
      return { ...STILL, a: side(vertical, 1), d: side(horizontal, 0) };
    },
  };
}

export interface ElasticOptions {
  /** Factor of the smoothed field, in pixels (default 34). */
  readonly alpha?: number;
  /** Standard deviation of the smoothing Gaussian, in pixels (default 4). */
  readonly sigma?: number;
}

/**
 * Elastic distortion (Simard, Steinkraus & Platt 2003): moves every pixel by a random field, uniform in (−1, 1),
 * smoothed by a Gaussian and multiplied by `alpha`. The defaults are the paper's for handwritten digits.
 * @throws RangeError where `alpha` is negative, or `sigma` is below 0.1
 * @throws TypeError where an option is unknown or of another kind
 */
export function elastic(options: ElasticOptions = {}): Augmentation {
  const { alpha = 34, sigma = 4 } = checkOptions("elastic", options, { alpha: "number", sigma: "number" });
  const name = `elastic(${alpha}, ${sigma})`;
  checkFinite("elastic: alpha", alpha, 0);
  checkFinite("elastic: sigma", sigma, 0.1);
  return {
    kind: "field",
    name,
    field(draw, size) {
      checkFits(name, "sigma", sigma, size);
      const { batch, height, width } = size;
      const planes = 2 * batch;
      const noise = stored(sub(mul(draw.uniforms(2 * height * width), 2), 1));
      const smoothRows = matmul(reshape(noise, [planes * height, width]), gaussian(width, sigma));
      const turned = transpose(reshape(smoothRows, [planes, height, width]), [0, 2, 1]);
      const smooth = matmul(reshape(turned, [planes * width, height]), gaussian(height, sigma));
      return mul(transpose(reshape(smooth, [batch, 2, width, height]), [0, 1, 3, 2]), alpha);
    },
  };
}

/** Matrix [size, size] that smooths rows by multiplication; zeros continue the rows. */
function gaussian(size: number, sigma: number): Tensor {
  const weight = (distance: number) => Math.exp(-0.5 * (distance / sigma) ** 2);
  let total = 0;
  for (let distance = -size; distance <= size; distance++) total += weight(distance);
  const values = Array.from(
    { length: size * size },
    (_, i) => weight(Math.floor(i / size) - (i % size)) / total,
  );
  return tensor(values, [size, size]);
}
