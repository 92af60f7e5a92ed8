/** Twins: kernels' computations in TypeScript, run by the CPU engine. */
import type { Elements } from "../dtypes.ts";
import type { Constants } from "./kernel.ts";

/** Number of elements of a run: the results of a hook's instructions fit into a processor's caches. */
export const RUN = 512;

/** Returns the values of a load hook for `count` elements from `start` on, valid until the next call. */
export type Load = (start: number, count: number) => Float32Array;

/** Passes the kernel's values for the elements from `start` on to a store hook, which rounds them to 32 bits. */
export type Store = (start: number, values: Float32Array | Float64Array) => void;

/** Arguments of a twin: the memory of the kernel's own bindings, and its hooks as functions. */
export interface TwinCall {
  readonly constants: Constants;
  readonly memory: Readonly<Record<string, Elements>>;
  readonly load: Readonly<Record<string, Load>>;
  readonly store: Readonly<Record<string, Store>>;
  /** The f32 at a slot of the current row of the step table. */
  scalar(slot: number): number;
}

/** Result of a twin: an iteration over its pauses, if any. Iterating does the work. */
export type Twin = Iterable<void> | void;

/** Amount of work between two pauses: elements computed by hooks, or products. */
export const PART = 1 << 14;

/** A loop over `count` elements with pauses: `work` runs from `start` up to, not including, `end`. */
export function* inParts(count: number, work: (start: number, end: number) => void): Iterable<void> {
  for (let start = 0; start < count; start += PART) {
    work(start, Math.min(count, start + PART));
    yield;
  }
}

/**
 * A loop with pauses over rows of `size` elements, as many at once as make a run: `work` receives the first row and
 * their number, and an array for their results, the same one each time. Its work counts as `cost` for each element.
 */
export function* inRows(
  rows: number,
  size: number,
  work: (row: number, count: number, results: Float64Array) => void,
  cost = 1,
): Iterable<void> {
  const group = Math.max(1, Math.floor(RUN / size));
  const results = new Float64Array(Math.min(group, rows) * size);
  const pause = pauses();
  for (let row = 0; row < rows; row += group) {
    const count = Math.min(group, rows - row);
    work(row, count, results.subarray(0, count * size));
    if (pause(count * size * cost)) yield;
  }
}

/** All values of a load hook, with pauses. */
export function* loaded(load: Load, count: number): Generator<void, Float32Array> {
  const all = new Float32Array(count);
  yield* inParts(count, (start, end) => all.set(load(start, end - start), start));
  return all;
}

/** Stores all values, with pauses. */
export function stored(store: Store, values: Float32Array | Float64Array): Iterable<void> {
  return inParts(values.length, (start, end) => store(start, values.subarray(start, end)));
}

/** Counts the work of a twin; the returned function returns true when a pause is due. */
export function pauses(): (amount: number) => boolean {
  let done = 0;
  return (amount) => {
    done += amount;
    if (done < PART) return false;
    done = 0;
    return true;
  };
}

/** The CPU twin of a kernel: the same computation in plain loops, with {@link pauses} in long ones. */
export type TwinFunction = (call: TwinCall) => Twin;
