/** Instructions `f32`. */
import { float32 } from "../encode.ts";
import { binary, type F32, loadOf, unary, value } from "../values.ts";

export const constant = (x: number): F32 => value("f32", 0x43, float32(x));
export const lt = binary<"f32", "i32">("i32", 0x5d);
export const ge = binary<"f32", "i32">("i32", 0x60);
export const add = binary<"f32", "f32">("f32", 0x92);
export const load = loadOf("f32", 2, 0x2a);
export const convert_i32_u = unary<"i32", "f32">("f32", 0xb3);
export const demote_f64 = unary<"f64", "f32">("f32", 0xb6);
export { constant as const };
