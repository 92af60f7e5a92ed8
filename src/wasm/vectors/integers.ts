/** Division of four integers, from 0 up to 2^31, by a constant. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { i8x16, i32, i32x4, i64x2, type V128, v128 } from "../assembler/instructions.ts";

/** The upper words of two products each. */
const UPPER = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];

/**
 * ⌊x / by⌋ as the upper part of x · ⌈2^(32 + s) / by⌉, with 2^s the largest power of two below `by` (Granlund and
 * Montgomery: "Division by Invariant Integers using Multiplication", PLDI 1994). `x` is a local.
 */
export function quotients(f: FunctionBuilder, x: V128, by: number): V128 {
  if (by === 1) return x;
  const power = Math.floor(Math.log2(by));
  if (2 ** power === by) return i32x4.shr_u(x, i32.const(power));
  const factor = Number((1n << BigInt(32 + power)) / BigInt(by) + 1n);
  const factors = f.constant(i32x4.const(factor));
  const products = i8x16.shuffle(
    i64x2.extmul_low_i32x4_u(x, factors),
    i64x2.extmul_high_i32x4_u(x, factors),
    UPPER,
  );
  return power === 0 ? products : i32x4.shr_u(products, i32.const(power));
}

/** x % by. `x` is a local. */
export function remainders(f: FunctionBuilder, x: V128, by: number): V128 {
  const power = Math.log2(by);
  if (Number.isInteger(power)) return v128.and(x, f.constant(i32x4.const(by - 1)));
  const multiples = i32x4.mul(quotients(f, x, by), f.constant(i32x4.const(by)));
  return i32x4.sub(x, multiples);
}
