/** Instructions `i32x4`. */
import { type I32, shift, simd, unary, type V128, value, vector1, vector2 } from "../values.ts";
import * as v128 from "./v128.ts";

export const splat = unary<"i32", "v128">("v128", ...simd(17));
export const constant = (a: number, b = a, c = a, d = a): V128 => {
  const bytes = [a, b, c, d].flatMap((x) => [x, x >>> 8, x >>> 16, x >>> 24].map((byte) => byte & 0xff));
  return v128.const(bytes);
};
export const extract_lane = (a: V128, lane: number): I32 => value("i32", a.code, simd(27), lane);
export const replace_lane = (a: V128, lane: number, x: I32): V128 =>
  value("v128", a.code, x.code, simd(28), lane);
export const eq = vector2(55);
export const lt_u = vector2(58);
export const gt_s = vector2(59);
export const neg = vector1(161);
export const extend_low_i16x8_u = vector1(169);
export const shl = shift(171);
export const shr_s = shift(172);
export const shr_u = shift(173);
export const add = vector2(174);
export const sub = vector2(177);
export const mul = vector2(181);
export const min_u = vector2(183);
export const max_s = vector2(184);
export const trunc_sat_f32x4_s = vector1(248);
/** Like `trunc_sat_f32x4_s` for what fits; what a NaN or a larger number becomes differs. Relaxed SIMD. */
export { constant as const };
