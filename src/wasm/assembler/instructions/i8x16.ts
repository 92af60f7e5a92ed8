/** Instructions `i8x16`. */
import { simd, type V128, value } from "../values.ts";

/** Bytes of a and b (16 on) by their numbers. */
export const shuffle = (a: V128, b: V128, bytes: readonly number[]): V128 =>
  value("v128", a.code, b.code, simd(13), bytes);
