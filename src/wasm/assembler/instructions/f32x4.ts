/** Instructions `f32x4`. */
import { float32 } from "../encode.ts";
import { type F32, simd, unary, type V128, value, vector1, vector2 } from "../values.ts";
import * as v128 from "./v128.ts";

export const splat = unary<"f32", "v128">("v128", ...simd(19));
export const constant = (a: number, b = a, c = a, d = a): V128 => v128.const([a, b, c, d].flatMap(float32));
export const extract_lane = (a: V128, lane: number): F32 => value("f32", a.code, simd(31), lane);
export const eq = vector2(65);
export const ne = vector2(66);
export const lt = vector2(67);
export const gt = vector2(68);
export const le = vector2(69);
export const ge = vector2(70);
export const floor = vector1(104);
export const abs = vector1(224);
export const neg = vector1(225);
export const sqrt = vector1(227);
export const add = vector2(228);
export const sub = vector2(229);
export const mul = vector2(230);
export const div = vector2(231);
/** With NaN in either, NaN; several times slower than pmin and pmax. */
/** b where b < a, else a: keeps a NaN of a. */
export const pmin = vector2(234);
/** b where a < b, else a: keeps a NaN of a. */
export const pmax = vector2(235);
export const convert_i32x4_s = vector1(250);
export const convert_i32x4_u = vector1(251);
export const demote_f64x2_zero = vector1(94);
/** a · b + c, rounded once or twice: once where the processor has such an instruction. Relaxed SIMD. */
export const relaxed_madd = (a: V128, b: V128, c: V128): V128 =>
  value("v128", a.code, b.code, c.code, simd(0x105));
/** c − a · b, likewise. */
export const relaxed_nmadd = (a: V128, b: V128, c: V128): V128 =>
  value("v128", a.code, b.code, c.code, simd(0x106));
export { constant as const };
