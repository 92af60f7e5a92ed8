/** Parts of tensors, and joined tensors: slice, pad, concat. */
import { inWords, isList } from "../../../checks.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { resolveAxis, stridesOf } from "../shape.ts";
import { checkTensor, define, type Emitter, type Op, ShapeError, type Tensor } from "../tensor.ts";

interface Window {
  readonly axis: number;
  readonly start: number;
  readonly length: number;
}

function withSize(shape: Shape, axis: number, size: number): number[] {
  return shape.map((old, i) => (i === axis ? size : old));
}

const sliceOp: Op<Window> = {
  name: "slice",
  infer: ([x], { axis, length }) => ({ shape: withSize(x.shape, axis, length), dtype: x.dtype }),
  gradient: ({ inputs: [x], attributes: { axis, start, length } }, arriving) => [
    pad(arriving, axis, start, x.shape[axis] - start - length),
  ],
  lowering: {
    kind: "view",
    position({ inputs: [x], shape, attributes: { axis, start } }, emitter, at) {
      const strides = stridesOf(x.shape);
      return emitter.map(at, shape, strides, start * strides[axis]);
    },
  },
};
const makeSlice = define(sliceOp);

/**
 * Elements from `start` up to, not including, `end` along `axis`. Negative positions count from the end.
 * @throws ShapeError where the part is empty or outside x
 * @throws TypeError where x is no tensor
 */
export function slice(x: Tensor, start: number, end?: number, axis = 0): Tensor {
  checkTensor("slice", x);
  const along = resolveAxis("slice", axis, x.rank);
  const size = x.shape[along];
  const absolute = (position: number) => (position < 0 ? position + size : position);
  const first = absolute(start);
  const last = absolute(end ?? size);
  if (![first, last].every(Number.isInteger) || first < 0 || last > size || first >= last) {
    throw new ShapeError(
      "slice",
      `${start} to ${end ?? "the end"} of axis ${axis} of ${formatShape(x.shape)} is empty or outside`,
    );
  }
  if (first === 0 && last === size) return x;
  return makeSlice([x], { axis: along, start: first, length: last - first });
}

/** 1 where the coordinate of `at` along `axis` is at least `from`, else 0. */
function atLeast(emitter: Emitter, at: number, shape: Shape, axis: number, from: number): number {
  const along = shape.map((_, i) => (i === axis ? 1 : 0));
  const coordinate = emitter.position(emitter.map(at, shape, along));
  return emitter.call("greater", [coordinate, emitter.constant(from - 0.5)]);
}

/** The input's value at `at` moved by `start` along `axis`; meaningless outside, where it is not used. */
function shifted(emitter: Emitter, x: Tensor, at: number, shape: Shape, axis: number, start: number): number {
  const strides = stridesOf(x.shape);
  return emitter.load(x, emitter.map(at, shape, strides, -start * strides[axis]));
}

interface Margins {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const padOp: Op<Margins> = {
  name: "pad",
  infer: ([x], { axis, before, after }) => ({
    shape: withSize(x.shape, axis, before + x.shape[axis] + after),
    dtype: "f32",
  }),
  selects: [0],
  gradient: ({ inputs: [x], attributes: { axis, before } }, arriving) => [
    slice(arriving, before, before + x.shape[axis], axis),
  ],
  lowering: {
    kind: "elementwise",
    emit({ inputs: [x], shape, attributes: { axis, before } }, emitter, at) {
      const zero = emitter.constant(0);
      const end = atLeast(emitter, at, shape, axis, before + x.shape[axis]);
      const inside = emitter.call("choose", [end, zero, shifted(emitter, x, at, shape, axis, before)]);
      return emitter.call("choose", [atLeast(emitter, at, shape, axis, before), inside, zero]);
    },
  },
};
const makePad = define(padOp);

/**
 * Adds `before` and `after` zeros along `axis`.
 * @throws ShapeError where a number is no whole number from 0, or the axis is outside x
 * @throws TypeError where x is no tensor
 */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  checkTensor("pad", x);
  const along = resolveAxis("pad", axis, x.rank);
  if (![before, after].every((count) => Number.isInteger(count) && count >= 0)) {
    throw new ShapeError("pad", `${before} before and ${after} after; give whole numbers from 0`);
  }
  return before + after === 0 ? x : makePad([x], { axis: along, before, after });
}

const concatOp: Op<{ axis: number }> = {
  name: "concat",
  infer: ([a, b], { axis }) => ({
    shape: withSize(a.shape, axis, a.shape[axis] + b.shape[axis]),
    dtype: "f32",
  }),
  selects: [0, 1],
  gradient: ({ inputs: [a], attributes: { axis } }, arriving) => [
    slice(arriving, 0, a.shape[axis], axis),
    slice(arriving, a.shape[axis], undefined, axis),
  ],
  lowering: {
    kind: "elementwise",
    emit({ inputs: [a, b], shape, attributes: { axis } }, emitter, at) {
      return emitter.call("choose", [
        atLeast(emitter, at, shape, axis, a.shape[axis]),
        shifted(emitter, b, at, shape, axis, a.shape[axis]),
        shifted(emitter, a, at, shape, axis, 0),
      ]);
    },
  },
};
const makeConcat = define(concatOp);

/**
 * Joins tensors along `axis`; their other sizes must agree.
 * @throws ShapeError where there is no tensor, or other sizes differ
 * @throws TypeError where `tensors` is no array of tensors
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (!isList(tensors)) throw new TypeError(`concat: got ${inWords(tensors)}; give an array of tensors`);
  checkTensor("concat", ...tensors);
  if (tensors.length === 0)
    throw new ShapeError("concat", "there is nothing to join; give at least one tensor");
  const along = resolveAxis("concat", axis, tensors[0].rank);
  return tensors.reduce((joined, next) => {
    const fits =
      joined.rank === next.rank && joined.shape.every((size, i) => i === along || size === next.shape[i]);
    if (!fits) {
      throw new ShapeError(
        "concat",
        `${formatShape(joined.shape)} and ${formatShape(next.shape)} differ on an axis other than ${axis}; all other sizes must agree`,
      );
    }
    return makeConcat([joined, next], { axis: along });
  });
}
