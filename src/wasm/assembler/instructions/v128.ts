/** Instructions `v128`. */
import { unsigned } from "../encode.ts";
import { type I32, loadOf, simd, unary, type V128, value, vector1, vector2 } from "../values.ts";

/** Sixteen bytes, the lowest address first. */
export const constant = (bytes: readonly number[]): V128 => value("v128", simd(12), bytes);
export const load = loadOf("v128", 4, ...simd(0));
/** One number in all four lanes. */
export const load32_splat = loadOf("v128", 2, ...simd(9));
/** Four bytes in the first lane, zeros in the others. */
export const load32_zero = loadOf("v128", 2, ...simd(92));
/** Four bytes in one lane of `vector`. */
export const load32_lane = (address: I32, vector: V128, lane: number, offset = 0): V128 =>
  value("v128", address.code, vector.code, simd(86), 2, unsigned(offset), lane);
export const not = vector1(77);
export const and = vector2(78);
/** a and not b. */
export const andnot = vector2(79);
export const or = vector2(80);
export const xor = vector2(81);
/** The bits of `a` where those of `mask` are set, else those of `b`. */
export const bitselect = (a: V128, b: V128, mask: V128): V128 =>
  value("v128", a.code, b.code, mask.code, simd(82));
export const any_true = unary<"v128", "i32">("i32", ...simd(83));
export { constant as const };
