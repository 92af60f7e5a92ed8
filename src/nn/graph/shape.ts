/** Arithmetic of shapes and axes. */
import { inWords } from "../../checks.ts";
import { formatShape, type Shape } from "../../program.ts";
import { ShapeError } from "./tensor.ts";

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Row-major strides: the distance in elements between neighbours along each axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * Broadcasts `shapes` by NumPy's rule: aligned at the last axis, sizes equal or 1.
 * @throws ShapeError naming the shapes
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((size, i) => {
      const axis = i + rank - shape.length;
      if (size === result[axis] || size === 1) return;
      if (result[axis] !== 1) {
        const all = shapes.map(formatShape).join(" and ");
        throw new ShapeError(
          op,
          `shapes ${all} do not fit: sizes ${result[axis]} and ${size} on axis ${axis - rank}; sizes must be equal or 1`,
        );
      }
      result[axis] = size;
    });
  }
  return result;
}

/** Strides that read a tensor of `shape` as if it had shape `target`: 0 along broadcast axes. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || shape[own] === 1 ? 0 : strides[own];
  });
}

/** Axes as non-negative numbers in ascending order; `undefined` means all. */
export function resolveAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = Array.isArray(axes) ? axes : [axes];
  const resolved = list.map((axis) => resolveAxis(op, axis, rank));
  if (new Set(resolved).size < resolved.length)
    throw new ShapeError(op, `axes [${list.join(", ")}] repeat an axis`);
  return resolved.sort((a, b) => a - b);
}

export function resolveAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(
      op,
      `axis ${inWords(axis)} is outside a tensor of rank ${rank}; use ${-rank} to ${rank - 1}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** @throws ShapeError unless every size is a positive integer */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new TypeError(`${op}: the shape is ${inWords(shape)}; give an array of sizes`);
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ShapeError(
        op,
        `shape ${formatShape(shape)} has size ${size}; sizes are whole numbers from 1`,
      );
    }
  }
}
