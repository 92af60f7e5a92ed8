/** Instructions `i16x8`. */
import { vector1 } from "../values.ts";

export const extend_low_i8x16_u = vector1(137);
