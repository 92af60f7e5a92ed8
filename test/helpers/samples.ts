/** Random tensors for tests, by seed. */
import type { Elements } from "../../src/dtypes.ts";
import { elementCount, type Shape } from "../../src/program.ts";
import { permutation, uniforms } from "../../src/random.ts";

/** A tensor's values, as an input of a compiled function takes them. */
export interface Sample<E extends Elements = Elements> {
  readonly shape: Shape;
  readonly dtype: E extends Float32Array ? "f32" : "i32";
  readonly data: E;
}

let streams = 0;

function draws(shape: Shape): Float32Array {
  // Every sample of a file draws from a stream of its own.
  return uniforms(elementCount(shape), 20, streams++);
}

function floats(shape: Shape, data: Float32Array): Sample<Float32Array> {
  return { shape, dtype: "f32", data };
}

/** Uniform in [low, high). */
export function uniform(shape: Shape, low = -1, high = 1): Sample<Float32Array> {
  return floats(
    shape,
    draws(shape).map((u) => low + (high - low) * u),
  );
}

/** Values near the points offset + k · step, |k| ≤ 4, and so away from the middle between two. */
export function nearGrid(shape: Shape, step: number, offset: number): Sample<Float32Array> {
  const jitter = draws(shape);
  return floats(
    shape,
    draws(shape).map((u, i) => offset + step * (Math.floor(u * 9) - 4) + 0.2 * step * (jitter[i] - 0.5)),
  );
}

/** Values in random order, each at least `gap` from all others. */
export function distinct(shape: Shape, gap: number): Sample<Float32Array> {
  const count = elementCount(shape);
  const { at } = permutation(count, 20, streams++);
  return floats(
    shape,
    Float32Array.from({ length: count }, (_, i) => gap * (at(i) - count / 2)),
  );
}

/** Whole numbers from 0 up to, not including, `limit`. */
export function indices(shape: Shape, limit: number): Sample<Int32Array> {
  return { shape, dtype: "i32", data: Int32Array.from(draws(shape), (u) => Math.floor(u * limit)) };
}
