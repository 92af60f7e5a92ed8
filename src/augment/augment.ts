/** Combines augmentations for the option `augment` of `fit`. */
import { atOnce, inWords } from "../checks.ts";
import { gridSample } from "../nn/graph/ops/gridSample.ts";
import { add, broadcastTo, mul, type Operand } from "../nn/graph/ops/scalar.ts";
import { concat, slice } from "../nn/graph/ops/slice.ts";
import { constant, iota } from "../nn/graph/ops/source.ts";
import { stored } from "../nn/graph/ops/stored.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import { Tensor, withLabel } from "../nn/graph/tensor.ts";
import type { Augment, Batch } from "../nn/training/batch.ts";
import {
  type Affine,
  type Augmentation,
  type Draw,
  drawFor,
  type ImageSize,
  imageSize,
  STILL,
} from "./augmentation.ts";

type Moving = Extract<Augmentation, { kind: "affine" | "field" }>;

/**
 * Applies augmentations in order, for the option `augment` of `fit`. They change each batch on the device, as it is
 * read. Random numbers are functions of (seed, epoch, sample): equal on both engines, in batches of any size and order,
 * and after a resume. Adjacent augmentations that move pixels share one bilinear resampling.
 * @throws TypeError where an argument is no augmentation, or none is given; when the step is compiled, ShapeError where
 *   an augmentation does not fit the data
 */
export function augment(...augmentations: readonly Augmentation[]): Augment {
  const bad = augmentations.findIndex((one) => typeof one !== "object" || !("kind" in Object(one)));
  if (augmentations.length === 0 || bad >= 0) {
    const got = augmentations.length > 0 ? `got ${inWords(augmentations[bad])}; ` : "";
    throw new TypeError(`augment: ${got}give one augmentation or more: augment(rotate(15), translate(2))`);
  }
  return {
    name: augmentations.map(({ name }) => name).join(", "),
    apply: (batch) => withLabel("augment", () => applied(augmentations, batch)),
  };
}

function applied(augmentations: readonly Augmentation[], batch: Batch): Pick<Batch, "x" | "y"> {
  let { x, y } = batch;
  for (let at = 0; at < augmentations.length; ) {
    const one = augmentations[at];
    const draw = drawFor(batch.samples, at);
    switch (one.kind) {
      case "affine":
      case "field": {
        const moving = movingFrom(augmentations, at);
        x = resampled(x, moving, (i) => drawFor(batch.samples, at + i));
        at += moving.length;
        continue;
      }
      case "values":
        if (one.images) imageSize(one.name, x);
        x = atOnce(`augment: ${one.name}`, one.apply(x, draw, batch.range));
        break;
      case "batch":
        ({ x, y } = atOnce(`augment: ${one.name}`, one.apply({ ...batch, x: stored(x), y }, draw)));
    }
    at++;
  }
  return { x: stored(x), y };
}

function movingFrom(augmentations: readonly Augmentation[], first: number): Moving[] {
  const others = augmentations.slice(first);
  const end = others.findIndex(({ kind }) => kind !== "affine" && kind !== "field");
  return (end < 0 ? others : others.slice(0, end)) as Moving[];
}

/** The images after all moves, read once. */
function resampled(x: Tensor, moving: readonly Moving[], drawOf: (i: number) => Draw): Tensor {
  const size = imageSize(moving[0].name, x);
  let matrix: Tensor | undefined;
  let field: Tensor | undefined;
  moving.forEach((one, i) => {
    // The first augmentation moves the image itself: the source position passes through it last.
    if (one.kind === "affine") {
      const map = atOnce(`augment: ${one.name}`, one.map(drawOf(i), size));
      matrix = matrixOf(matrix ? after(entriesOf(matrix), map) : map, size);
    } else {
      const moved = atOnce(`augment: ${one.name}`, one.field(drawOf(i), size));
      field = field ? add(field, moved) : moved;
    }
  });
  return gridSample(x, gridOf(matrix ?? matrixOf(STILL, size), field, size));
}

/** The map that applies `second`, then `first`. */
function after(first: Affine, second: Affine): Affine {
  const sum = (p: Operand, q: Operand, r: Operand, s: Operand) => add(mul(p, q), mul(r, s));
  return {
    a: sum(first.a, second.a, first.b, second.c),
    b: sum(first.a, second.b, first.b, second.d),
    c: sum(first.c, second.a, first.d, second.c),
    d: sum(first.c, second.b, first.d, second.d),
    e: add(sum(first.a, second.e, first.b, second.f), first.e),
    f: add(sum(first.c, second.e, first.d, second.f), first.f),
  };
}

/** The entries of a map as a matrix [batch, 6], computed once for each image rather than for each pixel. */
function matrixOf({ a, b, c, d, e, f }: Affine, { batch }: ImageSize): Tensor {
  const column = (entry: Operand) =>
    reshape(broadcastTo(entry instanceof Tensor ? entry : constant(entry), [batch]), [batch, 1]);
  return stored(concat([a, b, e, c, d, f].map(column), 1));
}

function entriesOf(matrix: Tensor): Affine {
  const [a, b, e, c, d, f] = [0, 1, 2, 3, 4, 5].map((k) =>
    reshape(slice(matrix, k, k + 1, 1), [matrix.shape[0]]),
  );
  return { a, b, c, d, e, f };
}

/** Source position of each pixel: [batch, 2, height, width], rows and columns in pixels. */
function gridOf(matrix: Tensor, field: Tensor | undefined, size: ImageSize): Tensor {
  const { batch, height, width } = size;
  const entry = (k: number) => reshape(slice(reshape(matrix, [batch, 2, 3]), k, k + 1, 2), [batch, 2, 1, 1]);
  const middle = reshape(add(mul(iota([2], 0), (width - height) / 2), (height - 1) / 2), [2, 1, 1]);
  const place = (axis: 0 | 1, shape: number[]) => {
    const from = add(iota(shape, axis), -(shape[axis] - 1) / 2);
    return field ? add(from, slice(field, axis, axis + 1, 1)) : from;
  };
  const [row, col] = [place(0, [height, 1]), place(1, [1, width])];
  return add(add(add(mul(entry(0), row), mul(entry(1), col)), entry(2)), middle);
}
