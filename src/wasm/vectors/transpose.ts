/** Four vectors as the columns of what they were the rows of. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { i8x16, type V128 } from "../assembler/instructions.ts";
import { bytesOf } from "./lanes.ts";

const LOW = bytesOf(0, 4, 1, 5);
const HIGH = bytesOf(2, 6, 3, 7);
const FIRST = bytesOf(0, 1, 4, 5);
const LAST = bytesOf(2, 3, 6, 7);

/** Lane j of vector i becomes lane i of vector j. */
export function transpose4(f: FunctionBuilder, [a, b, c, d]: readonly V128[]): readonly V128[] {
  const [p, q, r, s] = [a, b, c, d].map((vector) => f.keep(vector));
  const [low, lowNext] = [f.keep(i8x16.shuffle(p, q, LOW)), f.keep(i8x16.shuffle(r, s, LOW))];
  const [high, highNext] = [f.keep(i8x16.shuffle(p, q, HIGH)), f.keep(i8x16.shuffle(r, s, HIGH))];
  return [
    i8x16.shuffle(low, lowNext, FIRST),
    i8x16.shuffle(low, lowNext, LAST),
    i8x16.shuffle(high, highNext, FIRST),
    i8x16.shuffle(high, highNext, LAST),
  ];
}
