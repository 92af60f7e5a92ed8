/** What the interpreter's rules take and give. */
import type { Tensor } from "../../src/nn/graph/tensor.ts";
import type { Shape } from "../../src/program.ts";

/** A node's elements, row-major. */
export type Values = Float64Array;

/** What the host gives: elements of sources and values of step scalars, by name. */
export type Given = Readonly<Record<string, ArrayLike<number>>>;

export interface Evaluation {
  readonly node: Tensor;
  readonly inputs: readonly Values[];
  readonly given: Given;
  /** Reports that two numbers are compared, so that the result jumps where they cross. */
  compared(a: number, b: number): void;
}

export type Rule = (evaluation: Evaluation) => Values;

export function attribute(node: Tensor, name: string): unknown {
  return (node.attributes as Record<string, unknown>)[name];
}

/** Indices along each axis of the element at a flat position. */
export function coordinates(position: number, shape: Shape): number[] {
  const indices = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    indices[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return indices;
}
