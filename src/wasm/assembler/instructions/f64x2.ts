/** Instructions `f64x2`. */
import { float64 } from "../encode.ts";
import { type V128, vector1, vector2 } from "../values.ts";
import * as v128 from "./v128.ts";

export const constant = (a: number, b = a): V128 => v128.const([a, b].flatMap(float64));
export const nearest = vector1(148);
export const add = vector2(240);
export const sub = vector2(241);
export const mul = vector2(242);
export const promote_low_f32x4 = vector1(95);
export { constant as const };
