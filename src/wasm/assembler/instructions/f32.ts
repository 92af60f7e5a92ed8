/** Instructions `f32`. */
import { float32 } from "../encode.ts";
import { binary, type F32, type I32, loadOf, unary, value } from "../values.ts";

export const constant = (x: number): F32 => value("f32", 0x43, float32(x));
export const eq = binary<"f32", "i32">("i32", 0x5b);
export const ne = binary<"f32", "i32">("i32", 0x5c);
export const lt = binary<"f32", "i32">("i32", 0x5d);
export const gt = binary<"f32", "i32">("i32", 0x5e);
export const le = binary<"f32", "i32">("i32", 0x5f);
export const ge = binary<"f32", "i32">("i32", 0x60);
export const abs = unary<"f32", "f32">("f32", 0x8b);
export const neg = unary<"f32", "f32">("f32", 0x8c);
export const ceil = unary<"f32", "f32">("f32", 0x8d);
export const floor = unary<"f32", "f32">("f32", 0x8e);
export const trunc = unary<"f32", "f32">("f32", 0x8f);
export const nearest = unary<"f32", "f32">("f32", 0x90);
export const sqrt = unary<"f32", "f32">("f32", 0x91);
export const add = binary<"f32", "f32">("f32", 0x92);
export const sub = binary<"f32", "f32">("f32", 0x93);
export const mul = binary<"f32", "f32">("f32", 0x94);
export const div = binary<"f32", "f32">("f32", 0x95);
export const min = binary<"f32", "f32">("f32", 0x96);
export const max = binary<"f32", "f32">("f32", 0x97);
export const load = loadOf("f32", 2, 0x2a);
export const convert_i32_s = unary<"i32", "f32">("f32", 0xb2);
export const convert_i32_u = unary<"i32", "f32">("f32", 0xb3);
export const demote_f64 = unary<"f64", "f32">("f32", 0xb6);
export const reinterpret_i32 = unary<"i32", "f32">("f32", 0xbe);
export const select = (a: F32, b: F32, condition: I32): F32 =>
  value("f32", a.code, b.code, condition.code, 0x1b);
export { constant as const };
