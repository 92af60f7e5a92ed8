/** What `augment` puts together: the kinds of augmentations, and how they draw. */
import { inWords } from "../checks.ts";
import { sampleUniform } from "../nn/graph/ops/sampleRandom.ts";
import { add, mul } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import { ShapeError, type Tensor } from "../nn/graph/tensor.ts";
import type { Batch } from "../nn/training/batch.ts";
import { formatShape } from "../program.ts";

/**
 * Where a result's pixel comes from, as a linear map of its place (row, column), both counted from the middle of the
 * image: [row, column] ← [[a, b], [c, d]] · [row, column] + [e, f]. Entries [batch], or numbers.
 */
export interface Affine {
  readonly a: Tensor | number;
  readonly b: Tensor | number;
  readonly c: Tensor | number;
  readonly d: Tensor | number;
  readonly e: Tensor | number;
  readonly f: Tensor | number;
}

/** The map that leaves every pixel where it is. */
export const STILL: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

/** Random numbers of one augmentation, for each sample of a batch: functions of (seed, epoch, sample). */
export interface Draw {
  /** [batch, columns], uniform in [0, 1). Each `part` (0 to 3) has numbers of its own. */
  uniforms(columns: number, part?: number): Tensor;
  /** Column `column` of the first few uniform numbers, [batch], brought to lie from `low` to `high`. */
  between(low: number, high: number, column?: number): Tensor;
}

/** The sizes of the images in a batch. */
export interface ImageSize {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** One augmentation, as data. */
export type Augmentation =
  /** Moves pixels along straight lines; neighbours in the list are applied together, by one resampling. */
  | { readonly kind: "affine"; readonly name: string; map(draw: Draw, size: ImageSize): Affine }
  /** Moves pixels by a field [batch, 2, height, width] of rows and columns, after the affine ones beside it. */
  | { readonly kind: "field"; readonly name: string; field(draw: Draw, size: ImageSize): Tensor }
  /** Changes values where they are. `images` says that it needs [batch, channels, height, width]. */
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

/** Streams of random numbers from here on are augmentation's; layers count theirs from 0. */
const FIRST_STREAM = 0x61756700;
const STREAMS_EACH = 4;
/** Columns of the stream that `between` reads from. */
const COLUMNS = 4;

/** The numbers of the augmentation at `position` of the list. */
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
    `the inputs are ${formatShape(shape.slice(1))}; it needs images [channels, height, width]: give the data set that shape, dense layers flatten it themselves`,
  );
}

/** @throws ShapeError where `pixels` of `what` are more than an image has */
export function checkFits(name: string, what: string, pixels: number, { height, width }: ImageSize): void {
  if (pixels < Math.min(height, width)) return;
  throw new ShapeError(
    name,
    `${what} is ${pixels} pixels, and the images are ${height} × ${width}; give less`,
  );
}

/** @throws RangeError unless `value` is a finite number from `low` to `high` */
export function checkNumber(what: string, value: number, low = 0, high = Number.POSITIVE_INFINITY): void {
  if (Number.isFinite(value) && value >= low && value <= high) return;
  const bound = Number.isFinite(high) ? `from ${low} to ${high}` : `from ${low}`;
  throw new RangeError(`${what} is ${inWords(value)}; give a finite number ${bound}`);
}
