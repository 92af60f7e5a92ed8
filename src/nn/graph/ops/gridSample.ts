/** Images sampled at positions between their pixels. */
import { formatShape } from "../../../program.ts";
import { stridesOf } from "../shape.ts";
import { define, type Emitter, type Op, ShapeError, type Tensor } from "../tensor.ts";

const gridSampleOp: Op<null> = {
  name: "gridSample",
  infer: ([x, grid]) => ({ shape: [...x.shape.slice(0, 2), ...grid.shape.slice(2)], dtype: "f32" }),
  gradient() {
    throw new ShapeError("gridSample", "its gradient is not built; sample images of the data set");
  },
  lowering: { kind: "elementwise", emit: interpolate },
};
const makeGridSample = define(gridSampleOp);

/**
 * Samples `x` [batch, channels, height, width] bilinearly at `grid` [batch, 2, rows, columns], which holds the source
 * row and column of each result pixel, in pixels of x, with 0 at the middle of the first. Outside the image, x is 0. →
 * [batch, channels, rows, columns]. PyTorch's `grid_sample` with zero padding, but in pixels and row first.
 */
export function gridSample(x: Tensor, grid: Tensor): Tensor {
  if (x.rank !== 4 || grid.rank !== 4 || grid.shape[1] !== 2 || x.shape[0] !== grid.shape[0]) {
    throw new ShapeError(
      "gridSample",
      `x is ${formatShape(x.shape)}, grid ${formatShape(grid.shape)}; expected [batch, channels, height, width] and [batch, 2, rows, columns]`,
    );
  }
  return makeGridSample([x, grid], null);
}

/** The weighted sum of the four pixels around the position. */
function interpolate({ inputs: [x, grid], shape }: Tensor, emitter: Emitter, at: number): number {
  const strides = stridesOf(grid.shape);
  const place = (axis: number) =>
    emitter.load(grid, emitter.map(at, shape, [strides[0], 0, strides[2], 1], axis * strides[1]));
  const [, , height, width] = x.shape;
  const rows = neighbours(emitter, place(0), height);
  const columns = neighbours(emitter, place(1), width);
  const imageSize = height * width;
  const image = emitter.map(at, shape, [x.shape[1] * imageSize, imageSize, 0, 0]);
  const corners = rows.flatMap((row) =>
    columns.map((column) => {
      const pixel = emitter.call("add", [
        emitter.call("mul", [row.index, emitter.constant(width)]),
        column.index,
      ]);
      const inside = emitter.call("mul", [row.inside, column.inside]);
      const value = emitter.call("choose", [
        inside,
        emitter.load(x, emitter.row(pixel, 1, image)),
        emitter.constant(0),
      ]);
      return emitter.call("mul", [emitter.call("mul", [row.weight, column.weight]), value]);
    }),
  );
  return corners.reduce((sum, corner) => emitter.call("add", [sum, corner]));
}

interface Neighbour {
  /** Index clamped to the image. */
  readonly index: number;
  /** Weight of the pixel; NaN for a NaN position. */
  readonly weight: number;
  /** 1 where the neighbour is in the image, else 0. */
  readonly inside: number;
}

/** The pixels before and after a position along one axis, with their weights. */
function neighbours(emitter: Emitter, position: number, size: number): Neighbour[] {
  const call = (fn: string, ...args: number[]) => emitter.call(fn, args);
  const constant = (value: number) => emitter.constant(value);
  const before = call("floorOf", position);
  const part = call("sub", position, before);
  return [
    { index: before, weight: call("sub", constant(1), part) },
    { index: call("add", before, constant(1)), weight: part },
  ].map(({ index, weight }) => {
    const inside = call(
      "mul",
      call("greater", index, constant(-0.5)),
      call("greater", constant(size - 0.5), index),
    );
    return { index: call("choose", inside, index, constant(0)), weight, inside };
  });
}
