/** Instructions `f64`. */
import { float64 } from "../encode.ts";
import { binary, type F64, loadOf, unary, value } from "../values.ts";

export const load = loadOf("f64", 3, 0x2b);
export const constant = (x: number): F64 => value("f64", 0x44, float64(x));
export const add = binary<"f64", "f64">("f64", 0xa0);
export const promote_f32 = unary<"f32", "f64">("f64", 0xbb);
export { constant as const };
