/** Instructions `i32`. */
import { signed } from "../encode.ts";
import { binary, constantOf, type I32, I32_ADD, loadOf, unary, value } from "../values.ts";

/** A constant's low bits, with the two's complement of negative ones: WebAssembly's integers have no sign. */
const wrapped = (x: number) => (x > 0x7fffffff ? x - 0x1_0000_0000 : x);

/** An integer from -2^31 up to, not including, 2^32. */
export const constant = (x: number): I32 => value("i32", 0x41, signed(wrapped(x)));
export const eqz = unary<"i32", "i32">("i32", 0x45);
export const eq = binary<"i32", "i32">("i32", 0x46);
export const ne = binary<"i32", "i32">("i32", 0x47);
export const lt_s = binary<"i32", "i32">("i32", 0x48);
export const lt_u = binary<"i32", "i32">("i32", 0x49);
export const gt_s = binary<"i32", "i32">("i32", 0x4a);
export const ge_s = binary<"i32", "i32">("i32", 0x4e);
export const ge_u = binary<"i32", "i32">("i32", 0x4f);
/** Adding 0 is left out. */
export const add = (a: I32, b: I32): I32 =>
  constantOf(a) === 0 ? b : constantOf(b) === 0 ? a : value("i32", a.code, b.code, I32_ADD);
export const sub = binary<"i32", "i32">("i32", 0x6b);
export const mul = binary<"i32", "i32">("i32", 0x6c);
export const div_u = binary<"i32", "i32">("i32", 0x6e);
export const rem_u = binary<"i32", "i32">("i32", 0x70);
export const and = binary<"i32", "i32">("i32", 0x71);
export const shl = binary<"i32", "i32">("i32", 0x74);
export const load = loadOf("i32", 2, 0x28);
export const load8_u = loadOf("i32", 0, 0x2d);
/** NaN becomes 0, and what is too large the largest. */
export const trunc_sat_f32_s = unary<"f32", "i32">("i32", 0xfc, 0);
export const trunc_sat_f32_u = unary<"f32", "i32">("i32", 0xfc, 1);
export const wrap_i64 = unary<"i64", "i32">("i32", 0xa7);
/** Sees the atomic stores of other threads. */
export const atomic_load = loadOf("i32", 2, 0xfe, 0x10);
/** `a` where `condition` is not 0, else `b`. Both are computed. */
export const select = (a: I32, b: I32, condition: I32): I32 =>
  value("i32", a.code, b.code, condition.code, 0x1b);
export { constant as const };
