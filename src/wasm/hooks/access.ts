/** Four elements at once, from memory and into it. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i16x8, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import type { Lanes, Memory } from "../kernels/kernel.ts";

/** An element, as a number in all lanes; the address counts from the beginning of the memory. */
export function inAllLanes({ dtype, address }: Memory, at: I32): V128 {
  if (dtype === "u8") return f32x4.convert_i32x4_u(i32x4.splat(i32.load8_u(at, address)));
  const bits = v128.load32_splat(at, address);
  return dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits;
}

/** Four neighbours, as numbers. */
export function neighbours({ dtype, address }: Memory, at: I32): V128 {
  if (dtype === "u8") {
    const bytes = v128.load32_zero(at, address);
    return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
  }
  const bits = v128.load(at, address);
  return dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits;
}

/** Four elements from addresses of their own, as numbers. */
export function gather(f: FunctionBuilder, { dtype, address }: Memory, at: (lane: number) => I32): V128 {
  if (dtype === "u8") {
    let bytes = i32x4.splat(i32.load8_u(at(0), address));
    for (const lane of [1, 2, 3]) bytes = i32x4.replace_lane(bytes, lane, i32.load8_u(at(lane), address));
    return f.keep(f32x4.convert_i32x4_u(bytes));
  }
  let bits = v128.load32_zero(at(0), address);
  for (const lane of [1, 2, 3]) bits = v128.load32_lane(at(lane), bits, lane, address);
  return f.keep(dtype === "i32" ? f32x4.convert_i32x4_s(bits) : bits);
}

/** Stores four lanes, or the first `count`. */
export function storeLanes(
  f: FunctionBuilder,
  address: I32,
  vector: V128,
  { stride }: Lanes,
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
