/** Sums of a value and a constant. */
import type { Code } from "./encode.ts";
import * as i32 from "./instructions/i32.ts";
import { constantOf, type I32, I32_ADD, value } from "./values.ts";

/** A value as the sum of another one and a constant, which is 0 where the value is no such sum. */
export function partsOf(sum: I32): readonly [value: I32, constant: number] {
  const known = constantOf(sum);
  if (known !== undefined) return [i32.const(0), known];
  const [a, b, opcode] = sum.code as readonly Code[];
  const constant = opcode === I32_ADD ? constantOf(value("i32", ...b)) : undefined;
  return constant === undefined ? [sum, 0] : [value("i32", ...a), constant];
}
