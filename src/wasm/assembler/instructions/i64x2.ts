/** Instructions `i64x2`. */
import { vector2 } from "../values.ts";

/** Products of the low two (high two) u32, whole. */
export const extmul_low_i32x4_u = vector2(222);
export const extmul_high_i32x4_u = vector2(223);
