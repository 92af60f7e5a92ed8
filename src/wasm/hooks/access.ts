/** Four elements at once, from memory and into it. */
import { bytesPerElement } from "../../dtypes.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import {
  f32x4,
  type I32,
  i8x16,
  i16x8,
  i32,
  i32x4,
  partsOf,
  type V128,
  v128,
} from "../assembler/instructions.ts";
import type { Lanes, Memory } from "../kernels/kernel.ts";
import {
  type AtLanes,
  boundsOf,
  isPickedRow,
  kept,
  type Line,
  lanesOf,
  sharedOf,
  times,
} from "./position.ts";

/** Bytes behind each memory that can be read. */
const BEHIND = 64;
/** Most lanes past an end of a line that are loaded. */
const PAST = 15;
const REVERSED = [12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3];

/** An element, as a number in all lanes; `offset` counts from the address on. */
function inAllLanes(dtype: Memory["dtype"], at: I32, offset: number): V128 {
  if (dtype === "u8") return f32x4.convert_i32x4_s(i32x4.splat(i32.load8_u(at, offset)));
  const bits = v128.load32_splat(at, offset);
  return dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits;
}

/** Four neighbours, as numbers. */
function neighbours(dtype: Memory["dtype"], at: I32, offset: number): V128 {
  if (dtype === "u8") {
    const bytes = v128.load32_zero(at, offset);
    return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
  }
  const bits = v128.load(at, offset);
  return dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits;
}

/** Four elements from addresses of their own, as numbers. */
function fourOf(dtype: Memory["dtype"], at: (lane: number) => readonly [I32, number]): V128 {
  if (dtype === "u8") {
    let bytes = i32x4.splat(i32.load8_u(...at(0)));
    for (const lane of [1, 2, 3]) bytes = i32x4.replace_lane(bytes, lane, i32.load8_u(...at(lane)));
    return f32x4.convert_i32x4_s(bytes);
  }
  let bits = v128.load32_zero(...at(0));
  for (const lane of [1, 2, 3]) {
    const [address, offset] = at(lane);
    bits = v128.load32_lane(address, bits, lane, offset);
  }
  return dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits;
}

/** Bytes to the running step's row of an output. */
export function rowOf(f: FunctionBuilder, { stepBytes }: Memory): I32 | undefined {
  return stepBytes === 0 ? undefined : f.constant(times(f.parameters[0] as I32, stepBytes));
}

/** The sum of those that are there. */
function sumOf(...values: readonly (I32 | undefined)[]): I32 {
  return values.reduce<I32>((sum, value) => (value ? i32.add(sum, value) : sum), i32.const(0));
}

/** A value below `end`, and 0 instead of others. */
function below(f: FunctionBuilder, value: I32, end: number): I32 {
  const one = f.keep(value);
  return f.keep(i32.select(one, i32.const(0), i32.lt_u(one, i32.const(end))));
}

/** Elements at a vector of positions; those outside of memory are of no meaning. */
export function gathered(f: FunctionBuilder, memory: Memory, positions: V128): V128 {
  const { dtype, address, length } = memory;
  const inside = i32x4.min_u(positions, f.constant(i32x4.const(length - 1)));
  const places = f.keep(bytesPerElement(dtype) === 1 ? inside : i32x4.shl(inside, i32.const(2)));
  const row = rowOf(f, memory);
  return fourOf(dtype, (lane) => [sumOf(row, i32x4.extract_lane(places, lane)), address]);
}

/** Prepares loads along a line. What lies outside of memory is of no meaning, but safe. */
export function loadedAlong(f: FunctionBuilder, memory: Memory, line: Line): AtLanes {
  const { dtype, length } = memory;
  const bytes = bytesPerElement(dtype);
  const { factor: lane, size } = lanesOf(line);
  const [least, most] = boundsOf(line);
  const isInside = least >= 0 && most < length;
  const row = rowOf(f, memory);
  // WebAssembly adds an offset without wrapping round: what it is added to must not be negative.
  const isAdded = !isInside || line.terms.some(({ factor }) => factor < 0);
  const added = isAdded ? line.offset * bytes : 0;
  const offset = memory.address + line.offset * bytes - added;
  const start = sumOf(sharedOf(line, bytes), i32.const(added));
  const end = length - lane * (size - 1);
  const isWhole = !isInside && isPickedRow(line, length) && lane >= 0 && end > 0;
  const isSafe = isInside || isWhole;
  const first = kept(f, isWhole ? below(f, start, end * bytes) : start);
  const step = lane * bytes;
  const at = (i: I32) => sumOf(first, lane === 0 ? undefined : times(i, step));
  if (lane === 0) {
    return (i) => inAllLanes(dtype, sumOf(row, isSafe ? at(i) : below(f, at(i), length * bytes)), offset);
  }
  if (lane === 1) {
    if (isSafe) {
      return (i) => {
        const [base, more] = partsOf(i);
        return neighbours(dtype, sumOf(row, at(base)), offset + more * bytes);
      };
    }
    // Memory may begin behind the first lane.
    const before = 3 * bytes;
    return (i) => {
      const moved = below(f, sumOf(at(i), i32.const(before)), length * bytes + before);
      return neighbours(dtype, sumOf(row, moved), offset - before);
    };
  }
  if (lane === -1 && isSafe) {
    // Past the end of the line, positions may be negative: the sum wraps round.
    const last = i32.const(offset - 3 * bytes);
    return (i) => {
      const four = f.keep(neighbours(dtype, i32.add(sumOf(row, at(i)), last), 0));
      return i8x16.shuffle(four, four, REVERSED);
    };
  }
  // Lanes past the end of the line may lie outside of memory.
  const reach = PAST * Math.abs(lane);
  const isReadable =
    isInside &&
    memory.address + (least - reach) * bytes >= 0 &&
    (most + reach + 1 - length) * bytes <= BEHIND;
  const room = length * bytes - (offset - memory.address);
  return (i, whole) => {
    if (isSafe && (whole || isReadable) && step > 0) {
      const [start, more] = partsOf(i);
      const base = kept(f, sumOf(row, at(start)));
      return fourOf(dtype, (n) => [base, offset + (more + n) * step]);
    }
    const place = f.keep(at(i));
    if (isSafe && (whole || isReadable))
      return fourOf(dtype, (n) => [i32.add(sumOf(row, place), i32.const(offset + n * step)), 0]);
    return fourOf(dtype, (n) => [sumOf(row, below(f, sumOf(place, i32.const(n * step)), room)), offset]);
  };
}

/** Prepares stores along a line: the returned function stores four lanes, or the first `count`. */
export function storedAlong(
  f: FunctionBuilder,
  memory: Memory,
  line: Line,
): (i: I32, values: V128, count?: I32 | number) => void {
  const { factor: lane } = lanesOf(line);
  const first = kept(f, sumOf(rowOf(f, memory), sharedOf(line, 4)));
  const offset = memory.address + line.offset * 4;
  return (i, values, count) => {
    const vector = memory.dtype === "i32" ? f.keep(i32x4.trunc_sat_f32x4_s(values)) : values;
    const [base, more] = partsOf(i);
    const address = sumOf(first, lane === 0 ? undefined : times(base, lane * 4));
    storeLanes(f, address, vector, { stride: lane }, offset + more * lane * 4, count);
  };
}

/** Stores four lanes, or the first `count`. */
export function storeLanes(
  f: FunctionBuilder,
  address: I32,
  vector: V128,
  { stride }: Pick<Lanes, "stride">,
  offset: number,
  count: I32 | number = 4,
): void {
  if (count === 4 && stride === 1) {
    f.store(address, vector, offset);
    return;
  }
  const at = f.keep(address);
  for (const lane of [0, 1, 2, 3]) {
    const store = () => f.storeLane(at, vector, lane, offset + lane * stride * 4);
    if (typeof count !== "number") f.if(i32.gt_s(count, i32.const(lane)), store);
    else if (lane < count) store();
  }
}
