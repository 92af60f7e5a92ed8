/** Kinds of augmentations, and their random numbers. */
import { sampleUniform } from "../nn/graph/ops/sampleRandom.ts";
import { add, mul } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import { ShapeError, type Tensor } from "../nn/graph/tensor.ts";
import type { Batch } from "../nn/training/batch.ts";
import { formatShape } from "../program.ts";

/**
 * Source position of a pixel, as a linear map of its own (row, column), both counted from the middle of the image:
 * [row, column] ← [[a, b], [c, d]] · [row, column] + [e, f]. Entries are [batch], or numbers.
 */
export interface Affine {
  readonly a: Tensor | number;
  readonly b: Tensor | number;
  readonly c: Tensor | number;
  readonly d: Tensor | number;
  readonly e: Tensor | number;
  readonly f: Tensor | number;
}

/** The identity map. */
export const STILL: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

/** Random numbers of one augmentation for each sample of a batch: functions of (seed, epoch, sample). */
export interface Draw {
  /** Uniform numbers in [0, 1), [batch, columns]. Each `part` (0 to 3) has its own. */
  uniforms(columns: number, part?: number): Tensor;
  /** Uniform numbers from `low` to `high`, [batch]; each `column` (0 to 3) has its own. */
  between(low: number, high: number, column?: number): Tensor;
}

/** Sizes of the images in a batch. */
export interface ImageSize {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** One augmentation, as data. */
export type Augmentation =
  /** Moves pixels by a linear map; neighbours in the list share one resampling. */
  | { readonly kind: "affine"; readonly name: string; map(draw: Draw, size: ImageSize): Affine }
  /** Moves pixels by a field [batch, 2, height, width] of rows and columns, after the affine maps next to it. */
  | { readonly kind: "field"; readonly name: string; field(draw: Draw, size: ImageSize): Tensor }
  /** Changes values in place. `images` requires [batch, channels, height, width]. */
  | {
      readonly kind: "values";
      readonly name: string;
      readonly images: boolean;
      apply(x: Tensor, draw: Draw, range: Batch["range"]): Tensor;
    }
  /** Changes inputs and targets together. */
  | {
      readonly kind: "batch";
      readonly name: string;
      apply(batch: Batch, draw: Draw): Pick<Batch, "x" | "y">;
    };

/** Random streams from here on belong to augmentation; layers count theirs from 0. */
const FIRST_STREAM = 0x61756700;
const STREAMS_EACH = 4;
/** Columns of the stream that `between` reads. */
const COLUMNS = 4;

/** Random numbers of the augmentation at `position` of the list. */
export function drawFor(samples: Tensor, position: number): Draw {
  const stream = FIRST_STREAM + STREAMS_EACH * position;
  const uniforms = (columns: number, part = 0) => sampleUniform(samples, columns, stream + part);
  return {
    uniforms,
    between(low, high, column = 0) {
      const drawn = slice(uniforms(COLUMNS), column, column + 1, 1);
      return add(mul(reshape(drawn, [samples.shape[0]]), high - low), low);
    },
  };
}

/** @throws ShapeError where the inputs are no images */
export function imageSize(name: string, { shape }: Tensor): ImageSize {
  const [batch, channels, height, width] = shape;
  if (shape.length === 4) return { batch, channels, height, width };
  throw new ShapeError(
    name,
    `the inputs are ${formatShape(shape.slice(1))}; expected images [channels, height, width]: give the data set that shape, dense layers flatten images themselves`,
  );
}

/** @throws ShapeError where `pixels` of `what` exceed the image */
export function checkFits(name: string, what: string, pixels: number, { height, width }: ImageSize): void {
  if (pixels < Math.min(height, width)) return;
  throw new ShapeError(
    name,
    `${what} is ${pixels} pixels, but the images are ${height} × ${width}; give less`,
  );
}
