/** Instructions `f64x2`. */
import { float64 } from "../encode.ts";
import { type F64, simd, unary, type V128, value, vector1, vector2 } from "../values.ts";
import * as v128 from "./v128.ts";

export const splat = unary<"f64", "v128">("v128", ...simd(20));
export const constant = (a: number, b = a): V128 => v128.const([a, b].flatMap(float64));
export const extract_lane = (a: V128, lane: number): F64 => value("f64", a.code, simd(33), lane);
export const nearest = vector1(148);
export const add = vector2(240);
export const sub = vector2(241);
export const mul = vector2(242);
export const div = vector2(243);
export const promote_low_f32x4 = vector1(95);
export { constant as const };
