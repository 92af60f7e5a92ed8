/** Instructions `i64`. */
import { signed } from "../encode.ts";
import { binary, type I64, loadOf, value } from "../values.ts";

export const constant = (x: number): I64 => value("i64", 0x42, signed(x));
export const add = binary<"i64", "i64">("i64", 0x7c);
export const mul = binary<"i64", "i64">("i64", 0x7e);
export const eq = binary<"i64", "i32">("i32", 0x51);
export const shl = binary<"i64", "i64">("i64", 0x86);
export const shr_u = binary<"i64", "i64">("i64", 0x88);
/** Sees the atomic stores of other threads. */
export const atomic_load = loadOf("i64", 3, 0xfe, 0x11);
export { constant as const };
